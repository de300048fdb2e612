"""A dashboard as plain facts: rows of panels, and where each panel's data is from.

Nothing here knows who shows it: the same model becomes a workbook in the portal, a
dashboard in Grafana and the live page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

KINDS = ("timeseries", "stat", "table", "bar", "histogram", "text")
LEVELS = ("warning", "critical")
UNITS = {
    "": "",
    "count": "",
    "percent": "%",
    "ms": "ms",
    "seconds": "s",
    "per_minute": "/min",
    "times": "x",
}
"""By name: what is written behind a number."""
WIDE = 12  # columns of a row


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """From where on a value is bad: a number, or what an objective promises."""

    level: str = "critical"
    over: float | None = None
    under: float | None = None
    objective: str = ""  # of slo.yaml, which each endpoint has its own of


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of Azure Monitor: of the endpoint, or of each of its deployments."""

    name: str
    of: str = "deployment"  # or endpoint, whose metric is split by deployment
    aggregate: str = "average"  # or maximum, minimum


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture. Its data is of `source`: logs, metrics, text, or one of sources.py.

    The columns named here are of what the source gives.
    """

    id: str  # overview.errors: the dashboard that defines it, and its name there
    title: str
    kind: str
    source: str
    help: str = ""
    query: str = ""  # the name of a query; "" where the source is not logs
    params: Mapping[str, str] = field(default_factory=dict)
    metric: Metric | None = None
    text: str = ""  # Markdown
    time: str = ""  # of a timeseries: its column of times
    axis: tuple[str, ...] = ()  # of a bar: its label; of a histogram: from, to
    each: str = ""  # of a histogram: the column of which each value has its own
    by: str = ""  # the column that tells one line or bar from another
    show: tuple[str, ...] = ()  # values, one line or bar each; of a table: its columns
    unit: str = ""
    thresholds: tuple[Threshold, ...] = ()
    width: int = 6  # of WIDE


@dataclass(frozen=True, kw_only=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class Variables:
    """What a person may change, and what it is to begin with."""

    range: timedelta = timedelta(hours=3)
    refresh: timedelta = timedelta(seconds=30)
    deployments: tuple[str, ...] = ()  # () is all


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    name: str  # the file's
    title: str
    about: str  # the question that it answers
    rows: tuple[Row, ...]
    variables: Variables = field(default_factory=Variables)

    def panels(self) -> Iterator[Panel]:
        for row in self.rows:
            yield from row.panels
