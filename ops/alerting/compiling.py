"""Alert rules as resources of Azure Monitor: pure, from a rule and where it goes.

Azure: scheduledQueryRules 2023-12-01, metricAlerts 2018-03-01, the versions that
azure-mgmt-monitor speaks. A metric rule of deployments becomes one rule for each:
Azure's rules over several resources know few types, and no deployments.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ops.alerting import carrying
from ops.alerting.places import Place
from ops.alerting.rules import (
    ELSEWHERE,
    EVERY,
    WINDOW,
    Block,
    Log,
    Metric,
    Rule,
    iso,
    resource_name,
)
from ops.alerting.wording import amount, filled
from ops.autoscaling.sources import seconds
from ops.specs import fingerprint

LOG_RULES, METRIC_RULES = "scheduledQueryRules", "metricAlerts"
OWNER, HASH = "aml-ops", "aml-ops.hash"  # tags: whose a resource is, and its content
NAMESPACE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
AUTOSCALE = "Microsoft.Insights/autoscalesettings"
MOST_BYTES = 64 * 1024  # of a rule; Azure: alerts-troubleshoot-log
MOST_CHARACTERS = 260  # of its name; Azure: resource-name-rules
ONE, SEVERAL = (
    f"Microsoft.Azure.Monitor.{each}ResourceMultipleMetricCriteria"
    for each in ("Single", "Multiple")
)
UNITS = {"Percent": "%", "Milliseconds": "ms"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One resource that shall be there."""

    kind: str  # of Microsoft.Insights: scheduledQueryRules ...
    name: str
    rule: str  # or the action group's name
    endpoint: str = ""
    deployment: str = ""
    notes: tuple[str, ...] = ()
    body: dict[str, Any] = field(repr=False)


def compiled(rule: Rule, place: Place, notes: tuple[str, ...] = ()) -> list[Wanted]:
    """The resources of a rule for one endpoint, its condition a query's or a metric's.

    None for a metric of deployments where there are none, or none that is autoscaled.
    """
    condition = rule.condition
    assert not isinstance(condition, Block), f"{rule.name} must be resolved"
    if isinstance(condition, Log):
        return [_wanted(rule, place, _log(rule, condition, place), notes)]
    if condition.of == "endpoint":
        return [_wanted(rule, place, _metric(rule, condition, place), notes)]
    watched = place.scaled if condition.of == "autoscale" else place.deployments
    return [
        _wanted(rule, place, _metric(rule, condition, place, each), notes, each)
        for each in watched
    ]


def problems(wanted: Wanted) -> Iterator[str]:
    """What Azure would refuse of a whole rule, whatever it says."""
    size = len(json.dumps(wanted.body).encode())
    if size > MOST_BYTES:
        yield f"{wanted.name} takes {size // 1024} KB; Azure takes rules up to 64 KB"
    if len(wanted.name) > MOST_CHARACTERS:
        yield f"{wanted.name} is longer than {MOST_CHARACTERS} characters"
    properties = wanted.body["properties"]
    if wanted.kind != LOG_RULES and wanted.kind != METRIC_RULES:
        return
    lengths = [properties[each] for each in ("evaluationFrequency", "windowSize")]
    if seconds(lengths[0]) > seconds(lengths[1]):
        yield f"{wanted.name} is evaluated every {lengths[0]}, over {lengths[1]} only"
    if wanted.kind == LOG_RULES and _steps(properties) > timedelta(days=2):
        yield f"{wanted.name} looks back for more than 2 days, all windows together"


def every_minute(wanted: Wanted) -> bool:
    """Whether it is one of the log rules of which Azure takes only so many."""
    properties = wanted.body["properties"]
    return wanted.kind == LOG_RULES and properties["evaluationFrequency"] == "PT1M"


def _steps(properties: Mapping[str, Any]) -> timedelta:
    """How far back all periods together look: Azure counts windows."""
    failing = properties["criteria"]["allOf"][0]["failingPeriods"]
    window = seconds(properties["windowSize"])
    found: timedelta = window * failing["numberOfEvaluationPeriods"]
    return found


def _wanted(
    rule: Rule,
    place: Place,
    body: dict[str, Any],
    notes: tuple[str, ...],
    deployment: str = "",
) -> Wanted:
    kind = LOG_RULES if body.get("kind") == "LogAlert" else METRIC_RULES
    tags = {OWNER: f"{place.endpoint}/{rule.name}"}
    if kind == METRIC_RULES:
        # Its alerts bring back what its actions carry, and it may have none.
        tags |= carrying.carried(rule, place, deployment)
    body["tags"] = {**tags, HASH: fingerprint(tags, body)}
    return Wanted(
        kind=kind,
        name=resource_name(place.endpoint, rule.name, deployment),
        rule=rule.name,
        endpoint=place.endpoint,
        deployment=deployment,
        notes=notes,
        body=body,
    )


def _log(rule: Rule, condition: Log, place: Place) -> dict[str, Any]:
    criterion: dict[str, Any] = {
        "query": condition.query,
        "timeAggregation": condition.aggregate,
        "dimensions": [_dimension(name) for name in rule.by],
        "operator": condition.operator,
        "threshold": condition.threshold,
        "failingPeriods": {
            "numberOfEvaluationPeriods": rule.failing.of,
            "minFailingPeriodsToAlert": rule.failing.count,
        },
    }
    if condition.measure:
        criterion["metricMeasureColumn"] = condition.measure
    limit = amount(condition.threshold, condition.unit)
    properties = {
        **_shared(rule, place, [place.id], limit),
        "displayName": f"{place.endpoint}: {rule.name}",
        "skipQueryValidation": False,
        "criteria": {"allOf": [criterion]},
        "actions": {
            "actionGroups": _groups(rule, place),
            "customProperties": carrying.custom(rule, place, condition.unit),
        },
    }
    return {"location": place.location, "kind": "LogAlert", "properties": properties}


def _metric(
    rule: Rule, condition: Metric, place: Place, deployment: str = ""
) -> dict[str, Any]:
    unit = carrying.unit_of(condition.name)
    target, namespace = place.id, NAMESPACE
    if deployment:
        target, namespace = place.deployments[deployment], f"{NAMESPACE}/deployments"
    if condition.of == "autoscale":
        target, namespace = place.scaled[deployment].id, AUTOSCALE
        if condition.threshold == ELSEWHERE:
            most = float(place.scaled[deployment].maximum)
            condition = replace(condition, threshold=most)
    names = {name for name, _, _ in condition.where}
    criterion: dict[str, Any] = {
        "name": rule.name,
        "metricName": condition.name,
        "metricNamespace": namespace,
        "timeAggregation": condition.aggregate,
        "dimensions": [
            *(_dimension(name) for name in rule.by if name not in names),
            *(_dimension(*each) for each in condition.where),
        ],
        **_limit(rule, condition),
    }
    limit = amount(condition.threshold, unit)
    if condition.dynamic:
        limit = "what Azure has learned"
    told = carrying.custom(rule, place, unit, deployment)
    properties = {
        **_shared(rule, place, [target], limit, deployment),
        "targetResourceType": criterion["metricNamespace"],
        "targetResourceRegion": place.location,
        # Azure takes a learned threshold in no criteria but these.
        "criteria": {
            "odata.type": SEVERAL if condition.dynamic else ONE,
            "allOf": [criterion],
        },
        "actions": [
            {"actionGroupId": each, "webHookProperties": told}
            for each in _groups(rule, place)
        ],
    }
    return {"location": "global", "properties": properties}


def _limit(rule: Rule, condition: Metric) -> dict[str, Any]:
    learned = condition.dynamic
    if learned is None:
        return {
            "criterionType": "StaticThresholdCriterion",
            "operator": condition.operator,
            "threshold": condition.threshold,
        }
    return {
        "criterionType": "DynamicThresholdCriterion",
        "operator": learned.operator,
        "alertSensitivity": learned.sensitivity,
        "failingPeriods": {
            "numberOfEvaluationPeriods": float(rule.failing.of),
            "minFailingPeriodsToAlert": float(rule.failing.count),
        },
    }


def _shared(
    rule: Rule, place: Place, scopes: list[str], limit: str, deployment: str = ""
) -> dict[str, Any]:
    window = rule.window or WINDOW
    every = rule.every or min(EVERY, window)
    return {
        "description": filled(rule.summary, place.endpoint, limit, window, deployment),
        "severity": rule.severity,
        "enabled": True,
        "scopes": scopes,
        "evaluationFrequency": iso(every),
        "windowSize": iso(window),
        "autoMitigate": rule.resolves,
    }


def _dimension(
    name: str, how: str = "Include", values: tuple[str, ...] = ("*",)
) -> dict[str, Any]:
    return {"name": name, "operator": how, "values": list(values)}


def _groups(rule: Rule, place: Place) -> list[str]:
    """The action groups that a rule tells; names that only cards go to have none."""
    names = place.groups if rule.notify is None else rule.notify
    return [id_ for name in names if (id_ := place.groups.get(name))]
