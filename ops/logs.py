"""What an endpoint says: its console, its access log and its events, read or followed.

All of it comes from Log Analytics. Before anything flows there, the last lines of each
deployment are what Azure's getLogs still has.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ops import clients, diagnostics, endpoints, logrows
from ops.clients import Workspace
from ops.errors import NotFound, ServiceError, Unreachable, UsageError
from ops.hints import led
from ops.logrecords import TABLES, Note, Record
from ops.logrows import Source
from ops.sieve import Sieve
from ops.tails import Tail, tails
from ops.times import Span, span
from ops.window import Window

MOST_ROWS = 100_000
USUAL_LINES = 100
# How long a row may take from when it was taken in until it can be read, and from when
# it was written until it counts as late: localcloud's are there within a second or two,
# Log Analytics' within minutes (Azure: log data ingestion time).
LATE = {True: timedelta(seconds=60), False: timedelta(minutes=10)}
# How old a row may be that is taken in now. What Log Analytics is sent later than after
# two days gets the time it came at (Azure: TimeGenerated of the ingestion API).
OLDEST = {True: timedelta(days=31), False: timedelta(days=2)}
EVERY_SECONDS = {True: 0.5, False: 5.0}
RECENT = timedelta(seconds=10)
WHOLE_LOOK = 8  # every so many looks one goes back as far as a row may hide


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to read."""

    kinds: tuple[str, ...]
    sieve: Sieve
    span: Span
    open: bool  # no --to: up to now
    lines: int
    request_id: str = ""


Shown = list[Record] | Note | Tail


def read(workspace: Workspace, name: str, asked: Asked) -> Iterator[Shown]:
    """The records that were asked for, oldest first, and what there is to say."""
    source = _source(workspace, name, asked)
    between = _until_tomorrow(asked)
    if asked.request_id:
        found = logrows.of_request(source, between, asked.request_id)
        yield found or Note(text=_no_request(asked))
        return
    records, more = logrows.newest(source, between, asked.lines)
    if not records:
        yield from _instead(source, asked)
        return
    if more:
        yield Note(text=f"the last {asked.lines}; more with --lines")
    yield records


def follow(workspace: Workspace, name: str, asked: Asked) -> Iterator[Shown]:
    """As read(), then every new record, each once, until the reader stops."""
    source = _source(workspace, name, asked)
    began = workspace.now()
    window = Window(began - _late(workspace))
    window.fresh(_arrivals(source, window.start))  # what is there isn't new
    records, _ = logrows.newest(source, _until_tomorrow(asked), asked.lines)
    window.fresh(records)
    if records:
        yield records
    else:
        yield from _instead(source, asked)
    window.looked(began, _late(workspace))
    yield from _looks(source, window)


def _looks(source: Source, window: Window) -> Iterator[Shown]:
    """Look again and again; through a time without an answer, from before it."""
    local = source.workspace.local is not None
    count, away = 0, False
    while True:
        due = time.monotonic() + EVERY_SECONDS[local]
        began = source.workspace.now()
        whole = away or count % WHOLE_LOOK == 0
        recent = began - RECENT * max(source.workspace.clock.rate, 1)
        start = window.start if whole else max(window.start, recent)
        try:
            if away:
                source = _source_again(source)
            found = _arrivals(source, start)
        except (Unreachable, ServiceError) as error:
            if not passing(error):
                raise
            if not away:
                yield Note(text=f"no answer ({error.problem}); waiting for it")
            away = True
        else:
            if away:
                yield Note(text="it answers again; going on where it stopped")
                away, count = False, 0
            if fresh := window.fresh(found):
                yield [_marked(record, _late(source.workspace)) for record in fresh]
            if whole:
                window.looked(began, _late(source.workspace))
            count += 1
        time.sleep(max(due - time.monotonic(), 0.05))


def asked(
    *,
    streams: Mapping[str, bool],
    times: tuple[str | None, str | None, str | None],
    lines: str | None,
    request_id: str | None,
    which: Sieve,
    now: datetime,
) -> Asked:
    """What the flags mean together; raise UsageError.

    `streams` says which of console, requests and events were asked for; none: the
    console, or the requests where a flag is about requests. `times` are --since,
    --from and --to.
    """
    since, from_, to = times
    timed = bool(since or from_ or to)
    kinds = [kind for kind, wanted in streams.items() if wanted]
    if not kinds:
        kinds = ["request" if which.status[1] or which.slower_than else "console"]
    default = timedelta(days=1) if request_id else timedelta(hours=1)
    return Asked(
        kinds=tuple(kinds),
        sieve=which,
        span=span(since, from_, to, now=now, default=default),
        open=not to,
        lines=_lines(lines, MOST_ROWS if timed else USUAL_LINES),
        request_id=request_id or "",
    )


def _instead(source: Source, asked: Asked) -> Iterator[Shown]:
    """What to show where no record was found: why, and getLogs where it's too early."""
    why = _why_nothing(source)
    if not why:
        yield Note(text=f"nothing matches between {_between(asked)}")
        return
    if "console" not in source.kinds:
        yield Note(text=f"{why}.")
        return
    yield Note(text=f"{why}: these are the last lines by getLogs.")
    for tail in tails(
        source.workspace,
        source.endpoint,
        source.sieve.deployment or None,
        lines=asked.lines,
        container=source.sieve.container or "inference-server",
    ):
        kept = source.sieve.keep_lines(tail.lines)
        yield Tail(deployment=tail.deployment, container=tail.container, lines=kept)


def _why_nothing(source: Source) -> str:
    """Why Log Analytics can have no row; "" where it has some, only other ones."""
    endpoint = endpoints.get(source.workspace, source.endpoint)
    if source.sieve.deployment:
        endpoints.require(endpoint, source.sieve.deployment)
    name = source.endpoint
    flowing = diagnostics.flowing(diagnostics.show(source.workspace, name))
    if not {TABLES[kind] for kind in source.kinds} & flowing:
        return f"Diagnostics of {name} are off ({led('invoke diagnostics.on')})"
    now = source.workspace.now()
    lately = Span(start=now - timedelta(days=1), end=logrows.ending(now))
    if logrows.any_rows(source, lately):
        return ""
    return f"Nothing of {name} has arrived in Log Analytics yet"


def _no_request(asked: Asked) -> str:
    return (
        f"no row names request {asked.request_id} between {_between(asked)}; "
        "rows arrive a while after the answer"
    )


def _between(asked: Asked) -> str:
    start, end = asked.span.start, asked.span.end
    return f"{start:%Y-%m-%d %H:%M:%S} and {end:%Y-%m-%d %H:%M:%S} UTC"


def _source(workspace: Workspace, name: str, asked: Asked) -> Source:
    return Source(
        workspace=workspace, endpoint=name, kinds=asked.kinds, sieve=asked.sieve
    )


def _source_again(source: Source) -> Source:
    return Source(
        workspace=clients.again(source.workspace),
        endpoint=source.endpoint,
        kinds=source.kinds,
        sieve=source.sieve,
    )


def _arrivals(source: Source, since: datetime) -> list[Record]:
    """Every record that was taken in from a time on, however old it is.

    And some before it: a query whose text is that of the last look is known already.
    """
    since -= timedelta(seconds=since.timestamp() % RECENT.total_seconds())
    oldest = OLDEST[source.workspace.local is not None]
    span = Span(start=since - oldest, end=logrows.ending(source.workspace.now()))
    return logrows.everything(replace(source, arrived=since), span)


def _marked(record: Record, late: timedelta) -> Record:
    """The record, marked if lines of its time were shown long ago."""
    took = record.arrived - record.time if record.arrived else timedelta()
    return replace(record, late=took > late)


def _late(workspace: Workspace) -> timedelta:
    """How late a row may come, by a clock that may run fast."""
    return LATE[workspace.local is not None] * max(workspace.clock.rate, 1)


def _until_tomorrow(asked: Asked) -> Span:
    """The span; without --to with the rows of clocks that are ahead of ours."""
    if not asked.open:
        return asked.span
    return Span(start=asked.span.start, end=logrows.ending(asked.span.end))


def passing(error: Exception) -> bool:
    """Whether the service may answer again: it is down, busy or throttles us."""
    if isinstance(error, NotFound):
        return False
    status = getattr(error, "http_status", 503)
    return status in (401, 408, 429) or status >= 500


def _lines(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MOST_ROWS:
        raise UsageError(f"--lines takes a number from 1 to {MOST_ROWS}, not {text!r}.")
    return int(text)
