"""Log lines behind a point of a chart, and all that one request left behind."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from dash import dcc, html

from ops import logs
from ops.errors import OpsError
from ops.logrecords import Note, Record, shown
from ops.page import tables, view, words
from ops.page.looks import Looks
from ops.page.tables import Cell
from ops.page.wanted import MOST, TITLES, Wanted, parse
from ops.tails import Tail

MOOD = {"error": "bad", "critical": "bad", "warning": "uneasy"}


def page(looks: Looks, search: str) -> list[Any]:
    """The lines of an address, oldest first."""
    now = looks.now()
    wanted = parse(search, now)
    records: list[Record] = []
    notes: list[Any] = []
    try:
        for each in logs.read(looks.workspace(), looks.endpoint, wanted.asked):
            if isinstance(each, list):
                records += each
            else:
                notes.append(_note(each))
    except OpsError as error:
        notes.append(html.Pre(error.problem, className="problem"))
    title = f"Request {wanted.request}" if wanted.request else _title(wanted, now)
    arrow = "\N{LEFTWARDS ARROW} the dashboard"
    return [
        html.P(dcc.Link(arrow, href=f"/?{wanted.back}"), className="back"),
        html.H2(title),
        html.P(html.Code(f"{_told(wanted)}{looks.flags}"), className="quiet"),
        *([] if wanted.request else [_kinds(wanted)]),
        *notes,
        *([_table(records, title, wanted)] if records else []),
    ]


def _title(wanted: Wanted, now: datetime) -> str:
    of = f" of {wanted.deployment}" if wanted.deployment else ""
    how = f" answered {wanted.status}" if wanted.status else ""
    late = f", over {wanted.slower_than_ms} ms" if wanted.kind == "slow" else ""
    return f"Log lines{of}: {TITLES[wanted.kind]}{how}{late}"


def _told(wanted: Wanted) -> str:
    """The same as a verb, for the terminal."""
    if wanted.request:
        return f"invoke logs --request-id {wanted.request}"
    where = f" --deployment {wanted.deployment}" if wanted.deployment else ""
    since, until = view.stamp(wanted.since), view.stamp(wanted.until)
    level = " --level warning" if wanted.kind == "failures" else ""
    slow = f" --slower-than {wanted.slower_than_ms}ms" if wanted.kind == "slow" else ""
    status = f" --status {wanted.status}" if wanted.status else ""
    streams = {"requests": " --requests", "slow": " --requests"}.get(
        wanted.kind, " --console --requests --events"
    )
    return (
        f"invoke logs{streams}{where}{level}{status}{slow} --from {since} --to {until}"
    )


def _kinds(wanted: Wanted) -> Any:
    """The same time seen otherwise."""
    items = []
    for kind, title in TITLES.items():
        if kind == "slow" and not wanted.slower_than_ms:
            continue
        chosen = kind == wanted.kind
        inside = [title, html.Span(" (shown)", className="hidden") if chosen else ""]
        status = wanted.status if chosen else ""
        href = replace(wanted, kind=kind, status=status).address
        items.append(
            html.Li(dcc.Link(inside, href=href, className="on" if chosen else ""))
        )
    return html.Nav(
        html.Ul(items), className="choice", **words.aria("label", "Which lines")
    )


def _table(records: list[Record], title: str, wanted: Wanted) -> Any:
    heads = ("time (UTC)", "deployment", "level", "said", "request")
    body = [
        [
            _time(each.time),
            {"text": each.deployment},
            {"text": each.level, "class": MOOD.get(each.level, "")},
            _said(each),
            _id(each, wanted),
        ]
        for each in records
    ]
    grid = tables.grid(title, [{"text": each} for each in heads], body, MOST)
    data: dict[str, Any] = {"data-tables": tables.written([grid])}
    return html.Div(className="tables lines", **data)


def _time(at: datetime) -> Cell:
    text = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
    return {"text": text, "time": at.isoformat(), "class": "time"}


def _said(record: Record) -> Cell:
    """As text, whatever it holds."""
    by, said = shown(record.message)
    return {"text": f"{by} {said}".strip(), "class": "said"}


def _id(record: Record, wanted: Wanted) -> Cell:
    id = record.request_id
    if not id or id == wanted.request:
        return {"text": "this one" if id else ""}
    return tables.request(id, wanted.back)


def _note(each: Note | Tail) -> Any:
    if isinstance(each, Note):
        return html.P(each.text, className="quiet")
    title = html.H3(f"{each.deployment}, {each.container}")
    return html.Div([title, html.Pre("\n".join(each.lines[-MOST:]))])
