"""Charts, as the library that draws them takes them: plain data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from ops.boards.limits import Limit
from ops.boards.model import Panel
from ops.boards.tables import Series
from ops.measures import Window
from ops.page import palette, words

HEIGHT = 190
APART = 0.2  # of a chart's width lie between two marks that are named
CLICK = "<br><i>click for its log lines</i>"
Figure = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that happened: a change, or an alert that was fired."""

    at: datetime
    text: str
    word: str = ""  # what it is called on the chart itself
    alert: bool = False


def over_time(
    panel: Panel,
    lines: Sequence[Series],
    limits: Iterable[Limit],
    marks: Iterable[Mark],
    window: Window,
) -> Figure:
    """Lines over the whole window, limits across it, and marks where they belong."""
    colour = palette.colours(each.by for each in lines)
    unit = panel.unit
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": each.name,
            "x": [local(at) for at, _ in each.points],
            "y": [value for _, value in each.points],
            "customdata": [each.by] * len(each.points),
            "text": [words.number(value, unit) for _, value in each.points],
            "line": {
                "color": colour[each.by],
                "width": 2,
                "dash": dash(panel, each),
            },
            "marker": {"size": 4},
            "connectgaps": False,
            "hovertemplate": f"{escape(each.name)} %{{text}}<br>%{{x|%H:%M:%S}} UTC"
            f"{CLICK}<extra></extra>",
        }
        for each in lines
    ]
    happened = list(marks)
    start = _start(lines, window)
    return {
        "data": [*data, *_marks(happened)],
        "layout": {
            **layout(unit),
            "xaxis": {
                "type": "date",
                "range": [local(start), local(window.until)],
                "fixedrange": True,
                "nticks": 6,
                "showgrid": False,
            },
            "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False},
            "shapes": [*map(_limit, limits), *map(_line, happened)],
            "annotations": _names(happened, start, window.until),
        },
    }


def _start(lines: Sequence[Series], window: Window) -> datetime:
    """Where the axis begins: a day's point stands at its midnight."""
    first = [each.points[0][0] for each in lines if each.points]
    return min([window.since, *first])


def dash(panel: Panel, line: Series) -> str:
    """How a line is drawn, by its value: of three, the middle one is read first."""
    values = panel.show
    dashes = palette.DASHES if len(values) != 3 else ("dot", "solid", "dash")
    return dashes[values.index(line.value) % len(dashes)]


def local(at: datetime) -> str:
    """A moment as the charts take it: UTC, and never turned into local time."""
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def clicked(point: Mapping[str, Any]) -> tuple[datetime, float]:
    """When a point was, and its value, as the charts' library tells them."""
    text = str(point["x"]).replace(" ", "T")[:19]
    return datetime.fromisoformat(text).replace(tzinfo=UTC), float(point.get("y") or 0)


def layout(unit: str) -> dict[str, Any]:
    return {
        "height": HEIGHT,
        "margin": {"l": 44, "r": 10, "t": 20, "b": 26},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "inherit", "size": 11},
        "showlegend": False,
        "hovermode": "closest",
        "hoverdistance": 40,
        "dragmode": False,
        "uirevision": "kept",  # what is hovered stays so when data is renewed
        "yaxis": {
            "rangemode": "tozero",
            "fixedrange": True,
            "nticks": 5,
            "zeroline": False,
            "ticksuffix": "%" if unit == "percent" else "",
        },
    }


def _limit(limit: Limit) -> dict[str, Any]:
    bad = limit.level == "critical"
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": limit.value,
        "y1": limit.value,
        "line": {
            "color": palette.BAD if bad else palette.UNEASY,
            "width": 1,
            "dash": "dash",
        },
    }


def _line(mark: Mark) -> dict[str, Any]:
    return {
        "type": "line",
        "yref": "paper",
        "x0": local(mark.at),
        "x1": local(mark.at),
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {
            "color": palette.BAD if mark.alert else palette.MARK,
            "width": 1,
            "dash": "dot",
        },
    }


def _marks(marks: list[Mark]) -> list[dict[str, Any]]:
    """A handle above each mark's line, which says what it was."""
    if not marks:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "what happened",
            "yaxis": "y2",
            "x": [local(each.at) for each in marks],
            "y": [1] * len(marks),
            "cliponaxis": False,
            "text": [_told(each.text) for each in marks],
            "hovertemplate": "%{text}<br>%{x|%H:%M:%S} UTC<extra></extra>",
            "marker": {
                "symbol": "triangle-down",
                "size": 9,
                "color": [
                    palette.BAD if each.alert else palette.MARK for each in marks
                ],
            },
        }
    ]


def _names(marks: list[Mark], start: datetime, until: datetime) -> list[dict[str, Any]]:
    """What marks are called, above them; of near ones an alert, or the latest."""
    named: list[Mark] = []
    for each in sorted(marks, key=lambda mark: (mark.alert, mark.at), reverse=True):
        apart = (abs(each.at - other.at) / (until - start) for other in named)
        if each.word and all(distance >= APART for distance in apart):
            named.append(each)
    return [_name(each, (each.at - start) / (until - start)) for each in named]


def _name(mark: Mark, across: float) -> dict[str, Any]:
    side = "left" if across < APART / 2 else "right" if across > 1 - APART / 2 else ""
    at = {"x": local(mark.at), "xanchor": side or "center", "yref": "paper", "y": 1}
    above = {"yanchor": "bottom", "yshift": 3, "showarrow": False}
    return {**at, **above, "text": _told(mark.word), "font": {"size": 10}}


def _told(text: str) -> str:
    """As text whatever it holds: the charts' library reads some HTML in labels."""
    return escape(text if len(text) <= 120 else f"{text[:120]}…")
