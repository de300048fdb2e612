"""Alert rules as the engine evaluates them, read from what a client has put.

Azure: scheduledQueryRules 2023-12-01 and metricAlerts 2018-03-01. A body has passed the
service's checks; one that has not is refused with a ValueError.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.localcloud.intervals import duration, moment

Dimensions = tuple[tuple[str, str], ...]  # (name, value) in the order of the rule
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SERVICES = {"log": "Log Alerts V2", "metric": "Platform"}


@dataclass(frozen=True, kw_only=True)
class Split:
    """A dimension that a condition looks at each value of, or at some."""

    name: str
    exclude: bool = False
    values: tuple[str, ...] = ("*",)

    def takes(self, value: str) -> bool:
        """Whether this value of it is looked at; case makes no difference."""
        named = value.lower() in [each.lower() for each in self.values]
        return not named if self.exclude else named or "*" in self.values


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One of a rule's conditions: a value, and what it must not be."""

    told: Mapping[str, Any]  # as it is written in the rule
    aggregation: str  # Average, Minimum, Maximum, Total, Count
    operator: str
    threshold: float = math.nan  # of a static one
    splits: tuple[Split, ...] = ()
    periods: int = 1  # windows that are looked at
    failing: int = 1  # how many of them must be beyond the threshold
    query: str = ""  # of a log rule
    measure: str = ""  # its column; "" counts rows
    resource_column: str = ""
    metric: str = ""  # of a metric rule
    sensitivity: str = ""  # of a dynamic threshold
    ignore_before: datetime | None = None

    @property
    def dynamic(self) -> bool:
        return bool(self.sensitivity)

    @property
    def columns(self) -> list[str]:
        """What a query's rows are grouped by."""
        own = [self.resource_column] if self.resource_column else []
        return [*own, *(split.name for split in self.splits)]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An alert rule of either kind."""

    id: str
    name: str
    kind: str  # log or metric
    description: str
    severity: int
    enabled: bool
    stateful: bool
    scopes: tuple[str, ...]
    frequency: timedelta
    window: timedelta
    window_text: str
    criteria: str  # what conditionType says in a payload
    conditions: tuple[Condition, ...]
    groups: tuple[str, ...]  # action groups, by id
    custom: Mapping[str, str]
    lookback: timedelta | None = None  # overrideQueryTimeRange
    mute: timedelta | None = None
    resolve_after: timedelta | None = None  # resolveConfiguration.timeToResolve

    @property
    def service(self) -> str:
        return SERVICES[self.kind]

    @property
    def signal(self) -> str:
        return self.kind.capitalize()

    @property
    def healthy_needed(self) -> int:
        """Healthy evaluations in a row after which a fired alert is resolved.

        Azure: alerts-overview, "Stateful alerts", the table.
        """
        if self.kind == "metric":
            return 3
        if self.resolve_after is not None:
            return max(math.ceil(self.resolve_after / self.frequency), 1)
        if self.frequency < 5 * MINUTE:
            return math.ceil(10 * MINUTE / self.frequency)
        if self.frequency <= 15 * MINUTE:
            return 3
        return 2 if self.frequency <= 11 * HOUR else 1

    def span(self, condition: Condition, end: datetime) -> tuple[datetime, datetime]:
        """What the query of a log condition may see for the window that ends there.

        All windows together see the lookback, which is theirs unless it is overridden.
        """
        wide = self.lookback or self.window * condition.periods
        earlier = self.window * (condition.periods - 1)
        return end - max(wide - earlier, self.window), end


def rule(body: Mapping[str, Any]) -> Rule:
    """Read a rule's body; ValueError tells what can't be read."""
    kind = str(body.get("type", "")).rsplit("/", 1)[-1].lower()
    if kind not in ("scheduledqueryrules", "metricalerts"):
        raise ValueError(f"{body.get('type')!r} is no type of alert rule")
    properties = body["properties"]
    try:
        read = _log if kind == "scheduledqueryrules" else _metric
        return read(body, properties)
    except KeyError as missing:
        raise ValueError(f"it has no {missing.args[0]}") from None


def _log(body: Mapping[str, Any], properties: Mapping[str, Any]) -> Rule:
    actions = properties.get("actions") or {}
    resolving = properties.get("resolveConfiguration") or {}
    return Rule(
        **_common(body, properties),
        kind="log",
        criteria="LogQueryCriteria",
        stateful=bool(properties.get("autoMitigate", True))
        and bool(resolving.get("autoResolved", True)),
        conditions=tuple(map(_log_condition, properties["criteria"]["allOf"])),
        groups=tuple(actions.get("actionGroups") or ()),
        custom=dict(actions.get("customProperties") or {}),
        lookback=_span(properties, "overrideQueryTimeRange"),
        mute=_span(properties, "muteActionsDuration"),
        resolve_after=_span(resolving, "timeToResolve"),
    )


def _metric(body: Mapping[str, Any], properties: Mapping[str, Any]) -> Rule:
    criteria, actions = properties["criteria"], properties.get("actions") or ()
    conditions = tuple(map(_metric_condition, criteria["allOf"]))
    custom: dict[str, str] = {}
    for action in actions:
        custom |= action.get("webHookProperties") or {}
    kind = str(criteria.get("odata.type", "")).rsplit(".", 1)[-1]
    dynamic = any(condition.dynamic for condition in conditions)
    return Rule(
        **_common(body, properties),
        kind="metric",
        criteria="DynamicThresholdCriteria" if dynamic else kind,
        stateful=bool(properties.get("autoMitigate", True)),
        conditions=conditions,
        groups=tuple(action["actionGroupId"] for action in actions),
        custom=custom,
    )


def _common(body: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": str(body["id"]),
        "name": str(body.get("name") or str(body["id"]).rsplit("/", 1)[-1]),
        "description": str(properties.get("description") or ""),
        "severity": int(properties.get("severity", 3)),
        "enabled": bool(properties.get("enabled", True)),
        "scopes": tuple(map(str, properties["scopes"])),
        "frequency": duration(properties["evaluationFrequency"]),
        "window": duration(properties["windowSize"]),
        "window_text": str(properties["windowSize"]),
    }


def _log_condition(told: Mapping[str, Any]) -> Condition:
    return Condition(
        told=told,
        aggregation=str(told.get("timeAggregation") or "Count"),
        operator=str(told["operator"]),
        threshold=float(told["threshold"]),
        splits=_splits(told),
        query=str(told["query"]),
        measure=str(told.get("metricMeasureColumn") or ""),
        resource_column=str(told.get("resourceIdColumn") or ""),
        **_periods(told),
    )


def _metric_condition(told: Mapping[str, Any]) -> Condition:
    dynamic = told.get("criterionType") == "DynamicThresholdCriterion"
    before = told.get("ignoreDataBefore")
    return Condition(
        told=told,
        aggregation=str(told["timeAggregation"]),
        operator=str(told["operator"]),
        threshold=math.nan if dynamic else float(told["threshold"]),
        sensitivity=str(told["alertSensitivity"]) if dynamic else "",
        ignore_before=moment(before) if before else None,
        splits=_splits(told),
        metric=str(told["metricName"]),
        **_periods(told),
    )


def _periods(told: Mapping[str, Any]) -> dict[str, Any]:
    failing = told.get("failingPeriods") or {}
    return {
        "periods": int(failing.get("numberOfEvaluationPeriods") or 1),
        "failing": int(failing.get("minFailingPeriodsToAlert") or 1),
    }


def _splits(told: Mapping[str, Any]) -> tuple[Split, ...]:
    return tuple(
        Split(
            name=str(each["name"]),
            exclude=str(each.get("operator", "Include")).lower() == "exclude",
            values=tuple(map(str, each.get("values") or ("*",))),
        )
        for each in told.get("dimensions") or ()
    )


def _span(told: Mapping[str, Any], name: str) -> timedelta | None:
    return duration(told[name]) if told.get(name) else None
