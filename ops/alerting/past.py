"""What a rule would have measured at each evaluation of the past, in few questions.

Log rules: a query a day answers for all of that day's evaluations (sliding.py); one
that can't is asked at each of the last MOST_SINGLE evaluations. Metric rules: the
minutes of the metric, put together over each window. Azure's metrics are told by one
aggregation at a time, so the average of a window is that of its minutes' averages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ops import kql
from ops.alerting import sliding
from ops.alerting.sliding import AT, VALUE, CannotSlide, Measured
from ops.autoscaling.sources import seconds
from ops.kql import Result
from ops.times import Span

if TYPE_CHECKING:
    from ops.clients import Workspace

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_SINGLE = 144  # evaluations that a query is asked for one by one
PATIENCE_SECONDS = 600  # Log Analytics' longest
Dimensions = tuple[tuple[str, str], ...]
Points = dict[datetime, float | None]


@dataclass(frozen=True, kw_only=True)
class Past:
    """Values by combination, from when on, and what must be said of them."""

    values: Mapping[Dimensions, Points]
    start: datetime  # the first evaluation is after it
    notes: list[str] = field(default_factory=list)


def of_log(
    workspace: "Workspace", endpoint: str, properties: Mapping[str, Any], span: Span
) -> Past:
    """What a log rule would have measured after the span's start, up to its end."""
    rule, periods = measured(properties)
    start = span.start - rule.window * (periods - 1)
    times = evaluations(start, span.end, rule.every)
    try:
        values, partial = _slid(workspace, endpoint, rule, start, span.end)
    except CannotSlide as reason:
        return _one_by_one(workspace, endpoint, rule, times, str(reason))
    if not rule.dimensions:
        alone = _alone(workspace, endpoint, rule, span)
        known = values.get((), {})
        values[()] = {at: known.get(at, alone) for at in times}
    notes = [f"rows are missing: {partial}"] if partial else []
    return Past(values=_whole(values, times), start=start, notes=notes)


def measured(properties: Mapping[str, Any]) -> tuple[Measured, int]:
    """How a rule's body measures, and over how many windows it is judged."""
    criterion = properties["criteria"]["allOf"][0]
    rule = Measured(
        query=criterion["query"],
        measure=criterion.get("metricMeasureColumn", ""),
        aggregate=criterion["timeAggregation"],
        dimensions=tuple(each["name"] for each in criterion["dimensions"]),
        window=seconds(properties["windowSize"]),
        every=seconds(properties["evaluationFrequency"]),
    )
    return rule, criterion["failingPeriods"]["numberOfEvaluationPeriods"]


def evaluations(start: datetime, end: datetime, every: timedelta) -> list[datetime]:
    """The times at which a rule is evaluated: whole multiples of its frequency."""
    first = EPOCH + ((start - EPOCH) // every + 1) * every
    return [first + every * n for n in range((end - first) // every + 1)]


def _slid(
    workspace: "Workspace",
    endpoint: str,
    rule: Measured,
    start: datetime,
    end: datetime,
) -> tuple[dict[Dimensions, Points], str]:
    found: dict[Dimensions, Points] = {}
    partial = ""
    text = sliding.slid(rule)
    for part in days(start, end):
        read = sliding.asked(rule, part.start, part.end)
        result = _rows(workspace, endpoint, text, read)
        partial = partial or result.partial
        for row in result.records():
            if part.start < aware(row[AT]) <= part.end:
                known = found.setdefault(_own(rule, row), {})
                known[aware(row[AT])] = _number(row[VALUE])
    return found, partial


def _one_by_one(
    workspace: "Workspace",
    endpoint: str,
    rule: Measured,
    times: list[datetime],
    reason: str,
) -> Past:
    found: dict[Dimensions, Points] = {}
    asked = times[-MOST_SINGLE:]
    if not asked:
        return Past(values={}, start=times[-1] if times else EPOCH)
    start = asked[0] - rule.every
    filled = _filled(workspace, endpoint, rule, start, asked[-1])
    for at in asked:
        read = Span(start=at - rule.window, end=at)
        if rule.dimensions and not any(read.start < f < at for f in filled):
            continue  # of no rows there are no combinations
        for row in _rows(
            workspace, endpoint, sliding.at_once(rule, at), read
        ).records():
            found.setdefault(_own(rule, row), {})[at] = _number(row[VALUE])
    note = f"only its last {len(asked)} evaluations, one question each: {reason}"
    return Past(values=_whole(found, asked), start=start, notes=[note])


def _filled(
    workspace: "Workspace",
    endpoint: str,
    rule: Measured,
    start: datetime,
    end: datetime,
) -> set[datetime]:
    """The minutes in which any of the query's tables has a row, by their middle."""
    span = Span(start=start + rule.every - rule.window, end=end)
    text = "\n| summarize by Minute = bin(TimeGenerated, 1m)"
    return {
        aware(row["Minute"]) + MINUTE / 2
        for table in sliding.tables(rule.query)
        for row in _rows(workspace, endpoint, table + text, span).records()
    }


def _alone(
    workspace: "Workspace", endpoint: str, rule: Measured, span: Span
) -> float | None:
    """What a window without any row is measured as."""
    rows = _rows(workspace, endpoint, sliding.without_rows(rule), span).records()
    return _number(rows[0][VALUE]) if rows else None


def _rows(workspace: "Workspace", endpoint: str, text: str, span: Span) -> Result:
    return kql.rows(
        workspace, text, span=span, endpoint=endpoint, seconds=PATIENCE_SECONDS
    )


def _own(rule: Measured, row: Mapping[str, Any]) -> Dimensions:
    return tuple((name, str(row[name])) for name in rule.dimensions)


def aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(value: Any) -> float | None:
    """Text, too: infinity and what is no number travel as words."""
    number = None if value is None else float(value)
    return None if number is None or number != number else number


def _whole(
    values: Mapping[Dimensions, Points], times: list[datetime]
) -> dict[Dimensions, Points]:
    """With a None for each evaluation at which a combination was not there."""
    return {own: {at: known.get(at) for at in times} for own, known in values.items()}


def days(start: datetime, end: datetime) -> Iterator[Span]:
    while start < end:
        until = min(start + DAY, end)
        yield Span(start=start, end=until)
        start = until
