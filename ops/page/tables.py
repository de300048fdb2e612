"""Rows as tables of a page, and lines of a chart in numbers beside it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html

from ops.boards import limits
from ops.boards.limits import Limit
from ops.boards.model import Panel
from ops.boards.tables import Series, Table
from ops.kql import Column
from ops.page import drawing, palette, words

NUMBERS = ("int", "long", "real", "decimal")
SHOWN = 12  # rows that are seen at once; the others are scrolled to


def rows(table: Table, title: str, now: datetime) -> Any:
    """A panel's rows as they are."""
    head = html.Tr(
        [
            html.Th(words.heading(each.name), scope="col", className=_side(each))
            for each in table.columns
        ]
    )
    body = [
        html.Tr([_cell(each, value, now) for each, value in _pairs(table, row)])
        for row in table.rows
    ]
    return scrolled([html.Thead(head), html.Tbody(body)], title, len(body))


def summary(
    panel: Panel,
    lines: Sequence[Series],
    dashes: Mapping[str, str],
    bounds: Sequence[Limit],
    now: datetime,
) -> Any:
    """Each line in numbers: its latest value and its highest, or its lowest.

    `dashes` are of the lines that are drawn.
    """
    colour = palette.colours(each.by for each in lines)
    lowest = bool(bounds) and not bounds[0].over
    heads = ("", "latest", "lowest" if lowest else "highest", "at")
    head = html.Tr([html.Th(each, scope="col") for each in heads])
    body = []
    for each in lines:
        known = [(value, at) for at, value in each.points if value is not None]
        latest = each.points[-1][1] if each.points else None
        worst, at = (min if lowest else max)(
            known, key=lambda pair: pair[0], default=(None, None)
        )
        cells = [
            html.Th(
                [stroke(colour[each.by], dashes.get(each.name, "")), each.name],
                scope="row",
            ),
            number(latest, panel.unit, bounds),
            number(worst, panel.unit, bounds),
            html.Td(words.moment(at, now) if at else words.NONE, className="number"),
        ]
        body.append(html.Tr(cells))
    return scrolled([html.Thead(head), html.Tbody(body)], panel.title, len(body), 6)


def number(value: float | None, unit: str, bounds: Sequence[Limit] = ()) -> Any:
    """A number in a cell; red where it is over a limit, and said so."""
    level = limits.level(bounds, value)
    mood = {"critical": "bad", "warning": "uneasy"}.get(level, "")
    said = {"bad": " bad", "uneasy": " high"}.get(mood, "")
    inside: list[Any] = [words.number(value, unit)]
    inside += [html.Span(said, className="hidden")] if said else []
    return html.Td(inside, className=f"number {mood}".strip())


def swatch(colour: str) -> Any:
    return html.Span(className="swatch", style={"background": colour})


def stroke(colour: str, dash: str) -> Any:
    """The line as it is drawn; nothing of one that isn't."""
    kind = {"dot": "dotted", "dash": "dashed", "dashdot": "dashed", "": "none"}
    style = {"borderTop": f"3px {kind.get(dash, 'solid')} {colour}"}
    return html.Span(className="stroke", style=style)


def pivots(panel: Panel, table: Table) -> list[Any]:
    """Bars in numbers, a table for each picture."""
    return [
        _pivot(panel, records, title)
        for title, records in drawing.pictures(panel, table).items()
    ]


def _pivot(panel: Panel, records: list[dict[str, Any]], title: str) -> Any:
    """A row for each place of the axis, a column a deployment."""
    names = sorted({str(each.get(panel.by, "")) for each in records})
    colour = palette.colours(names)
    axis = " \N{EN DASH} ".join(words.heading(each) for each in panel.axis)
    heads = [html.Th(f"{title} {axis}".strip(), scope="col")]
    heads += [
        html.Th([swatch(colour[n]), n or "\N{EN DASH}"], scope="col") for n in names
    ]
    cells: dict[str, dict[str, Any]] = {}
    for each in records:
        row = cells.setdefault(drawing.place(panel, each), {})
        row[str(each.get(panel.by, ""))] = each[panel.show[0]]
    body = [
        html.Tr(
            [
                html.Th(place, scope="row"),
                *(number(row.get(name, 0), panel.unit) for name in names),
            ]
        )
        for place, row in cells.items()
    ]
    name = f"{panel.title} {title}".strip()
    return scrolled([html.Thead(html.Tr(heads)), html.Tbody(body)], name, len(body))


def scrolled(children: Any, title: str, count: int, most: int = SHOWN) -> Any:
    """A table that takes no more room than so many rows; the keyboard scrolls it."""
    table = html.Table([html.Caption(title, className="hidden"), *children])
    own: dict[str, Any] = {"className": "scrolled"}
    if count > most:
        own = {"className": "scrolled tall", "tabIndex": "0", "role": "region"}
        own["aria-label"] = f"{title}, {count} rows"
    return html.Div(table, **own)


def request(id: str, shown: str = "") -> Any:
    """A link to all that one request left behind."""
    address = f"/logs?{urlencode({'request': id})}"
    return dcc.Link(shown or id, href=address, className="id")


def time(at: datetime, now: datetime) -> Any:
    return html.Time(words.moment(at, now), dateTime=at.isoformat())


def _pairs(table: Table, row: tuple[Any, ...]) -> Iterable[tuple[Column, Any]]:
    return zip(table.columns, row, strict=True)


def _side(column: Column) -> str:
    return "number" if column.type in NUMBERS else ""


def _cell(column: Column, value: Any, now: datetime) -> Any:
    if isinstance(value, datetime):
        return html.Td(time(value, now), className="time")
    if column.type in NUMBERS and isinstance(value, int | float):
        unit = "percent" if column.name.endswith("Percent") else ""
        return html.Td(words.number(value, unit), className="number")
    if isinstance(value, str) and words.REQUEST_ID.fullmatch(value):
        return html.Td(request(value, value[:8]))
    return html.Td(words.text(value), className=words.mood(value))


def tiles(panel: Panel, table: Table, bounds: Sequence[Limit]) -> Any:
    """A stat: big numbers, each with its name."""
    found = [_tile(panel, each, bounds) for each in table.records()]
    return html.Dl(found, className="tiles")


def _tile(panel: Panel, record: Mapping[str, Any], bounds: Sequence[Limit]) -> Any:
    value = record[panel.show[0]]
    level = limits.level(bounds, value)
    mood = {"critical": "bad", "warning": "uneasy"}.get(level, "")
    said = {"bad": "used up", "uneasy": "low"}.get(mood, "")
    if panel.unit != "percent" or not mood:
        said = level
    name = str(record.get(panel.by) or panel.title)
    shown: list[Any] = [words.number(value, panel.unit), html.Small(said)]
    return html.Div([html.Dt(name), html.Dd(shown)], className=f"tile {mood}".strip())
