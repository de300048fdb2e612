"""What Azure refuses of a metric rule, as sentences that name the field.

Azure: metricAlerts 2018-03-01, alerts-metric-near-real-time, alerts-dynamic-thresholds
and service-limits. Where the words of a refusal are known they are Azure's.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ops.localcloud.alerting.checkqueryrule import (
    OPERATORS,
    Kinds,
    action_groups,
    failing,
    split,
)
from ops.localcloud.catalog import AUTOSCALE, CATALOG, DEPLOYMENTS, ENDPOINTS, Metric
from ops.localcloud.fields import (
    Problems,
    Told,
    flag,
    given,
    length,
    length_in,
    number,
    objects,
    one_of,
    pairs,
    short,
    strings,
    whole,
)
from ops.localcloud.metrics import AGGREGATIONS

FREQUENCIES = ("PT1M", "PT5M", "PT15M", "PT30M", "PT1H")
WINDOWS = (*FREQUENCIES, "PT6H", "PT12H", "P1D")
MOST_TEXT = 2048
MOST_CRITERIA = 5
PREFIX = "Microsoft.Azure.Monitor."
SINGLE = f"{PREFIX}SingleResourceMultipleMetricCriteria"
MULTIPLE = f"{PREFIX}MultipleResourceMultipleMetricCriteria"
STATIC, DYNAMIC = "StaticThresholdCriterion", "DynamicThresholdCriterion"
MEASURED = {
    "onlineendpoints": ENDPOINTS,
    "deployments": DEPLOYMENTS,
    "autoscalesettings": AUTOSCALE,
}
NEVER_DYNAMIC = (
    (ENDPOINTS, "RequestsPerMinute"),
    (DEPLOYMENTS, "DeploymentCapacity"),
)


def problems(told: dict[str, Any], *, kinds: Kinds) -> list[str]:
    """All that is wrong with a rule's properties."""
    return list(_rule(told, kinds))


def _rule(told: Told, kinds: Kinds) -> Problems:
    yield from short("", told, "description", MOST_TEXT)
    yield from whole("", told, "severity", 0, 4)
    yield from flag("", told, "enabled", required=True)
    yield from flag("", told, "autoMitigate")
    yield from length_in("", told, "evaluationFrequency", FREQUENCIES)
    yield from length_in("", told, "windowSize", WINDOWS)
    every, window = (
        length(told.get("evaluationFrequency")),
        length(told.get("windowSize")),
    )
    if every and window and every > window:
        yield "evaluationFrequency must not be longer than windowSize."
    criteria = told.get("criteria")
    criteria = criteria if isinstance(criteria, dict) else {}
    yield from one_of("criteria", criteria, "odata.type", (SINGLE, MULTIPLE))
    yield from _scopes(told, criteria.get("odata.type"), kinds)
    yield from _target(told, _kind(told, kinds))
    yield from _actions(told.get("actions"), kinds)
    yield from _criteria(criteria, _kind(told, kinds))


def _kind(told: Told, kinds: Kinds) -> str | None:
    """The metric namespace of what the rule watches, where that is one."""
    scopes = told.get("scopes")
    named = scopes[0] if isinstance(scopes, list) and scopes else None
    found = kinds(named) if isinstance(named, str) else None
    return MEASURED.get(found or "")


def _scopes(told: Told, odata: Any, kinds: Kinds) -> Problems:
    yield from strings("", told, "scopes", 1)
    scopes = told.get("scopes")
    if not isinstance(scopes, list) or not all(isinstance(e, str) for e in scopes):
        return
    missing = [each for each in scopes if kinds(each) not in MEASURED]
    for each in missing:
        yield f"scopes: '{each}' was not found, or has no metrics to watch."
    if len(scopes) < 2 or missing:
        return
    if odata == SINGLE:
        yield (
            "Scopes property is invalid. Only single resource is allowed for criteria "
            "type SingleResourceMultipleMetricCriteria. If you want to create an alert "
            "on multiple resources, use MultipleResourceMultipleMetricCriteria "
            "odata.type."
        )
    else:
        type_ = MEASURED[str(kinds(scopes[0]))]
        yield (
            f"For the resource type {type_}, selecting only one resource is supported."
        )


def _target(told: Told, kind: str | None) -> Problems:
    type_ = told.get("targetResourceType")
    if type_ is not None and kind and str(type_).lower() != kind.lower():
        yield f"targetResourceType '{type_}' is not that of scopes, which is {kind}."
    yield from short("", told, "targetResourceRegion", MOST_TEXT)


def _actions(told: Any, kinds: Kinds) -> Problems:
    actions = objects(told or [])
    if actions is None:
        yield "actions must be a list of objects."
        return
    for place, each in enumerate(actions):
        yield from given(f"actions[{place}]", each, "actionGroupId")
        yield from pairs(f"actions[{place}]", each, "webHookProperties")
    ids = [each.get("actionGroupId") for each in actions]
    yield from action_groups("actions", ids, kinds)


def _criteria(told: Told, kind: str | None) -> Problems:
    found = objects(told.get("allOf"))
    if not found:
        yield "criteria.allOf must be a list of conditions."
        return
    most = MOST_CRITERIA if told.get("odata.type") == SINGLE else 1
    if len(found) > most:
        yield f"criteria.allOf must hold at most {most} for this odata.type."
    names = [each.get("name") for each in found]
    for place, each in enumerate(found):
        at = f"criteria.allOf[{place}]"
        yield from given(at, each, "name")
        if names.index(each.get("name")) < place:
            yield f"{at}.name '{each.get('name')}' is used more than once."
        yield from _condition(at, each, kind, told.get("odata.type"))
        if len(found) > 1 and any(_wide(one) for one in each.get("dimensions") or ()):
            yield (
                f"{at}.dimensions: each takes one value only where a rule has several "
                "conditions."
            )


def _wide(dimension: Any) -> bool:
    values = dimension.get("values") if isinstance(dimension, dict) else None
    return isinstance(values, list) and (len(values) > 1 or values == ["*"])


def _condition(at: str, told: Told, kind: str | None, odata: Any) -> Problems:
    type_ = told.get("criterionType", STATIC)
    if type_ not in (STATIC, DYNAMIC):
        yield f"{at}.criterionType must be one of {STATIC}, {DYNAMIC}."
    yield from one_of(at, told, "timeAggregation", AGGREGATIONS)
    dynamic = type_ == DYNAMIC
    yield from _dynamic(at, told, odata) if dynamic else _static(at, told)
    dimensions = objects(told.get("dimensions") or [])
    if dimensions is None:
        yield f"{at}.dimensions must be a list of objects."
    else:
        yield from split(f"{at}.dimensions", dimensions)
    yield from flag(at, told, "skipMetricValidation")
    yield from given(at, told, "metricName")
    if kind and isinstance(told.get("metricName"), str):
        yield from _metric(at, told, kind, dimensions or [], dynamic=dynamic)


def _static(at: str, told: Told) -> Problems:
    yield from one_of(at, told, "operator", OPERATORS)
    yield from number(at, told, "threshold")


def _dynamic(at: str, told: Told, odata: Any) -> Problems:
    if odata != MULTIPLE:
        yield f"{at}.criterionType: {DYNAMIC} needs the odata.type {MULTIPLE}."
    directions = ("GreaterOrLessThan", "GreaterThan", "LessThan")
    yield from one_of(at, told, "operator", directions)
    yield from one_of(at, told, "alertSensitivity", ("Low", "Medium", "High"))
    periods = told.get("failingPeriods")
    yield from failing(
        f"{at}.failingPeriods", periods if isinstance(periods, dict) else {}
    )
    if told.get("ignoreDataBefore") is not None:
        try:
            datetime.fromisoformat(told["ignoreDataBefore"])
        except (TypeError, ValueError):
            yield f"{at}.ignoreDataBefore must be a time of ISO 8601."


def _metric(
    at: str, told: Told, kind: str, dimensions: list[dict[str, Any]], *, dynamic: bool
) -> Problems:
    """What is wrong with what a condition watches: it must be measured."""
    space = told.get("metricNamespace")
    if space is not None and str(space).lower() != kind.lower():
        yield f"{at}.metricNamespace '{space}' is not that of scopes, which is {kind}."
        return
    known: Mapping[str, Metric] = {one.name.lower(): one for one in CATALOG[kind]}
    metric = known.get(told["metricName"].lower())
    if metric is None:
        if told.get("skipMetricValidation") is not True:
            names = ", ".join(sorted(one.name for one in known.values()))
            yield f"{at}.metricName '{told['metricName']}' is none of {kind}: {names}."
        return
    if dynamic and (kind, metric.name) in NEVER_DYNAMIC:
        yield f"{at}.metricName {metric.name} does not support dynamic thresholds."
    named = {each.lower() for each in metric.dimensions}
    for place, each in enumerate(dimensions):
        if str(each.get("name")).lower() not in named:
            there = ", ".join(metric.dimensions) or "none"
            yield (
                f"{at}.dimensions[{place}]: {metric.name} has no "
                f"'{each.get('name')}'; its dimensions: {there}."
            )
