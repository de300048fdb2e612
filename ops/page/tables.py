"""Tables as plain data, which page.js puts on the page as text.

As components of their own, thousands of cells would take the page's library seconds.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from ops.boards import limits
from ops.boards.limits import Limit
from ops.boards.model import Panel
from ops.boards.tables import Series, Table
from ops.kql import Column
from ops.page import bars, palette, wanted, words

NUMBERS = ("int", "long", "real", "decimal")
LONG = 30  # characters: a cell that may be broken into lines, but not into words
SHOWN = 12  # rows that are seen at once; the others are scrolled to
SUMMED = 6  # the same below a chart
MOODS = {"critical": "bad", "warning": "uneasy"}
STROKES = {"dot": "dotted", "dash": "dashed", "dashdot": "dashed", "solid": "solid"}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """By whom, and when: what links and times are written with."""

    now: datetime
    grain: timedelta
    back: str = ""  # the query of the view, for the way back


Cell = dict[str, Any]
"""`text`, and what else there is of: class, said (to who can't see the class), href,
time, stroke or swatch before it, head for the cell that names its row."""
Grid = dict[str, Any]
"""A table: `title`, `heads`, `rows` of cells, and how many are `shown` at once."""


def written(grids: Iterable[Grid]) -> str:
    """Tables as page.js reads them."""
    return json.dumps(list(grids), ensure_ascii=False, separators=(",", ":"))


def rows(table: Table, title: str, now: datetime) -> Grid:
    """A panel's rows as they are."""
    heads = [_head(words.heading(c.name), _side(c)) for c in table.columns]
    body = [
        [_cell(c, value, now) for c, value in zip(table.columns, row, strict=True)]
        for row in table.rows
    ]
    return grid(title, heads, body)


def summary(
    panel: Panel,
    lines: Sequence[Series],
    dashes: Mapping[str, str],
    bounds: Sequence[Limit],
    seen: Seen,
) -> Grid:
    """Each line in numbers: its latest value and its highest, or its lowest.

    `dashes` are of the lines that are drawn. The time of the highest leads to the log
    lines behind it, as a click on the point does.
    """
    colour = palette.colours(each.by for each in lines)
    lowest = bool(bounds) and not bounds[0].over
    names = ("latest", "lowest" if lowest else "highest", "at")
    heads = [_head("line"), *(_head(each, "number") for each in names)]
    body = []
    for each in lines:
        known = [(value, at) for at, value in each.points if value is not None]
        latest = each.points[-1][1] if each.points else None
        worst, at = (min if lowest else max)(
            known, key=lambda pair: pair[0], default=(None, None)
        )
        name: Cell = {"text": each.name, "head": True}
        name["stroke"] = stroke(colour[each.by], dashes.get(each.name, ""))
        found = [number(value, panel.unit, bounds) for value in (latest, worst)]
        when: Cell = {"text": words.NONE, "class": "number"}
        if at:
            when["text"] = words.moment(at, seen.now)
            grain, back = seen.grain, seen.back
            when["href"] = wanted.behind(panel, at, worst, each.by, grain, back)
        body.append([name, *found, when])
    return grid(panel.title, heads, body, SUMMED)


def pivots(panel: Panel, table: Table, back: str = "") -> list[Grid]:
    """Bars in numbers, a table for each picture; they lead where the bars do."""

    def behind(record: dict[str, Any]) -> str:
        return wanted.beneath(panel, record, table.window, back)

    return [
        _pivot(panel, records, title, behind)
        for title, records in bars.pictures(panel, table).items()
    ]


def _pivot(
    panel: Panel,
    records: list[dict[str, Any]],
    title: str,
    behind: Callable[[dict[str, Any]], str],
) -> Grid:
    """A row for each place of the axis, a column a deployment."""
    names = sorted({str(each.get(panel.by, "")) for each in records})
    colour = palette.colours(names)
    axis = " \N{EN DASH} ".join(words.heading(each) for each in panel.axis)
    heads = [_head(f"{title} {axis}".strip())]
    heads += [{**_head(n or words.NONE, "number"), "swatch": colour[n]} for n in names]
    found: dict[str, dict[str, Any]] = {}
    for each in records:
        row = found.setdefault(bars.place(panel, each), {})
        cell = number(each[panel.show[0]], panel.unit)
        if lead := behind(each):
            cell["href"] = lead
        row[str(each.get(panel.by, ""))] = cell
    none = number(0, panel.unit)
    body = [
        [{"text": place, "head": True}, *(row.get(name, none) for name in names)]
        for place, row in found.items()
    ]
    return grid(f"{panel.title} {title}".strip(), heads, body, SUMMED)


def grid(
    title: str, heads: list[Cell], body: list[list[Cell]], shown: int = SHOWN
) -> Grid:
    return {"title": title, "heads": heads, "rows": body, "shown": shown}


def number(value: float | None, unit: str, bounds: Sequence[Limit] = ()) -> Cell:
    """A number in a cell; red where it is over a limit, and said so."""
    mood = MOODS.get(limits.level(bounds, value), "")
    cell: Cell = {"text": words.number(value, unit), "class": f"number {mood}".strip()}
    return {**cell, "said": f" {mood}"} if mood else cell


def stroke(colour: str, dash: str) -> str:
    """The line as it is drawn, as a border; none of a line that isn't."""
    return f"3px {STROKES.get(dash, 'none')} {colour}"


def request(id: str, back: str = "") -> Cell:
    """A link to all that one request left behind."""
    given = {"request": id, **({"back": back} if back else {})}
    return {"text": id[:8], "href": f"/logs?{urlencode(given)}"}


def _head(text: str, side: str = "") -> Cell:
    return {"text": text, "class": side}


def _side(column: Column) -> str:
    return "number" if column.type in NUMBERS else ""


def _cell(column: Column, value: Any, now: datetime) -> Cell:
    if isinstance(value, datetime):
        at = words.moment(value, now)
        return {"text": at, "class": "time", "time": value.isoformat()}
    if column.type in NUMBERS and isinstance(value, int | float):
        unit = "percent" if column.name.endswith("Percent") else ""
        return number(value, unit)
    if isinstance(value, str) and words.REQUEST_ID.fullmatch(value):
        return request(value)
    said = words.text(value)
    usual = "long" if len(said) > LONG else _side(column)
    return {"text": said, "class": words.mood(value) or usual}
