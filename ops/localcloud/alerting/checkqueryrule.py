"""What Azure refuses of a log rule, as sentences that name the field.

Azure: scheduledQueryRules 2023-12-01, alerts-create-log-alert-rule and service-limits.
What the documents don't say is from Terraform's azurerm_monitor_scheduled_query_rules_
alert_v2: one scope, one condition, at most six periods.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ops.localcloud.alerting import checkquery
from ops.localcloud.alerting.checkquery import MOST_DIMENSIONS, Columns
from ops.localcloud.fields import (
    DAY,
    HOUR,
    MINUTE,
    Problems,
    Told,
    between,
    flag,
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

Kinds = Callable[[str], str | None]  # an id -> the type of what it names; None: nothing

HOURS = tuple(f"PT{hours}H" for hours in range(1, 7))
MINUTES = ("PT5M", "PT10M", "PT15M", "PT30M", "PT45M")
FREQUENCIES = ("PT1M", *MINUTES, *HOURS, "P1D")
WINDOWS = (*FREQUENCIES, "P2D")
MUTES = (*MINUTES, *HOURS, "P1D", "P2D")
RANGES = (*MINUTES[:3], "PT20M", *MINUTES[3:], *HOURS, "P1D", "P2D")
AGGREGATIONS = ("Count", "Average", "Minimum", "Maximum", "Total")
OPERATORS = (
    *("Equals", "GreaterThan", "GreaterThanOrEqual"),
    *("LessThan", "LessThanOrEqual"),
)
STATIC = "StaticThresholdCriterion"
LONGEST = 2 * DAY
LONGEST_STATEFUL = 12 * HOUR
LONGEST_EVERY_MINUTE = 6 * HOUR
MOST_PERIODS = 6
MOST_GROUPS = 5
MOST_BYTES = 64 * 1024
MOST_TEXT = 4096
SCOPES = ("onlineendpoints", "deployments", "workspaces", "group", "subscription")


def problems(told: dict[str, Any], *, kinds: Kinds, columns: Columns) -> list[str]:
    """All that is wrong with a rule's properties."""
    return list(_rule(told, kinds, columns))


def _rule(told: Told, kinds: Kinds, columns: Columns) -> Problems:
    if len(json.dumps(told)) > MOST_BYTES:
        yield "The properties of the rule must not exceed 64 KB."
        return
    yield from short("", told, "displayName", MOST_TEXT)
    yield from short("", told, "description", MOST_TEXT)
    yield from whole("", told, "severity", 0, 4)
    for name in ("enabled", "autoMitigate", "skipQueryValidation"):
        yield from flag("", told, name)
    yield from _scope(told, kinds)
    yield from _times(told)
    yield from _muting(told)
    yield from _resolving(told.get("resolveConfiguration"))
    yield from strings("", told, "targetResourceTypes")
    if told.get("checkWorkspaceAlertsStorageConfigured"):
        yield "checkWorkspaceAlertsStorageConfigured: no storage is linked for alerts."
    yield from _actions(told.get("actions"), kinds)
    yield from _criteria(told, columns)


def _scope(told: Told, kinds: Kinds) -> Problems:
    yield from strings("", told, "scopes", 1)
    scopes = told.get("scopes")
    if not isinstance(scopes, list):
        return
    if len(scopes) > 1:
        yield f"scopes must hold exactly one resource, not {len(scopes)}."
    for number_, each in enumerate(scopes):
        if isinstance(each, str) and kinds(each) not in SCOPES:
            yield f"scopes[{number_}]: the resource '{each}' was not found."


def _times(told: Told) -> Problems:
    yield from length_in("", told, "evaluationFrequency", FREQUENCIES)
    yield from length_in("", told, "windowSize", WINDOWS)
    if told.get("overrideQueryTimeRange") is not None:
        yield from length_in("", told, "overrideQueryTimeRange", RANGES)
    every, window = (
        length(told.get("evaluationFrequency")),
        length(told.get("windowSize")),
    )
    if every is None or window is None:
        return
    if every > window:
        yield "evaluationFrequency must not be longer than windowSize."
    if every == MINUTE and window > LONGEST_EVERY_MINUTE:
        yield "windowSize must be at most PT6H with an evaluationFrequency of PT1M."
    looked = length(told.get("overrideQueryTimeRange"))
    if looked and looked < window:
        yield "overrideQueryTimeRange must not be shorter than windowSize."
    if looked and every == MINUTE:
        yield "overrideQueryTimeRange can't be given with a frequency of PT1M."


def _muting(told: Told) -> Problems:
    stateful = told.get("autoMitigate") is not False
    every = length(told.get("evaluationFrequency"))
    if told.get("muteActionsDuration") is not None:
        yield from length_in("", told, "muteActionsDuration", MUTES)
        if stateful:
            yield (
                "Auto mitigation must be disabled when action suppression is set: "
                "autoMitigate must be false with muteActionsDuration."
            )
    if stateful and every and every > LONGEST_STATEFUL:
        yield (
            "autoMitigate must be false with an evaluationFrequency over PT12H: "
            "stateful rules are not evaluated that seldom."
        )


def _resolving(told: Any) -> Problems:
    if told is None:
        return
    if not isinstance(told, dict):
        yield "resolveConfiguration must be an object."
        return
    yield from flag("resolveConfiguration", told, "autoResolved")
    if told.get("timeToResolve") is not None:
        yield from between(
            "resolveConfiguration", told, "timeToResolve", MINUTE, LONGEST
        )


def _actions(told: Any, kinds: Kinds) -> Problems:
    if told is None:
        return
    if not isinstance(told, dict):
        yield "actions must be an object."
        return
    yield from strings("actions", told, "actionGroups")
    yield from pairs("actions", told, "customProperties")
    yield from pairs("actions", told, "actionProperties")
    groups = told.get("actionGroups")
    if isinstance(groups, list):
        yield from action_groups("actions.actionGroups", groups, kinds)


def action_groups(at: str, ids: list[Any], kinds: Kinds) -> Problems:
    """What is wrong with whom a rule tells."""
    if len(ids) > MOST_GROUPS:
        yield f"{at} must be at most {MOST_GROUPS}, not {len(ids)}."
    for number_, each in enumerate(ids):
        if isinstance(each, str) and kinds(each) != "actiongroups":
            yield f"{at}[{number_}]: the action group '{each}' was not found."


def _criteria(told: Told, columns: Columns) -> Problems:
    criteria = told.get("criteria")
    found = objects(criteria.get("allOf")) if isinstance(criteria, dict) else None
    if found is None:
        yield "criteria.allOf must be a list of objects."
        return
    if len(found) != 1:
        yield f"criteria.allOf must hold exactly one condition, not {len(found)}."
    for place, each in enumerate(found):
        at = f"criteria.allOf[{place}]"
        yield from _condition(at, each)
        yield from _periods(at, each.get("failingPeriods"), told)
        yield from checkquery.problems(
            at,
            each,
            every_minute=length(told.get("evaluationFrequency")) == MINUTE,
            columns=None if told.get("skipQueryValidation") is True else columns,
        )


def _condition(at: str, told: Told) -> Problems:
    yield from one_of(at, told, "timeAggregation", AGGREGATIONS)
    yield from one_of(at, told, "operator", OPERATORS)
    yield from number(at, told, "threshold")
    if told.get("criterionType") not in (None, STATIC):
        yield f"{at}.criterionType must be {STATIC}."
    if told.get("metricName"):
        yield f"{at}.metricName is for rules of the kind LogToMetric only."
    dimensions = objects(told.get("dimensions") or [])
    if dimensions is None:
        yield f"{at}.dimensions must be a list of objects."
        return
    if len(dimensions) > MOST_DIMENSIONS:
        yield f"{at}.dimensions must be at most {MOST_DIMENSIONS}."
    yield from split(f"{at}.dimensions", dimensions)


def split(at: str, dimensions: list[dict[str, Any]]) -> Problems:
    """What is wrong with the dimensions of a condition, whatever they are of."""
    names = [each.get("name") for each in dimensions]
    for place, each in enumerate(dimensions):
        here = f"{at}[{place}]"
        if not isinstance(each.get("name"), str) or not each["name"]:
            yield f"{here}.name must be given."
        elif names.index(each["name"]) < place:
            yield f"{here}.name '{each['name']}' is used more than once."
        yield from one_of(here, each, "operator", ("Include", "Exclude"))
        yield from strings(here, each, "values", 1)


def _periods(at: str, told: Any, rule: Mapping[str, Any]) -> Problems:
    if told is None:
        return
    here = f"{at}.failingPeriods"
    if not isinstance(told, dict):
        yield f"{here} must be an object."
        return
    both = {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1, **told}
    yield from failing(here, both)
    window, periods = length(rule.get("windowSize")), both["numberOfEvaluationPeriods"]
    right = periods in range(1, MOST_PERIODS + 1)
    if window and right and periods * window > LONGEST:
        yield f"{here}: {periods:g} periods of windowSize must not exceed P2D."


def failing(at: str, told: Told) -> Problems:
    """How many of the last periods must fail: 2 of 3 and the like."""
    yield from whole(at, told, "numberOfEvaluationPeriods", 1, MOST_PERIODS)
    yield from whole(at, told, "minFailingPeriodsToAlert", 1, MOST_PERIODS)
    least = told.get("minFailingPeriodsToAlert")
    periods = told.get("numberOfEvaluationPeriods")
    if not isinstance(least, int | float) or not isinstance(periods, int | float):
        return
    if least > periods:
        yield (
            f"{at}.minFailingPeriodsToAlert must not exceed numberOfEvaluationPeriods."
        )
