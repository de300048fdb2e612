"""Charts of bars: side by side, or a picture for each value of a column."""

from collections.abc import Callable, Mapping
from html import escape
from math import ceil
from typing import Any

from ops.boards.model import Panel
from ops.boards.tables import Table
from ops.page import drawing, palette, wanted, words
from ops.page.drawing import Figure

TICKS, FEW_TICKS = 10, 4
ABREAST = 4  # pictures beside each other in one figure
TO = " to "


def figure(panel: Panel, table: Table, back: str = "") -> Figure:
    """Bars side by side, one a deployment at each place; a picture for each value.

    `back` is the query of the view, for the way back from the lines behind a bar.
    """
    parts = pictures(panel, table)
    names = sorted(
        {str(each.get(panel.by, "")) for part in parts.values() for each in part}
    )
    colour = palette.colours(names)
    layout = {**drawing.layout(panel.unit), "barmode": "group", "bargap": 0.3}
    rows = ceil(len(parts) / ABREAST)
    layout["height"] = drawing.HEIGHT * rows
    layout["annotations"] = []
    data: list[dict[str, Any]] = []

    def behind(record: dict[str, Any]) -> str:
        return wanted.beneath(panel, record, table.window, back)

    for index, (title, records) in enumerate(parts.items()):
        number = f"{index + 1}" if index else ""
        across, down = _domains(index, len(parts), rows)
        places = list(dict.fromkeys(place(panel, each) for each in records))
        layout[f"xaxis{number}"] = {
            "type": "category",
            "categoryarray": places,
            **_ticks(places, TICKS if len(parts) == 1 else FEW_TICKS),
            "fixedrange": True,
            "domain": across,
            "anchor": f"y{number}",
        }
        below = {"domain": down, "anchor": f"x{number}"}
        layout[f"yaxis{number}"] = {**layout["yaxis"], **below}
        if title:
            layout["margin"]["t"] = 24
            layout["annotations"].append(_title(title, across, down))
        data += [
            _bars(panel, name, records, colour[name], number, behind)
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
    panel: Panel,
    name: str,
    records: list[dict[str, Any]],
    colour: str,
    number: str,
    behind: Callable[[dict[str, Any]], str],
) -> dict[str, Any]:
    own = [each for each in records if str(each.get(panel.by, "")) == name]
    values = [float(each[panel.show[0]] or 0) for each in own]
    lead = [behind(each) for each in own]
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
        "customdata": lead,
        "hovertemplate": f"{escape(name)} %{{text}}<br>%{{x}}"
        f"{drawing.CLICK if any(lead) else ''}<extra></extra>",
    }


def _ticks(places: list[str], most: int) -> dict[str, Any]:
    """Some of the places, each by where it begins: all would lie over one another."""
    chosen = places[:: ceil(len(places) / most) or 1]
    began = [each.partition(TO)[0] for each in chosen]
    return {"tickmode": "array", "tickvals": chosen, "ticktext": began, "tickangle": 0}


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
    return TO.join(_edge(record[name]) for name in panel.axis)


def _edge(value: Any) -> str:
    """A number of an axis, or its label."""
    if not isinstance(value, float):
        return words.text(value)
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
