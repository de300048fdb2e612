"""How dashboards are printed: what was made of them, and their panels in a terminal."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ops.boards import limits
from ops.boards.model import UNITS
from ops.boards.tables import COUNTED, Failure, Table, series
from ops.views import charts
from ops.views.render import clean, console, deployment, grid, line, note, safe
from ops.views.resultview import cell

if TYPE_CHECKING:
    from ops.boards.looking import Look, Shown
    from ops.dashboards import Place, Step

ACTIONS = {"create": "green", "update": "yellow", "delete": "red", "unchanged": "dim"}
DONE = {"create": "created", "update": "updated", "delete": "deleted"}
MARKS = {"+": "green", "-": "red", "~": "yellow"}
LEVELS = {"critical": "red", "warning": "yellow", "": "default"}
TALL = 10  # lines of a chart
NAMED = TALL - 4
MOST = 12  # rows of a table
BAR, BLOCKS = 30, "·▁▂▃▄▅▆▇█"
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def plan(steps: "Iterable[Step]", *, done: bool = False) -> None:
    """What is (or was) done about each workbook, and what differs."""
    out = console()
    for step in steps:
        said = DONE.get(step.action, step.action) if done else step.action
        colour = ACTIONS[step.action]
        title = f"{step.dashboard}  [{colour}]{said}[/]  [dim]{safe(step.title)}[/]"
        out.print(title, soft_wrap=True)
        for change in step.changes:
            mark = MARKS.get(change[0], "default")
            out.print(f"  [{mark}]{safe(change)}[/]", soft_wrap=True)


def opened(place: "Place") -> None:
    """The address; in a browser too, where there is one and somebody to see it."""
    line(place.url)
    screen = sys.platform == "darwin" or any(os.environ.get(each) for each in SCREENS)
    if sys.stdout.isatty() and screen:
        import webbrowser

        webbrowser.open(place.url)


def show(look: "Look") -> None:
    """Every panel of a dashboard, row by row."""
    out, span = console(), look.window.span
    out.print(
        f"[bold]{safe(look.endpoint)}: {safe(look.title)}[/]  "
        f"{span.start:%F %T} to {span.end:%T} UTC  [dim]{safe(look.about)}[/]",
        soft_wrap=True,
    )
    for text in look.notes:
        note(text)
    for row in look.rows:
        out.print(f"\n[bold]{safe(row.title)}[/]")
        for shown in row.panels:
            panel(shown)


def panel(shown: "Shown") -> None:
    """One panel: what it shows, or why it has nothing to show."""
    out, found = console(), shown.data
    title = f"{safe(shown.panel.title)}{_limits(shown)}"
    if isinstance(found, Failure):
        out.print(f"{title}  [red]{safe(found.problem)}[/]", soft_wrap=True)
        for remedy in found.remedies:
            line(clean(f"  try: {remedy}"))
        return
    if shown.panel.kind == "text":
        line(clean(shown.panel.text))
    elif not found.rows:
        out.print(f"{title}  [dim]nothing in this time[/]", soft_wrap=True)
    elif shown.panel.kind == "timeseries":
        _chart(shown, found)
    else:
        out.print(title, soft_wrap=True)
        DRAWN[shown.panel.kind](shown, found)
    for text in found.notes:
        note(clean(f"{shown.panel.title}: {text}"))


def _limits(shown: "Shown") -> str:
    unit = UNITS[shown.panel.unit]
    told = [
        f"{each.level} {'over' if each.over else 'under'} {each.value:.6g}{unit}"
        for each in shown.limits
    ]
    return f"  [dim]{safe(', '.join(told))}[/]" if told else ""


def _chart(shown: "Shown", table: Table) -> None:
    lines = series(shown.panel, table)
    unit = UNITS[shown.panel.unit].strip()
    drawn = {clean(each.name): each.points for each in lines}
    line(charts.line(shown.panel.title, drawn, height=TALL, unit=unit))
    if len(drawn) > NAMED:  # the chart has no room for more names
        latest = (f"{name} {_last(points)}{unit}" for name, points in drawn.items())
        console().print(f"  [dim]latest[/]  {safe(', '.join(latest))}")
    worst = _worst(shown, [value for each in lines for _, value in each.points])
    if worst:
        console().print(f"  [{LEVELS[worst]}]{worst}[/] at some time{_limits(shown)}")


def _last(points: charts.Points) -> str:
    known = [value for _, value in points if value is not None]
    return f"{known[-1]:.3g}" if known else "-"


def _worst(shown: "Shown", values: Iterable[float | None]) -> str:
    found = {limits.level(shown.limits, value) for value in values}
    return next((word for word in ("critical", "warning") if word in found), "")


def _stat(shown: "Shown", table: Table) -> None:
    for record in table.records():
        name = str(record.pop(shown.panel.by, "")) if shown.panel.by else ""
        values = "  ".join(_value(shown, each) for each in record.values())
        console().print(f"  {safe(name)}  {values}")


def _value(shown: "Shown", value: Any) -> str:
    if value is None:
        return "-"
    level = limits.level(shown.limits, value)
    text = f"{value:,.6g}{UNITS[shown.panel.unit]}"
    return f"[{LEVELS[level]}]{safe(text)}[/]"


def _table(shown: "Shown", table: Table) -> None:
    drawn = grid(*(column.name for column in table.columns))
    for row in table.rows[:MOST]:
        drawn.add_row(*(safe(cell(value)) for value in row))
    console().print(drawn)
    if len(table.rows) > MOST:
        rest = len(table.rows) - MOST
        console().print(f"  [dim]{rest} more: --json has all[/]")


def _histogram(shown: "Shown", table: Table) -> None:
    """Band by band; many of them, each as one line of blocks."""
    of = shown.panel
    if not of.each:
        return _bars(shown, table)
    value, (low, high) = of.show[0], of.axis
    lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in table.records():
        lines.setdefault((record[of.each], record.get(of.by, "")), []).append(record)
    drawn = grid(of.each, of.by, "", "from", "to")
    for (each, by), bands in lines.items():
        most = max((band[value] or 0 for band in bands), default=0) or 1
        blocks = "".join(_block((band[value] or 0) / most) for band in bands)
        ends = (f"{bands[0][low]:.4g}", f"{bands[-1][high]:.4g}")
        drawn.add_row(safe(str(each)), deployment(str(by)), blocks, *ends)
    console().print(drawn)


def _block(share: float) -> str:
    return BLOCKS[round(share * (len(BLOCKS) - 1))]


def _bars(shown: "Shown", table: Table) -> None:
    """A bar a row, as long as its value is of the largest."""
    of = shown.panel
    value = of.show[0]
    most = max((record[value] or 0 for record in table.records()), default=0) or 1
    drawn = grid(*of.axis, *((of.by,) if of.by else ()), value, "")
    for record in table.records():
        amount = record[value] or 0
        own = deployment(str(record[of.by])) if of.by else None
        labels = [safe(cell(record[each])) for each in of.axis]
        number = f"{amount:,.0f}" if of.unit in COUNTED else f"{amount:.3g}"
        bar = "█" * round(BAR * amount / most)
        drawn.add_row(*labels, *([own] if own else []), number + UNITS[of.unit], bar)
    console().print(drawn)


DRAWN = {"stat": _stat, "table": _table, "bar": _bars, "histogram": _histogram}
