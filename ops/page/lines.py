"""Log lines behind a point of a chart, and all that one request left behind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from dash import dcc, html

from ops import logs, times
from ops.errors import OpsError, UsageError
from ops.logrecords import Note, Record, shown
from ops.logs import Asked
from ops.page import tables, view, words
from ops.page.looks import Looks
from ops.page.tables import Cell
from ops.sieve import Sieve
from ops.tails import Tail
from ops.times import Span

MOST = 300  # lines of a page
KINDS = {
    "failures": ("console", "request", "event"),
    "requests": ("request",),
    "slow": ("request",),
    "all": ("console", "request", "event"),
}
TITLES = {
    "failures": "what failed, and warnings",
    "requests": "requests",
    "slow": "slow requests",
    "all": "everything",
}
LATELY = timedelta(days=7)  # how far back a request is looked for
MOOD = {"error": "bad", "critical": "bad", "warning": "uneasy"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which lines: of one request, or of a kind in some time."""

    since: datetime
    until: datetime
    deployment: str = ""
    kind: str = "all"
    slower_than_ms: int = 0
    request: str = ""
    back: str = ""  # the query of the view that one has come from

    @property
    def address(self) -> str:
        given = {
            "kind": self.kind,
            "from": view.stamp(self.since),
            "to": view.stamp(self.until),
            "deployment": self.deployment,
            "slower": str(self.slower_than_ms or ""),
            "back": self.back,
        }
        if self.request:
            given = {"request": self.request, "back": self.back}
        return f"/logs?{urlencode({k: v for k, v in given.items() if v})}"

    @property
    def asked(self) -> Asked:
        least = "warning" if self.kind == "failures" else ""
        slower = timedelta(milliseconds=self.slower_than_ms)
        return Asked(
            kinds=KINDS[self.kind],
            sieve=Sieve(
                deployment=self.deployment,
                level=least,
                slower_than=slower if self.kind == "slow" else None,
            ),
            span=Span(start=self.since, end=self.until),
            open=False,
            lines=MOST,
            request_id=self.request,
        )


def parse(search: str, now: datetime) -> Wanted:
    """The lines of an address; raise UsageError for what can't be meant."""
    given = {name: found[0] for name, found in parse_qs(search[1:]).items()}
    back = given.get("back", "")
    if id := given.get("request"):
        until = now + timedelta(days=1)  # clocks differ
        return Wanted(request=id, since=now - LATELY, until=until, back=back)
    until = times.moment(given["to"], "to", now) if "to" in given else now
    hour = until - timedelta(hours=1)
    since = times.moment(given["from"], "from", now) if "from" in given else hour
    kind, slower = given.get("kind", "all"), given.get("slower", "0")
    if kind not in KINDS:
        raise UsageError(f"kind is one of {', '.join(KINDS)}, not {kind!r}.")
    if since >= until or not slower.isdecimal():
        raise UsageError("from lies before to, and slower is in whole milliseconds.")
    return Wanted(
        since=since,
        until=until,
        deployment=given.get("deployment", ""),
        kind=kind,
        slower_than_ms=min(int(slower), 10**7),
        back=back,
    )


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


def behind(
    point: Mapping[str, Any],
    unit: str,
    grain: timedelta,
    known: Iterable[str],
    back: str,
) -> str:
    """The address of the lines behind a point of a chart."""
    at = datetime.fromisoformat(f"{point['x']}".replace(" ", "T")[:19] + "+00:00")
    by = str(point.get("customdata") or "")
    slow = unit == "ms"
    wanted = Wanted(
        since=at,
        until=at + grain,
        deployment=by if by in set(known) else "",
        kind="slow" if slow else "failures" if unit in ("percent", "times") else "all",
        slower_than_ms=max(int(float(point.get("y") or 0)) - 1, 0) if slow else 0,
        back=back,
    )
    return wanted.address


def _title(wanted: Wanted, now: datetime) -> str:
    of = f" of {wanted.deployment}" if wanted.deployment else ""
    return f"Log lines{of}: {TITLES[wanted.kind]}"


def _told(wanted: Wanted) -> str:
    """The same as a verb, for the terminal."""
    if wanted.request:
        return f"invoke logs --request-id {wanted.request}"
    where = f" --deployment {wanted.deployment}" if wanted.deployment else ""
    since, until = view.stamp(wanted.since), view.stamp(wanted.until)
    level = " --level warning" if wanted.kind == "failures" else ""
    slow = f" --slower-than {wanted.slower_than_ms}ms" if wanted.kind == "slow" else ""
    streams = {"requests": " --requests", "slow": " --requests"}.get(
        wanted.kind, " --console --requests --events"
    )
    return f"invoke logs{streams}{where}{level}{slow} --from {since} --to {until}"


def _kinds(wanted: Wanted) -> Any:
    """The same time seen otherwise."""
    items = []
    for kind, title in TITLES.items():
        if kind == "slow" and not wanted.slower_than_ms:
            continue
        chosen = kind == wanted.kind
        inside = [title, html.Span(" (shown)", className="hidden") if chosen else ""]
        href = replace(wanted, kind=kind).address
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
