"""Charts, as the library that draws them takes them: plain data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from math import ceil
from typing import Any

from ops.boards.limits import Limit
from ops.boards.model import Panel
from ops.boards.tables import Series, Table
from ops.measures import Window
from ops.page import palette, words

HEIGHT = 190
ABREAST = 4  # pictures beside each other in one figure
Figure = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that happened: a change, or an alert that was fired."""

    at: datetime
    text: str
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
            "<br><i>click for its log lines</i><extra></extra>",
        }
        for each in lines
    ]
    happened = list(marks)
    return {
        "data": [*data, *_marks(happened)],
        "layout": {
            **_layout(unit),
            "xaxis": {
                "type": "date",
                "range": [local(window.since), local(window.until)],
                "fixedrange": True,
                "nticks": 6,
                "showgrid": False,
            },
            "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False},
            "shapes": [*map(_limit, limits), *map(_line, happened)],
        },
    }


def dash(panel: Panel, line: Series) -> str:
    """How a line is drawn, by its value: of three, the middle one is read first."""
    values = panel.show
    dashes = palette.DASHES if len(values) != 3 else ("dot", "solid", "dash")
    return dashes[values.index(line.value) % len(dashes)]


def bars(panel: Panel, table: Table) -> Figure:
    """Bars side by side, one a deployment at each place; a picture for each value."""
    parts = pictures(panel, table)
    names = sorted(
        {str(each.get(panel.by, "")) for part in parts.values() for each in part}
    )
    colour = palette.colours(names)
    layout = {**_layout(panel.unit), "barmode": "group", "bargap": 0.3}
    rows = ceil(len(parts) / ABREAST)
    layout["height"] = HEIGHT * rows
    layout["annotations"] = []
    data: list[dict[str, Any]] = []
    for index, (title, records) in enumerate(parts.items()):
        number = f"{index + 1}" if index else ""
        across, down = _domains(index, len(parts), rows)
        places = list(dict.fromkeys(place(panel, each) for each in records))
        layout[f"xaxis{number}"] = {
            "type": "category",
            "categoryarray": places,
            "fixedrange": True,
            "domain": across,
            "anchor": f"y{number}",
        }
        below = {"domain": down, "anchor": f"x{number}"}
        layout[f"yaxis{number}"] = {**layout["yaxis"], **below}
        if title:
            layout["annotations"].append(_title(title, across, down))
        data += [
            _bars(panel, name, records, colour[name], number)
            for name in names[: palette.MOST]
        ]
    return {"data": data, "layout": layout}


def pictures(panel: Panel, table: Table) -> dict[str, list[dict[str, Any]]]:
    """The rows of each picture: of each value of a column, or all in one."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in table.records():
        key = str(record[panel.each]) if panel.each else ""
        found.setdefault(key, []).append(record)
    return found


def _bars(
    panel: Panel, name: str, records: list[dict[str, Any]], colour: str, number: str
) -> dict[str, Any]:
    own = [each for each in records if str(each.get(panel.by, "")) == name]
    values = [float(each[panel.show[0]] or 0) for each in own]
    return {
        "type": "bar",
        "name": name,
        "xaxis": f"x{number}",
        "yaxis": f"y{number}",
        "x": [place(panel, each) for each in own],
        "y": values,
        "text": [words.number(value, panel.unit) for value in values],
        "textposition": "none",
        "marker": {"color": colour},
        "hovertemplate": f"{escape(name)} %{{text}}<br>%{{x}}<extra></extra>",
    }


def _domains(index: int, count: int, rows: int) -> tuple[list[float], list[float]]:
    """Which part of the figure a picture has: across and down."""
    columns = min(count, ABREAST)
    row, column = divmod(index, columns)
    width, height = 1 / columns, 1 / rows
    left, top = column * width, 1 - row * height
    gap = 0.05 if columns > 1 else 0.0
    foot = 0.14 if rows > 1 else 0.0
    return [left, left + width - gap * width], [top - height + foot * height, top]


def _title(text: str, across: list[float], down: list[float]) -> dict[str, Any]:
    at = {"xref": "paper", "yref": "paper", "x": sum(across) / 2, "y": down[1]}
    return {**at, "text": escape(text), "showarrow": False, "yanchor": "bottom"}


def place(panel: Panel, record: Mapping[str, Any]) -> str:
    """Where on the axis: a label, or from one number to another."""
    return " to ".join(_edge(record[name]) for name in panel.axis)


def _edge(value: Any) -> str:
    """A number of an axis, or its label."""
    return f"{value:.4g}" if isinstance(value, float) else words.text(value)


def local(at: datetime) -> str:
    """A moment as the charts take it: UTC, and never turned into local time."""
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def clicked(point: Mapping[str, Any]) -> tuple[datetime, float]:
    """When a point was, and its value, as the charts' library tells them."""
    text = str(point["x"]).replace(" ", "T")[:19]
    return datetime.fromisoformat(text).replace(tzinfo=UTC), float(point.get("y") or 0)


def _layout(unit: str) -> dict[str, Any]:
    return {
        "height": HEIGHT,
        "margin": {"l": 44, "r": 10, "t": 12, "b": 26},
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


def _told(text: str) -> str:
    """As text whatever it holds: the charts' library reads some HTML in labels."""
    return escape(text if len(text) <= 120 else f"{text[:120]}…")
