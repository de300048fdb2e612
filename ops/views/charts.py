"""Lines over time, drawn in the terminal."""

import math
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import ModuleType

COLOURS = {"blue": "blue", "green": "green"}
OTHERS = ("cyan", "magenta", "orange", "red", "white")
Points = Sequence[tuple[datetime, float | None]]


def line(
    title: str,
    series: Mapping[str, Points],
    *,
    width: int | None = None,
    height: int = 12,
    unit: str = "",
    colour: bool | None = None,
) -> str:
    """A chart of one line for each name; a None is a gap. Times are UTC.

    Coloured (blue and green in their own colours) where stdout is a terminal, unless
    `colour` says otherwise. No newline at the end.
    """
    shown = [
        pair for points in series.values() for run in _runs(points) for pair in run
    ]
    moments = [at for at, _ in shown]
    if not moments:
        return f"{title}: no data"
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(
        width or min(shutil.get_terminal_size((100, 24)).columns, 140), height
    )
    plotext.title(f"{title} ({unit})" if unit else title)
    for (name, points), own in zip(series.items(), _colours(series), strict=True):
        _draw(plotext, name, points, own)
    start, end = min(moments), max(moments)
    ticks = _ticks(start, end)
    plotext.xticks([at.timestamp() for at in ticks], _labels(ticks))
    top = max(value for _, value in shown)
    plotext.ylim(0, top * 1.05 if top > 0 else 1)
    drawn: str = plotext.build()
    text = (
        drawn
        if (coloured() if colour is None else colour)
        else plotext.uncolorize(drawn)
    )
    return "\n".join(row.rstrip() for row in str(text).splitlines())


def coloured() -> bool:
    """Whether what goes to stdout may carry colours (NO_COLOR, FORCE_COLOR)."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def _draw(plotext: ModuleType, name: str, points: Points, colour: str) -> None:
    """The line of one name, broken where there is no value."""
    label: str | None = name
    for run in _runs(points):
        xs, ys = [at.timestamp() for at, _ in run], [value for _, value in run]
        draw = plotext.plot if len(run) > 1 else plotext.scatter
        draw(xs, ys, label=label, color=colour, marker="braille")
        label = None


def _runs(points: Points) -> list[list[tuple[datetime, float]]]:
    runs: list[list[tuple[datetime, float]]] = [[]]
    for at, value in points:
        if value is None or not math.isfinite(value):
            runs.append([])
        else:
            runs[-1].append((at, value))
    return [run for run in runs if run]


def _colours(names: Mapping[str, Points]) -> list[str]:
    spare = iter(OTHERS * (len(names) // len(OTHERS) + 1))
    return [COLOURS.get(name) or next(spare) for name in names]


def _ticks(start: datetime, end: datetime, most: int = 5) -> list[datetime]:
    count = most if end > start else 1
    step = (end - start) / max(count - 1, 1)
    return [start + step * n for n in range(count)]


def _labels(ticks: list[datetime]) -> list[str]:
    days = len({at.date() for at in ticks}) > 1
    seconds = (ticks[-1] - ticks[0]).total_seconds() < 300
    form = "%m-%d %H:%M" if days else "%H:%M:%S" if seconds else "%H:%M"
    return [at.strftime(form) for at in ticks]
