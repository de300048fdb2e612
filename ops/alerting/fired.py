"""Alerts of Azure Monitor: what has fired, what came of it, and who has seen to it.

The one reader of Alerts Management. Azure: Alerts_GetAll, Alerts_ChangeState
(2025-05-25-preview: alerts carry the custom properties of their rule).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from ops.alerting import values
from ops.alerting.rules import DIMENSIONS
from ops.alerting.wording import named
from ops.clients import Workspace
from ops.errors import OpsError
from ops.readings import aware

VERSION = "2025-05-25-preview"
PROVIDER = "providers/Microsoft.AlertsManagement"
FIRED, RESOLVED = "fired", "resolved"
NEW, ACKNOWLEDGED, CLOSED = "new", "acknowledged", "closed"
RANGES = {
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
LONGEST = RANGES["30d"]  # Azure keeps no alert for longer
PAGE = 25  # the most that Azure gives with contexts
GRAVE = 1  # severities up to this one wake somebody
PREFIX = "aml-ops-"  # of the names of our rules
OURS = "aml-ops."  # before the names of the custom properties that our rules carry
DEPLOYMENT = ("deploymentname", "deployment")  # dimensions, of logs and of metrics


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert: of one rule, on one resource, for one set of dimensions."""

    id: str  # a GUID
    rule: str  # as in alerts/, or the resource's name where the rule isn't ours
    rule_id: str  # ARM id
    endpoint: str
    deployment: str  # "" where it is about the endpoint as a whole
    dimensions: Mapping[str, str]
    severity: int  # 0 critical .. 4 verbose
    condition: str  # FIRED or RESOLVED: the system's word
    state: str  # NEW, ACKNOWLEDGED, CLOSED: a person's
    by: str  # who has said so; "" while it is new
    started: datetime
    resolved: datetime | None
    value: float | None
    threshold: float | None
    sign: str  # one of values.SIGNS' words; "" where it is not known
    unit: str
    muted: bool  # an alert processing rule kept its action groups silent
    summary: str
    runbook: str
    next: str  # the command to type
    notify: tuple[str, ...]  # the groups of the rule; () where it doesn't say
    target: str = ""  # ARM id
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The condition that was met, and its windowSize, in Azure's words."""

    @property
    def fired(self) -> bool:
        return self.condition == FIRED

    @property
    def subject(self) -> str:
        """What it is about: the deployment and all other dimensions."""
        others = [
            value
            for name, value in sorted(self.dimensions.items())
            if name.lower() not in DEPLOYMENT and value
        ]
        return " ".join([self.deployment or self.endpoint, *others])

    @property
    def measured(self) -> str:
        """`12.4% over 5%`, `310 over 250 ms`; what isn't known is left out."""
        if self.value is None:
            return ""
        if self.threshold is None or not self.sign:
            return values.number(self.value, self.unit)
        return values.against(self.value, self.sign, self.threshold, self.unit)


def fired(workspace: Workspace, endpoint: str | None = None) -> list[Alert]:
    """What is fired now, of an endpoint or of all; the gravest first. One request."""
    found = _list(workspace, {"timeRange": "30d", "monitorCondition": "Fired"})
    return ordered(each for each in found if endpoint in (None, each.endpoint))


def at_hand(workspace: Workspace, endpoint: str) -> list[Alert]:
    """The same beside something else: [] where alerts can't be read."""
    try:
        return fired(workspace, endpoint)
    except OpsError:
        return []


def since(
    workspace: Workspace, length: timedelta, endpoint: str | None = None
) -> list[Alert]:
    """What is fired now, whenever it began, and what began or ended lately."""
    # What ended lately may have begun long before: Azure's range is of beginnings.
    found = _list(workspace, {"timeRange": "30d"})
    start = workspace.now() - length
    return ordered(
        each
        for each in found
        if endpoint in (None, each.endpoint)
        and (each.fired or max(each.started, each.resolved or each.started) >= start)
    )


def change_state(
    workspace: Workspace, alert: Alert, state: str, comment: str = ""
) -> None:
    """Say that an alert is seen to (ACKNOWLEDGED), over (CLOSED), or NEW again."""
    asked = {"api-version": VERSION, "newState": state.capitalize()}
    path = f"{_url(workspace)}/{alert.id}/changestate?{urlencode(asked)}"
    workspace.post(path, {"comment": comment})


def ordered(alerts: Any) -> list[Alert]:
    """Fired ones before resolved ones; the gravest first, the newest last begun."""
    newest = sorted(alerts, key=lambda each: each.started, reverse=True)
    return sorted(
        newest,
        key=lambda each: (not each.fired, each.severity if each.fired else 0),
    )


def unseen(alerts: list[Alert]) -> list[Alert]:
    """Those that should wake somebody, and that nobody has taken or muted."""
    return [
        each
        for each in alerts
        if each.fired
        and each.severity <= GRAVE
        and each.state == NEW
        and not each.muted
    ]


def to_alert(item: Mapping[str, Any], told: Mapping[str, str] | None = None) -> Alert:
    """An item of Alerts_GetAll. Azure leaves out, or nulls, whatever it likes.

    `told` is what else is known of its rule, by the names of the custom properties.
    """
    properties = item["properties"]
    essentials = properties["essentials"]
    condition = _condition(properties)
    dimensions = _dimensions(condition)
    custom = {**(told or {}), **_custom(properties)}
    target = str(essentials.get("targetResource") or "")
    endpoint = custom.get("endpoint") or part(target, "onlineendpoints")
    rule_id = str(essentials.get("alertRule") or "an alert")
    ended = essentials.get("monitorConditionResolvedDateTime")
    state = str(essentials.get("alertState") or "New").lower()
    names = {name.lower(): value for name, value in dimensions.items()}
    own = next((names[name] for name in DEPLOYMENT if names.get(name)), "")
    deployment = own or part(target, "deployments") or custom.get("deployment", "")
    return Alert(
        id=str(item.get("id", "")).rsplit("/", 1)[-1],
        rule=custom.get("rule") or _name(rule_id, endpoint),
        rule_id=rule_id,
        endpoint=endpoint,
        deployment=deployment,
        dimensions=dimensions,
        severity=int(str(essentials.get("severity", "Sev4")).removeprefix("Sev")),
        condition=str(essentials.get("monitorCondition") or "Fired").lower(),
        state=state,
        by="" if state == NEW else str(essentials.get("lastModifiedUserName") or ""),
        started=_moment(essentials["startDateTime"]),
        resolved=_moment(ended) if ended else None,
        value=_number(condition.get("metricValue")),
        threshold=_number(condition.get("threshold")),
        sign=values.SIGNS.get(str(condition.get("operator")), ""),
        unit=custom.get("unit", "").strip(),
        muted=bool((essentials.get("actionStatus") or {}).get("isSuppressed")),
        summary=named(
            str(essentials.get("description") or ""),
            {"deployment": deployment, **_words(dimensions)},
        ),
        runbook=custom.get("runbook", ""),
        next=custom.get("next", ""),
        notify=tuple(filter(None, custom.get("notify", "").split(","))),
        target=target,
        context={**_window(properties), **condition},
    )


def _words(dimensions: Mapping[str, str]) -> dict[str, str]:
    """Dimensions by the words that summaries have for them."""
    columns = {column: word for word, column in DIMENSIONS.items()}
    return {columns.get(name, name): value for name, value in dimensions.items()}


def part(id_: str, kind: str) -> str:
    """The name behind a kind in an ARM id, whatever its case; "" for none."""
    parts = id_.split("/")
    lowered = [each.lower() for each in parts]
    at = lowered.index(kind) + 1 if kind in lowered else len(parts)
    return parts[at] if at < len(parts) else ""


def _list(workspace: Workspace, asked: Mapping[str, str]) -> list[Alert]:
    """Those of the workspace's endpoints, with their contexts."""
    query = {
        "api-version": VERSION,
        "targetResourceGroup": workspace.resource_group,
        "includeContext": "true",
        "pageCount": str(PAGE),
        **asked,
    }
    below = f"{workspace.id}/onlineEndpoints/".lower()
    items = workspace.list(f"{_url(workspace)}?{urlencode(query)}")
    told = _told(workspace, items)
    return [
        to_alert(item, told.get(_rule(item), {}))
        for item in items
        if _target(item).startswith(below) or _rule(item) in told or _scales(item)
    ]


def _scales(item: Mapping[str, Any]) -> bool:
    """Whether it is an alert of a rule of ours on what scales an endpoint."""
    ours = bool(_custom(item["properties"]).get("endpoint"))
    return ours and "/autoscalesettings/" in _target(item)


def _told(
    workspace: Workspace, items: list[dict[str, Any]]
) -> dict[str, dict[str, str]]:
    """What tags say of metric rules of ours, by the rules' ids.

    Such a rule's alerts bring back what its actions carry: nothing where it has none.
    """
    ours = [item for item in items if f"/metricalerts/{PREFIX}" in _rule(item)]
    if all(_custom(item["properties"]) for item in ours):
        return {}
    from ops.alerting.compiling import METRIC_RULES
    from ops.alerting.monitor import Monitor

    return {
        each.id.lower(): {"endpoint": each.endpoint, "rule": each.rule, **each.told}
        for each in Monitor(workspace).list(METRIC_RULES)
        if each.owner
    }


def _rule(item: Mapping[str, Any]) -> str:
    return str(item["properties"]["essentials"].get("alertRule")).lower()


def _target(item: Mapping[str, Any]) -> str:
    return str(item["properties"]["essentials"].get("targetResource")).lower()


def _url(workspace: Workspace) -> str:
    scope = f"{workspace.base_url}/subscriptions/{workspace.subscription_id}"
    return f"{scope}/{PROVIDER}/alerts"


def _condition(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The condition that was met; rules of ours have one."""
    every = _whole(properties).get("allOf") or [{}]
    return dict(every[0] or {})


def _window(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"windowSize": _whole(properties).get("windowSize")}


def _whole(properties: Mapping[str, Any]) -> dict[str, Any]:
    context = (properties.get("context") or {}).get("context") or {}
    return dict(context.get("condition") or {})


def _dimensions(condition: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(each.get("name")): str(each.get("value") or "")
        for each in condition.get("dimensions") or []
    }


def _custom(properties: Mapping[str, Any]) -> dict[str, str]:
    """The custom properties of a rule of ours, by what comes behind `aml-ops.`."""
    found = properties.get("customProperties") or {}
    return {
        name.removeprefix(OURS): str(value)
        for name, value in found.items()
        if name.startswith(OURS)
    }


def _name(rule_id: str, endpoint: str) -> str:
    """What a rule is called in alerts/, if it is ours: its resource's name has more."""
    return rule_id.rsplit("/", 1)[-1].removeprefix(f"aml-ops-{endpoint}-")


def _moment(text: str) -> datetime:
    return aware(datetime.fromisoformat(text))


def _number(value: Any) -> float | None:
    """A number, or text that is one: thresholds come as text, or not at all."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
