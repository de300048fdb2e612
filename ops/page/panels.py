"""One panel: its place on the page, and what stands there once it is read."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dash import dcc, html

from ops.boards import limits
from ops.boards.limits import Limit
from ops.boards.model import Panel
from ops.boards.tables import Failure, Series, Table, series
from ops.errors import OpsError
from ops.measures import Window
from ops.page import bars, drawing, palette, tables, wanted, words
from ops.page.drawing import Figure, Mark
from ops.page.tables import Grid, Seen

CHARTS = ("timeseries", "bar", "histogram")
BARE, DRAWN = "chart", "chart drawn"
CONFIG: Any = {"displayModeBar": False, "responsive": True, "doubleClick": False}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What stands in a panel: a figure (None hides it), tables, text, its state."""

    figure: Figure | None = None
    grids: Sequence[Grid] = ()
    beside: Sequence[Any] = ()
    state: str = ""  # bad, uneasy, failed, empty or ""
    said: str = ""  # the state in words

    @property
    def stamp(self) -> str:
        """The same for the same text: what has not changed is left as it stands."""
        told = repr((self.grids, self.beside, self.said, self.state))
        return f"{zlib.crc32(told.encode()):x}"


def part(panel: Panel, name: str) -> dict[str, str]:
    """The id of one part of a panel, of those that have a chart or of the others."""
    return {"chart" if panel.kind in CHARTS else "plain": panel.id, "part": name}


def shell(panel: Panel, width: int, found: Shown | None = None) -> Any:
    """A panel, before it is read or with what was: everything has its place at once."""
    waiting = [html.P("reading…", className="quiet")]
    there = found or Shown(beside=waiting)
    title = f"title-{panel.id.replace('.', '-')}"
    said = html.Strong(there.said, id=part(panel, "said"), className="said")
    inside: list[Any] = [html.Div([html.H4(panel.title, id=title), said])]
    if panel.help:
        inside.append(html.P(panel.help, className="help"))
    if panel.kind in CHARTS:
        # Without a graph for now: numbers needn't wait for what draws it.
        frame, hidden = part(panel, "frame"), bool(found and not found.figure)
        inside.append(html.Div(id=frame, className=BARE, hidden=hidden))
    grids: dict[str, Any] = {"data-tables": tables.written(there.grids)}
    inside += [
        html.Div(id=part(panel, "tables"), className="tables", **grids),
        html.Div(there.beside, id=part(panel, "beside"), className="beside"),
    ]
    told: dict[str, Any] = {}
    if found:
        told = {"data-state": there.state, "data-stamp": there.stamp}
    return html.Section(
        inside,
        id=part(panel, "panel"),
        className=f"panel wide{width}",
        **words.aria("labelledby", title),
        **told,
    )


def shown(
    panel: Panel,
    found: Table | Failure,
    endpoint: str,
    marks: Sequence[Mark],
    now: datetime,
    back: str = "",
) -> Shown:
    """What a panel shows of what was read for it; `back` is the view's query."""
    if panel.kind == "text":
        return Shown(beside=[dcc.Markdown(panel.text)])
    if isinstance(found, Failure):
        return _failed(found)
    notes = [html.P(each, className="quiet") for each in found.notes]
    if not found.rows:
        nothing = html.P(f"nothing {between(found.window, now)}", className="quiet")
        return Shown(beside=[nothing, *notes], state="empty")
    try:
        bounds = limits.of(panel, endpoint)
    except OpsError as error:
        return _failed(Failure(problem=error.problem, remedies=error.remedies))
    if panel.kind == "timeseries":
        seen = Seen(now=now, grain=found.window.grain, back=back)
        return _over_time(panel, found, bounds, marks, notes, seen)
    if panel.kind == "stat":
        return _stat(panel, found, bounds, notes)
    if panel.kind in CHARTS:
        figure = bars.figure(panel, found, back)
        grids = tables.pivots(panel, found, back)
        return Shown(figure=figure, grids=grids, beside=notes)
    return Shown(grids=[tables.rows(found, panel.title, now)], beside=notes)


def graph(panel: Panel, figure: Figure) -> Any:
    return dcc.Graph(id=part(panel, "figure"), config=CONFIG, figure=figure)


def between(window: Window, now: datetime) -> str:
    since, until = (words.moment(at, now) for at in (window.since, window.until))
    return f"between {since} and {until} UTC"


def _over_time(
    panel: Panel,
    found: Table,
    bounds: Sequence[Limit],
    marks: Sequence[Mark],
    notes: list[Any],
    seen: Seen,
) -> Shown:
    lines = [named(each) for each in series(panel, found)]
    if panel.by != wanted.DEPLOYMENT and len({each.by for each in lines}) == 1:
        lines = [alone(each) for each in lines]
    drawn = worst_first(lines, bounds)[: palette.MOST]
    dashes = {each.name: drawing.dash(panel, each) for each in drawn}
    in_order = [each for each in lines if each.name in dashes]
    figure = drawing.over_time(panel, in_order, bounds, marks, found.window)
    state, said = standing(lines, bounds, found.window, seen.now)
    listed = lines if len(lines) == len(drawn) else worst_first(lines, bounds)
    summary = tables.summary(panel, listed, dashes, bounds, seen)
    beside = _limits(panel, bounds)
    if len(lines) > len(drawn):
        left = f"{len(drawn)} of {len(lines)} lines are drawn: the worst"
        beside.append(html.P(left, className="quiet"))
    told = [*beside, *notes]
    return Shown(figure=figure, grids=[summary], beside=told, state=state, said=said)


def standing(
    lines: Sequence[Series], bounds: Sequence[Limit], window: Window, now: datetime
) -> tuple[str, str]:
    """How lines stand to the limits, now above all: a state, and a sentence.

    The newest point may not be whole yet: one of the last two is bad enough.
    """
    recent = window.until - 2 * window.grain
    over: list[tuple[str, datetime, str]] = [
        (level, at, each.name)
        for each in lines
        for at, value in each.points
        if (level := limits.level(bounds, value))
    ]
    for level, state in tables.MOODS.items():
        names = {n for found, at, n in over if found == level and at >= recent}
        if names:
            worst = [e.name for e in worst_first(lines, bounds) if e.name in names]
            return state, f"{state}: {_few(worst)}"
    critical = [at for level, at, _ in over if level == "critical"]
    if critical:
        return "", f"was bad until {words.moment(max(critical) + window.grain, now)}"
    return "", ""


def named(line: Series) -> Series:
    """`green worse %` for `green WorsePercent`."""
    name = line.name.replace(line.value, words.heading(line.value))
    return replace(line, name=name)


def alone(line: Series) -> Series:
    """`worse %` where all lines are of one rollout, whose name tells nothing then."""
    return replace(line, name=line.name.removeprefix(line.by).strip() or line.name)


def worst_first(lines: Sequence[Series], bounds: Sequence[Limit]) -> list[Series]:
    """Lines by how far they went in the direction that is bad."""
    sign = -1 if bounds and not bounds[0].over else 1

    def badness(line: Series) -> float:
        return max((sign * v for _, v in line.points if v is not None), default=-1e300)

    return sorted(lines, key=badness, reverse=True)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _limits(panel: Panel, bounds: Sequence[Limit]) -> list[Any]:
    """The limits that are drawn, in words."""
    if not bounds:
        return []
    words_of = {"critical": "bad", "warning": "uneasy"}
    said = ", ".join(
        f"{words_of[each.level]} {'over' if each.over else 'under'} "
        f"{words.number(each.value, panel.unit)}"
        + (f" ({each.label})" if each.label else "")
        for each in bounds
    )
    return [html.P(said, className="quiet")]


def _worst(levels: Sequence[str]) -> tuple[str, str]:
    if "critical" in levels:
        return "bad", "bad"
    return ("uneasy", "uneasy") if "warning" in levels else ("", "")


def _failed(failure: Failure) -> Shown:
    """A panel's own trouble, and what to type."""
    beside: list[Any] = [html.Pre(failure.problem, className="problem")]
    if failure.remedies:
        tries = [html.Li(html.Code(each)) for each in failure.remedies]
        beside.append(html.Ul(tries, className="tries"))
    return Shown(beside=beside, state="failed", said="can't be read")


def _stat(
    panel: Panel, found: Table, bounds: Sequence[Limit], notes: list[Any]
) -> Shown:
    """Big numbers, each with its name."""
    records = found.records()
    levels = [limits.level(bounds, each[panel.show[0]]) for each in records]
    state, said = _worst(levels)
    tiles = [_tile(panel, *pair) for pair in zip(records, levels, strict=True)]
    beside = [html.Dl(tiles, className="tiles"), *notes]
    return Shown(beside=beside, state=state, said=said)


def _tile(panel: Panel, record: Mapping[str, Any], level: str) -> Any:
    mood = tables.MOODS.get(level, "")
    said = {"bad": "used up", "uneasy": "low"} if panel.unit == "percent" else {}
    name = str(record.get(panel.by) or panel.title)
    value = words.number(record[panel.show[0]], panel.unit)
    shown: list[Any] = [value, html.Small(said.get(mood, level))]
    return html.Div([html.Dt(name), html.Dd(shown)], className=f"tile {mood}".strip())
