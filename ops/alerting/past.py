"""What a rule would have measured at each evaluation of the past, in few questions.

Log rules: a query a day answers for all of that day's evaluations (sliding.py); one
that can't is asked at each of the last MOST_SINGLE evaluations. Metric rules: the
minutes of the metric, put together over each window. Azure's metrics are told by one
aggregation at a time, so the average of a window is that of its minutes' averages.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ops import kql
from ops.alerting import sliding
from ops.alerting.sliding import AT, VALUE, CannotSlide, Measured
from ops.autoscaling.sources import seconds
from ops.kql import Result
from ops.pipeline import refused
from ops.times import Span

if TYPE_CHECKING:
    from ops.clients import Workspace

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_SINGLE = 500  # evaluations that a query is asked for one by one
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
    for part in _days(start, end):
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
    for at in asked:
        read = Span(start=at - rule.window, end=at)
        for row in _rows(
            workspace, endpoint, sliding.at_once(rule, at), read
        ).records():
            found.setdefault(_own(rule, row), {})[at] = _number(row[VALUE])
    note = f"asked {len(asked)} times, one evaluation at a time: {reason}"
    start = asked[0] - rule.every if asked else times[-1]
    return Past(values=_whole(found, asked), start=start, notes=[note])


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


def of_metric(
    workspace: "Workspace", properties: Mapping[str, Any], span: Span
) -> Past:
    """What a metric rule of one resource would have measured."""
    criterion = properties["criteria"]["allOf"][0]
    window = seconds(properties["windowSize"])
    times = evaluations(
        span.start, span.end, seconds(properties["evaluationFrequency"])
    )
    minutes: dict[Dimensions, dict[datetime, float]] = {}
    for part in _days(span.start - window, span.end):
        for own, at, value in _minutes(
            workspace, properties["scopes"][0], criterion, part
        ):
            minutes.setdefault(own, {})[at] = value
    how = TOGETHER[criterion["timeAggregation"]]
    values = {
        own: _windows(known, times, window, how) for own, known in minutes.items()
    }
    return Past(values=values, start=span.start)


TOGETHER = {
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
    "Total": sum,
    "Count": sum,
}


def _windows(
    minutes: Mapping[datetime, float],
    times: Iterable[datetime],
    window: timedelta,
    together: Any,
) -> Points:
    found: Points = {}
    for at in times:
        whole = at.replace(second=0, microsecond=0)
        steps = (whole - MINUTE * n for n in range(1, window // MINUTE + 1))
        values = [minutes[each] for each in steps if each in minutes]
        found[at] = together(values) if values else None
    return found


def _minutes(
    workspace: "Workspace", resource: str, criterion: Mapping[str, Any], span: Span
) -> Iterator[tuple[Dimensions, datetime, float]]:
    """Every minute's value of every combination that the rule looks at."""
    aggregate = criterion["timeAggregation"]
    splits = criterion["dimensions"]
    with refused():
        answer = workspace.metrics.list(
            resource.lstrip("/"),
            timespan=f"{_text(span.start)}/{_text(span.end)}",
            interval="PT1M",
            metricnames=criterion["metricName"],
            aggregation=aggregate,
            **({"filter": _filter(splits), "top": 200} if splits else {}),
        )
    for series in answer.value[0].timeseries or []:
        told = {m.name.value.lower(): m.value for m in series.metadatavalues or []}
        own = tuple(
            (each["name"], told.get(each["name"].lower(), "")) for each in splits
        )
        if not all(map(_taken, splits, (value for _, value in own))):
            continue
        for point in series.data or []:
            value = getattr(point, aggregate.lower())
            if value is not None:
                yield own, aware(point.time_stamp), value


def _filter(splits: Iterable[Mapping[str, Any]]) -> str:
    return " and ".join(f"{each['name']} eq '*'" for each in splits)


def _taken(split: Mapping[str, Any], value: str) -> bool:
    named = value.lower() in [each.lower() for each in split["values"]]
    if split["operator"] == "Exclude":
        return not named
    return named or "*" in split["values"]


def _whole(
    values: Mapping[Dimensions, Points], times: list[datetime]
) -> dict[Dimensions, Points]:
    """With a None for each evaluation at which a combination was not there."""
    return {own: {at: known.get(at) for at in times} for own, known in values.items()}


def _days(start: datetime, end: datetime) -> Iterator[Span]:
    while start < end:
        until = min(start + DAY, end)
        yield Span(start=start, end=until)
        start = until


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
