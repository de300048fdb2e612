"""What a panel shows of an endpoint: plain rows, or why there are none."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ops.boards.model import Panel
from ops.kql import Column
from ops.measures import Window

if TYPE_CHECKING:
    from ops.clients import Workspace

Key = tuple[str, str, datetime]  # by, value, when
MOST_POINTS = 300  # of one line, whatever the range
MOST_ROWS = 500  # of a table
GRAINS = (1, 5, 15, 30, 60, 360, 720, 1440)  # minutes; Azure's metrics have no others
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
COUNTED = ("count", "per_minute")  # units in which no row means none
TELLS = 0.25  # how much of a point must be over before its rate is told


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A panel of an endpoint, in a time, for some deployments or all."""

    workspace: "Workspace"
    endpoint: str
    panel: Panel
    window: Window
    deployments: tuple[str, ...] = ()  # () is all

    def wants(self, deployment: str) -> bool:
        """Whether it is to be shown; what is of no deployment ("") is anyway."""
        return not (self.deployments and deployment) or deployment in self.deployments


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows in the order of `columns`; times are aware UTC."""

    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]
    window: Window
    notes: tuple[str, ...] = ()  # what must be said of them: rows are missing...

    def records(self) -> list[dict[str, Any]]:
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a panel has no data; the others may have."""

    problem: str
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a timeseries; None where there was nothing to measure."""

    name: str  # `green`, or `green P95` where a panel shows several values
    by: str  # green
    value: str  # P95
    points: list[tuple[datetime, float | None]] = field(repr=False)


def window(since: datetime, until: datetime) -> Window:
    """A time in points of the finest grain that makes no more of them than may be."""
    length = until - since
    fitting = (grain for grain in GRAINS if length / (grain * MINUTE) <= MOST_POINTS)
    minutes = next(fitting, None)
    days = math.ceil(length / DAY / MOST_POINTS)
    grain = minutes * MINUTE if minutes else days * DAY
    # The first point is whole; the last one is as long as it could become yet.
    return Window(since=since - (since - EPOCH) % grain, until=until, grain=grain)


def ended(window: Window) -> datetime:
    """When its last point will be whole: the same at every look until then."""
    return window.until + (EPOCH - window.until) % window.grain


def chosen(panel: Panel, given: Iterable[Column]) -> tuple[Column, ...]:
    """The columns of what was given that a panel shows, in its order."""
    columns = {each.name: each for each in given}
    if panel.kind == "table" and not panel.show:
        return tuple(columns.values())
    names = [panel.each, panel.time, *panel.axis, panel.by, *panel.show]
    return tuple(columns[name] for name in dict.fromkeys(filter(None, names)))


def table(
    asked: Asked,
    records: Iterable[Mapping[str, Any]],
    given: Iterable[Column],
    notes: Iterable[str] = (),
) -> Table:
    """What a panel shows of records that name every column given."""
    panel, notes = asked.panel, list(notes)
    columns = chosen(panel, given)
    rows = [
        tuple(record[column.name] for column in columns)
        for record in records
        if "DeploymentName" not in record or asked.wants(record["DeploymentName"])
    ]
    if panel.kind == "table" and len(rows) > MOST_ROWS:
        notes.append(f"the first {MOST_ROWS} of {len(rows):,} rows")
        rows = rows[:MOST_ROWS]
    return Table(columns=columns, rows=rows, window=asked.window, notes=tuple(notes))


def series(panel: Panel, table: Table) -> list[Series]:
    """The lines of a timeseries, each with every point of time that any of them has.

    Where things are counted, no row means none; elsewhere it is a gap.
    """
    missing = 0.0 if panel.source == "logs" and panel.unit in COUNTED else None
    records = table.records()
    known = {
        (str(record.get(panel.by, "")), value, record[panel.time]): record[value]
        for record in records
        for value in panel.show
    }
    names = sorted({by for by, _, _ in known})
    moments = _moments({at for _, _, at in known}, table.window, panel.source)
    last = _share(moments[-1], table.window) if moments else 1.0
    if panel.unit == "per_minute" and last < 1:
        moments, known = _scaled(moments, known, last)
    return [
        Series(
            name=_name(by, value, panel),
            by=by,
            value=value,
            points=[(at, known.get((by, value, at), missing)) for at in moments],
        )
        for by in names
        for value in panel.show
    ]


def _share(at: datetime, window: Window) -> float:
    """How much of a point lies within the window."""
    return min(1.0, (window.until - at) / window.grain)


def _scaled(
    moments: list[datetime], known: dict[Key, Any], share: float
) -> tuple[list[datetime], dict[Key, Any]]:
    """The last point of a rate by what it has been so far; none of too little."""
    last = moments[-1]
    if share < TELLS:
        return moments[:-1], known
    return moments, {
        key: each / share if key[2] == last and each is not None else each
        for key, each in known.items()
    }


def _name(by: str, value: str, panel: Panel) -> str:
    shown = by or ("(none)" if panel.by else "")
    several = len(panel.show) > 1 or not shown
    return f"{shown} {value}".strip() if several else shown


def _moments(known: set[datetime], window: Window, source: str) -> list[datetime]:
    """Every point of time from the first to the last that is known of.

    Looks of a rollout and days are as they are; all else is in bins of the grain.
    """
    if source in ("verdicts", "days") or not known:
        return sorted(known)
    first, last = min(known), max(known)
    count = (last - first) // window.grain
    return sorted(known | {first + i * window.grain for i in range(count + 1)})
