"""An autoscale setting as the engine reads it, from Azure's JSON (2022-10-01).

Azure: autoscale-understanding-settings, "Autoscale setting schema". The JSON has been
checked before (checking.py); what is read here is right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from ops.localcloud.autoscaling.zones import zone
from ops.localcloud.intervals import duration


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """A metric, how it becomes one number, and when that number fires."""

    metric: str
    resource: str  # ARM id, as it was written
    grain: timedelta
    window: timedelta
    statistic: str  # within a grain: Average, Min, Max, Sum, Count
    aggregation: str  # over the window: Average, Minimum, Maximum, Total, Count, Last
    operator: str
    threshold: float
    dimensions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()  # name, Equals, ...
    per_instance: bool = False

    @property
    def series(self) -> tuple[object, ...]:
        """What has to be read for it: the same for triggers that differ in limits."""
        return (self.metric, self.resource.lower(), self.grain, self.dimensions)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A trigger and what is done when it fires."""

    trigger: Trigger
    direction: str  # Increase, Decrease, None
    kind: str  # ChangeCount, PercentChangeCount, ExactCount, ServiceAllowedNextValue
    amount: int
    cooldown: timedelta


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """When a profile starts, every week; it has no end of its own."""

    zone: ZoneInfo
    days: frozenset[int]  # 0 is Monday
    hours: tuple[int, ...]
    minutes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Bounds and rules for a time; a profile without any time is the default one."""

    name: str
    minimum: int
    maximum: int
    default: int
    rules: tuple[Rule, ...] = ()
    dates: tuple[datetime, datetime] | None = None  # from, up to
    recurrence: Recurrence | None = None

    @cached_property
    def out(self) -> tuple[Rule, ...]:
        return tuple(each for each in self.rules if each.direction == "Increase")

    @cached_property
    def in_(self) -> tuple[Rule, ...]:
        return tuple(each for each in self.rules if each.direction == "Decrease")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What one resource is scaled by."""

    target: str
    enabled: bool
    profiles: tuple[Profile, ...]


DAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday"),
    *("Friday", "Saturday", "Sunday"),
)


def setting(properties: Mapping[str, Any]) -> Setting:
    """The setting of a resource's `properties`."""
    target = str(properties["targetResourceUri"])
    return Setting(
        target=target,
        enabled=bool(properties.get("enabled", False)),  # Azure's default
        profiles=tuple(profile(each, target) for each in properties["profiles"]),
    )


def profile(told: Mapping[str, Any], target: str) -> Profile:
    capacity = told["capacity"]
    return Profile(
        name=str(told["name"]),
        **{name: int(capacity[name]) for name in ("minimum", "maximum", "default")},
        rules=tuple(_rule(each, target) for each in told.get("rules") or ()),
        dates=_dates(told["fixedDate"]) if told.get("fixedDate") else None,
        recurrence=_recurrence(told["recurrence"]) if told.get("recurrence") else None,
    )


def trigger(told: Mapping[str, Any], target: str) -> Trigger:
    """A metricTrigger; what names no resource is of the target."""
    dimensions = tuple(
        (each["DimensionName"], each["Operator"], tuple(each["Values"]))
        for each in told.get("dimensions") or ()
    )
    return Trigger(
        metric=told["metricName"],
        resource=told.get("metricResourceUri") or target,
        grain=duration(told["timeGrain"]),
        window=duration(told["timeWindow"]),
        statistic=told["statistic"],
        aggregation=told["timeAggregation"],
        operator=told["operator"],
        threshold=float(told["threshold"]),
        dimensions=dimensions,
        per_instance=bool(told.get("dividePerInstance")),
    )


def _rule(told: Mapping[str, Any], target: str) -> Rule:
    action = told["scaleAction"]
    return Rule(
        trigger=trigger(told["metricTrigger"], target),
        direction=action["direction"],
        kind=action["type"],
        amount=int(action.get("value") or 1),
        cooldown=duration(action["cooldown"]),
    )


def _recurrence(told: Mapping[str, Any]) -> Recurrence:
    schedule = told["schedule"]
    return Recurrence(
        zone=zone(schedule["timeZone"]),
        days=frozenset(DAYS.index(day.capitalize()) for day in schedule["days"]),
        hours=tuple(schedule["hours"]),
        minutes=tuple(schedule["minutes"]),
    )


def _dates(told: Mapping[str, Any]) -> tuple[datetime, datetime]:
    return local(told["start"], told), local(told["end"], told)


def local(text: str, told: Mapping[str, Any]) -> datetime:
    """A time of a fixed date: in its own offset, else in the zone beside it."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone(told.get("timeZone") or "UTC"))
    return moment
