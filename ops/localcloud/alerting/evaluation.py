"""One evaluation of one rule: what it reads, and what becomes of each of its alerts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ops.localcloud.alerting.machine import Series, Step, advance, ended
from ops.localcloud.alerting.readings import Reading, Signals, readings
from ops.localcloud.alerting.rules import Dimensions, Rule

Key = tuple[str, Dimensions]  # the target as it is spelled in the rule
MOST_FIRINGS = 300  # Azure: stateful log alerts, at one evaluation
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What an evaluation made of one target and one combination."""

    target: str
    dimensions: Dimensions
    reading: Reading | None  # None: it has vanished
    before: Series
    step: Step

    @property
    def key(self) -> Key:
        return self.target, self.dimensions

    @property
    def met(self) -> bool | None:
        return self.reading.met if self.reading else None


def evaluate(
    rule: Rule,
    remembered: Mapping[Key, Series],
    at: datetime,
    signals: Signals,
    exists: Callable[[str], bool],
) -> list[Turn]:
    """Evaluate a rule at a time; raises what `signals` raises where it can't read."""
    found = {
        (reading.target, reading.dimensions): reading
        for reading in readings(rule, at, signals)
    }
    turns = []
    for key in [*found, *(key for key in remembered if key not in found)]:
        target, dimensions = key
        before = remembered.get(key, Series())
        turns.append(
            Turn(
                target=target,
                dimensions=dimensions,
                reading=found.get(key),
                before=before,
                step=_step(rule, before, found.get(key), at, exists(target)),
            )
        )
    return turns


def _step(
    rule: Rule, before: Series, reading: Reading | None, at: datetime, there: bool
) -> Step:
    """A combination that a query no longer returns doesn't meet its condition; one of
    a metric has no data, and so is not known."""
    if not there:
        return ended(before, "the target was deleted")
    if reading is None:
        return advance(rule, before, None if rule.kind == "metric" else False, at)
    return advance(rule, before, reading.met, at)


def within_limit(turns: list[Turn]) -> list[Turn]:
    """Those of one evaluation without the firings that Azure would not make."""
    firings = [turn for turn in turns if turn.step.event == "fired"]
    over = {turn.key for turn in firings[MOST_FIRINGS:]}
    return [turn for turn in turns if turn.key not in over]


def due(rule: Rule, after: datetime, until: datetime) -> list[datetime]:
    """The times after one and up to another at which a rule is evaluated.

    All rules of a frequency are evaluated together, so that one query serves them all.
    """
    number = (after - EPOCH) // rule.frequency + 1
    first = EPOCH + number * rule.frequency
    count = max((until - first) // rule.frequency + 1, 0)
    return [first + each * rule.frequency for each in range(count)]


def latest(rule: Rule, at: datetime) -> datetime:
    """The last time up to one at which a rule is evaluated."""
    return at - (at - EPOCH) % rule.frequency if rule.frequency > timedelta(0) else at
