"""What alerts of a rule bring back for people to read: custom properties, or tags."""

from ops.alerting.places import Place
from ops.alerting.rules import Metric, Rule
from ops.settings import shown

NOBODY = "-"  # the name of no group


def custom(rule: Rule, place: Place, unit: str, deployment: str = "") -> dict[str, str]:
    """What an alert and its notifications bring back for a person to read."""
    at = f" --endpoint {place.endpoint}{place.flags}"
    found = {
        "aml-ops.rule": rule.name,
        "aml-ops.endpoint": place.endpoint,
        "aml-ops.deployment": deployment,
        "aml-ops.runbook": shown(rule.runbook),
        "aml-ops.next": f"{rule.next}{at}",
        "aml-ops.unit": unit,
        "aml-ops.notify": _names(rule),
    }
    return {name: text for name, text in found.items() if text}


def carried(rule: Rule, place: Place, deployment: str) -> dict[str, str]:
    """The tags that stand in for custom properties."""
    assert isinstance(rule.condition, Metric)
    found = custom(rule, place, unit_of(rule.condition.name), deployment)
    known = ("aml-ops.rule", "aml-ops.endpoint", "aml-ops.notify")
    return {name: text for name, text in found.items() if name not in known}


def unit_of(metric: str) -> str:
    """What a value of one of Azure's metrics is shown with."""
    if metric.endswith("Percentage") or metric == "DiskUtilization":
        return "%"
    if metric.startswith("RequestLatency"):
        return "ms"
    if metric in ("ObservedCapacity", "DeploymentCapacity"):
        return "instances"
    return "requests/min" if metric == "RequestsPerMinute" else ""


def _names(rule: Rule) -> str:
    """Whom the relay tells: "" for everybody, as one who reads it takes its lack."""
    return "" if rule.notify is None else ",".join(rule.notify) or NOBODY
