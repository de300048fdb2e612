"""What a rule reads at one evaluation: a value for each target and each combination of
dimension values, and whether it meets the condition.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ops.localcloud.alerting.dynamic import Bounds, bounds
from ops.localcloud.alerting.rules import Condition, Dimensions, Rule

Values = Mapping[Dimensions, float | None]
COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThan": lambda value, threshold: value > threshold,
    "GreaterThanOrEqual": lambda value, threshold: value >= threshold,
    "LessThan": lambda value, threshold: value < threshold,
    "LessThanOrEqual": lambda value, threshold: value <= threshold,
    "Equals": lambda value, threshold: value == threshold,
    "Equal": lambda value, threshold: value == threshold,
    "NotEquals": lambda value, threshold: value != threshold,
}


class Signals(Protocol):
    """Where values come from: the log store, or what somebody asks about."""

    def sample(
        self, rule: Rule, condition: Condition, scope: str, end: datetime
    ) -> Values:
        """The aggregated values of the window that ends there."""

    def history(
        self, rule: Rule, condition: Condition, scope: str, end: datetime
    ) -> Mapping[Dimensions, Sequence[tuple[datetime, float]]]:
        """The windows of the last days before the one that ends there."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What one condition found."""

    condition: Condition
    value: float | None
    threshold: float | None  # None: it could not be told, or nobody knows it yet
    met: bool | None  # None: it can't be told


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was found for one target and one combination of dimension values."""

    target: str
    dimensions: Dimensions
    measures: tuple[Measure, ...]

    @property
    def met(self) -> bool | None:
        """All conditions must be met; one that is not settles it."""
        found = [measure.met for measure in self.measures]
        if not all(each is not False for each in found):
            return False
        return None if None in found else True

    @property
    def value(self) -> float | None:
        return self.measures[0].value


def readings(rule: Rule, at: datetime, signals: Signals) -> list[Reading]:
    """All that a rule finds at an evaluation, in a stable order."""
    found: list[Reading] = []
    for scope in rule.scopes:
        measured = [
            _measured(rule, condition, scope, at, signals)
            for condition in rule.conditions
        ]
        for dimensions in _combinations(measured):
            target, own = _target(rule, scope, dimensions)
            measures = tuple(
                _fitting(condition, each, dimensions)
                for condition, each in zip(rule.conditions, measured, strict=True)
            )
            found.append(Reading(target=target, dimensions=own, measures=measures))
    return found


def _measured(
    rule: Rule, condition: Condition, scope: str, at: datetime, signals: Signals
) -> dict[Dimensions, Measure]:
    """What a condition finds, window by window, the latest first."""
    windows = [
        signals.sample(rule, condition, scope, at - rule.window * number)
        for number in range(condition.periods)
    ]
    known = {
        dimensions: [window.get(dimensions) for window in windows]
        for dimensions in sorted({each for window in windows for each in window})
        if _taken(condition, dimensions)
    }
    limits: dict[Dimensions, Bounds | None] = {}
    if condition.dynamic and known:
        past = signals.history(rule, condition, scope, at)
        limits = {each: bounds(condition, past.get(each, ()), at) for each in known}
    return {
        dimensions: _judged(condition, values, limits.get(dimensions))
        for dimensions, values in known.items()
    }


def _taken(condition: Condition, dimensions: Dimensions) -> bool:
    told = dict(dimensions)
    return all(split.takes(told.get(split.name, "")) for split in condition.splits)


def _judged(
    condition: Condition, values: Sequence[float | None], limits: Bounds | None
) -> Measure:
    """Enough windows beyond the threshold meet a condition.

    A window of a log without rows has not failed. One of a metric without data is not
    known; it only matters where it could have tipped the scales.
    """
    beyond = [_beyond(condition, value, limits) for value in values]
    met: bool | None = beyond.count(True) >= condition.failing
    if not met and condition.metric:
        could = beyond.count(True) + beyond.count(None) >= condition.failing
        met = None if could else False
    value = values[0]
    threshold = condition.threshold if not condition.dynamic else None
    if limits is not None:
        threshold = limits.nearest(condition.operator, value)
    return Measure(condition=condition, value=value, threshold=threshold, met=met)


def _beyond(
    condition: Condition, value: float | None, limits: Bounds | None
) -> bool | None:
    if value is None:
        return None
    if condition.dynamic:
        return limits.passed(condition.operator, value) if limits else None
    return COMPARED[condition.operator](value, condition.threshold)


def _combinations(measured: Sequence[Mapping[Dimensions, Measure]]) -> list[Dimensions]:
    """Those of the condition that splits furthest: the others hold for all of its."""
    finest = max(measured, key=lambda each: max(map(len, each), default=0))
    return sorted(finest)


def _fitting(
    condition: Condition, found: Mapping[Dimensions, Measure], wanted: Dimensions
) -> Measure:
    """A condition's measure for a combination that may name more than it splits by."""
    if wanted in found:
        return found[wanted]
    for dimensions, measure in found.items():
        if set(dimensions) <= set(wanted):
            return measure
    met = None if condition.metric else False
    return Measure(condition=condition, value=None, threshold=None, met=met)


def _target(rule: Rule, scope: str, dimensions: Dimensions) -> tuple[str, Dimensions]:
    """Alerts are fired on the resource that a row names, where a rule says so."""
    column = rule.conditions[0].resource_column
    named = dict(dimensions).get(column) if column else None
    if not named:
        return scope, dimensions
    return named, tuple(each for each in dimensions if each[0] != column)
