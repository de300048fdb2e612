"""How much of a log table there is in a span of time, and where nothing is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ops import kql
from ops.alerting import past, sliding
from ops.times import Span

if TYPE_CHECKING:
    from ops.clients import Workspace

GRAIN = timedelta(hours=1)  # a gap is so long at least


@dataclass(frozen=True, kw_only=True)
class Data:
    """What there is of a table in the span."""

    table: str
    rows: int
    first: datetime | None = None
    last: datetime | None = None
    gaps: list[Span] = field(default_factory=list)  # whole hours without a row


def coverage(workspace: "Workspace", endpoint: str, table: str, span: Span) -> Data:
    """How much of a table there is, and where nothing is."""
    text = COVERAGE.format(table=table, grain=sliding.kql(GRAIN))
    rows = kql.rows(workspace, text, span=span, endpoint=endpoint).records()
    if not rows:
        return Data(table=table, rows=0)
    hours = {past.aware(row["Hour"]) for row in rows}
    first = min(past.aware(row["First"]) for row in rows)
    return Data(
        table=table,
        rows=sum(row["Rows"] for row in rows),
        first=first,
        last=max(past.aware(row["Last"]) for row in rows),
        gaps=list(gaps(hours, min(hours), span.end)),
    )


COVERAGE = """{table}
| summarize Rows = count(), First = min(TimeGenerated), Last = max(TimeGenerated)
    by Hour = bin(TimeGenerated, {grain})
| order by Hour asc"""


def gaps(hours: set[datetime], start: datetime, end: datetime) -> Iterator[Span]:
    """The stretches of hours without a row."""
    begun: datetime | None = None
    hour = start
    while hour + GRAIN <= end:
        if hour in hours and begun:
            yield Span(start=begun, end=hour)
            begun = None
        elif hour not in hours:
            begun = begun or hour
        hour += GRAIN
    if begun:
        yield Span(start=begun, end=hour)
