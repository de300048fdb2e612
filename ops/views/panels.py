"""Numbers for the terminal: blue and green side by side, and charts over time."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ops.measures import NEEDED, Measure, Metrics, Point, dense
from ops.views import charts, render

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

    from ops.metrics import Sight

BAD_RATIO = 0.01
FULL_PERCENT = 85
BLOCKS = "▁▂▃▄▅▆▇█"
LEAST_CHART = 7  # lines
CHARTS = {"requests": "requests a minute", "p95": "p95 ms", "errors": "errors a minute"}


def metrics(metrics: Metrics, width: int, height: int) -> "Group":
    """The table, what must be said of it, and charts in the room that is left."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [heading(metrics), comparison(metrics.deployments)]
    used = 1 + 1 + 11
    for note in metrics.notes:
        parts.append(Text(f"note: {note}", style="yellow"))
        used += 1 + len(note) // width
    if metrics.points:
        room = min(max(height - used - 2, LEAST_CHART), 16)
        parts.append(two_charts(metrics, width, room))
    return Group(*parts)


def sight(seen: "Sight", width: int, height: int) -> "RenderableType":
    """The same for --watch, beneath why it is not fresh, if it isn't."""
    from rich.console import Group

    if not seen.trouble:
        return metrics(seen.metrics, width, height)
    told = no_answer(seen.looked, seen.fresh, seen.trouble, width)
    return Group(told, metrics(seen.metrics, width, height - 1))


def no_answer(
    looked: datetime, fresh: datetime | None, trouble: str, width: int
) -> "Text":
    """One line that nobody overlooks: since when what is shown is old, and why."""
    from rich.text import Text

    since = f" since {fresh:%H:%M:%S}" if fresh else ""
    text = f" {looked:%H:%M:%S} UTC  no answer{since}: {render.clean(trouble)} "
    return Text(text[: width - 1].ljust(width - 1), style="bold white on red")


def show(found: Metrics) -> None:
    """Print it once, the charts no taller than a screen's rest."""
    console = render.console()
    width = console.size.width if console.is_terminal else 100
    console.print(metrics(found, width, max(console.size.height, 24)))


def heading(metrics: Metrics) -> "Text":
    from rich.text import Text

    minutes = metrics.window.minutes
    length = f"{minutes / 60:g} h" if minutes >= 120 else f"{minutes:g} min"
    source = {
        "requests": "from request rows",
        "platform": "from Azure Monitor's metrics",
    }[metrics.source]
    return Text.assemble(
        (metrics.endpoint, "bold"),
        f"  last {length} to {metrics.window.until:%H:%M:%S} UTC  ",
        (source, "dim"),
    )


def comparison(measures: Sequence[Measure]) -> "Table":
    """One column a deployment, one row a number."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("")
    for each in measures:
        table.add_column(name(each.deployment), justify="right", min_width=12)
    for title, cell in ROWS:
        table.add_row(_dim(title), *(cell(each) for each in measures))
    return table


def name(deployment: str) -> "Text":
    from rich.text import Text

    style = charts.COLOURS.get(deployment, "cyan" if deployment else "dim")
    return Text(render.clean(deployment) or "(none)", style=f"bold {style}")


def errors(each: Measure) -> "Text":
    """`12  4.0%`, red from one in a hundred."""
    from rich.text import Text

    if each.error_ratio is None:
        return Text("-", style="dim")
    shown = f"{each.errors:,}  {100 * each.error_ratio:.1f}%"
    bad = each.error_ratio >= BAD_RATIO
    return Text(shown, style="bold red" if bad else "yellow" if each.errors else "")


def percentile(each: Measure, which: int) -> "Text":
    """Milliseconds; `<=` for a bound, or how many requests there were: too few."""
    from rich.text import Text

    value: float | None = getattr(each, f"p{which}")
    if value is not None:
        return Text(f"{'<= ' if each.bound else ''}{value:,.0f}")
    short = each.timed < NEEDED[which]
    return Text(f"n={each.timed}" if each.timed and short else "-", style="dim")


def percent(value: float | None, highest: float | None = None) -> "Text":
    from rich.text import Text

    if value is None:
        return Text("-", style="dim")
    peak = f" (max {highest:.0f}%)" if highest is not None else ""
    return Text(f"{value:.0f}%{peak}", style="red" if value >= FULL_PERCENT else "")


def sparkline(points: Sequence[Point | None], width: int) -> str:
    """Requests over time, the latest on the right; a gap is a space."""
    shown = points[-width:] if width > 0 else []
    top = max((each.requests for each in shown if each), default=0)
    if not top:
        return ""
    return "".join(
        BLOCKS[min(each.requests * len(BLOCKS) // (top + 1), 7)] if each else " "
        for each in shown
    )


def history(metrics: Metrics, deployment: str) -> list[Point | None]:
    return [point for *_, point in dense(metrics.points, deployment, metrics.window)]


def chart(metrics: Metrics, what: str, width: int, height: int) -> "Text":
    from rich.text import Text

    drawn = charts.line(
        CHARTS[what],
        lines(metrics, what),
        width=width,
        height=height,
        colour=charts.coloured(),
    )
    return Text.from_ansi(drawn, no_wrap=True)


def lines(
    metrics: Metrics, what: str
) -> dict[str, list[tuple[datetime, float | None]]]:
    """A chart's lines by deployment: requests or errors a minute, or p95 in ms."""
    names = sorted({each.deployment for each in metrics.points if each.deployment})
    return {
        name: [
            (at, _value(point, what, minutes))
            for at, minutes, point in dense(metrics.points, name, metrics.window)
        ]
        for name in names
    }


def two_charts(metrics: Metrics, width: int, height: int) -> "Table":
    """Rate and p95 beside each other; rate and errors where no row has a latency."""
    from rich.table import Table

    timed = any(each.p95 is not None for each in metrics.points)
    half = min(width, 160) // 2 - 1
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        chart(metrics, "requests", half, height),
        chart(metrics, "p95" if timed else "errors", half, height),
    )
    return grid


def _dim(text: str) -> "Text":
    from rich.text import Text

    return Text(text, style="dim")


def _count(number: int, *, bad: bool = False) -> "Text":
    from rich.text import Text

    style = "red" if bad and number else "" if number else "dim"
    return Text(f"{number:,}", style=style)


ROWS: list[tuple[str, Callable[[Measure], "RenderableType"]]] = [
    ("requests", lambda each: _requests(each)),
    ("a minute", lambda each: f"{each.per_minute:,.1f}"),
    ("errors", errors),
    ("408  424  429", lambda each: _kinds(each)),
    ("p50 ms", lambda each: percentile(each, 50)),
    ("p90 ms", lambda each: percentile(each, 90)),
    ("p95 ms", lambda each: percentile(each, 95)),
    ("p99 ms", lambda each: percentile(each, 99)),
    ("CPU", lambda each: percent(each.cpu_percent, each.cpu_percent_highest)),
    ("memory", lambda each: percent(each.memory_percent)),
    ("instances", lambda each: str(each.instances or "-")),
]


def _requests(each: Measure) -> str:
    mirrored = f" +{each.mirrored:,} mirrored" if each.mirrored else ""
    return f"{each.requests:,}{mirrored}"


def _kinds(each: Measure) -> "Text":
    from rich.text import Text

    counts = (each.timed_out, each.failed, each.throttled)
    parts = [_count(number, bad=True) for number in counts]
    return Text("  ").join(parts)


def _value(point: Point | None, what: str, minutes: float) -> float | None:
    if what == "p95":
        return point.p95 if point else None
    if point is None:
        return 0.0
    return (point.requests if what == "requests" else point.errors) / minutes
