"""Read an endpoint's rows from Log Analytics as records, page after page."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops import kql, logrecords
from ops.clients import Workspace
from ops.literals import MOST_ROWS
from ops.logrecords import Record
from ops.sieve import Sieve
from ops.times import Span

QUERIES = {"console": "console", "request": "requests", "event": "events"}
PAGE = 10_000
MOST_PAGES = 50
TICK = timedelta(microseconds=1)  # the finest time that Python knows
# The newest so many records of a span, in time order.
Ask = Callable[[Span, int], list[Record]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One endpoint's rows of some kinds, and which of them."""

    workspace: Workspace
    endpoint: str
    kinds: tuple[str, ...]
    sieve: Sieve
    arrived: datetime | None = None  # only what was taken in from this time on


def newest(source: Source, span: Span, wanted: int) -> tuple[list[Record], bool]:
    """The last `wanted` records of a span in time order, and whether there are more."""
    return latest(
        [_newest(source, kind, span, wanted) for kind in source.kinds], wanted
    )


def latest(
    found: Iterable[tuple[list[Record], bool]], wanted: int
) -> tuple[list[Record], bool]:
    """Of several streams' last records, each with whether it has more, the last."""
    records: list[Record] = []
    more = False
    for kept, cut in found:
        records += kept
        more |= cut
    records.sort(key=lambda record: record.time)
    return records[-wanted:], more or len(records) > wanted


def everything(source: Source, span: Span) -> list[Record]:
    """Every record of a span, in time order."""
    found = [
        record
        for kind in source.kinds
        for page in pages(_asking(source, kind), span, PAGE)
        for record in page
    ]
    return sorted(source.sieve.keep(found), key=lambda record: record.time)


def any_rows(source: Source, span: Span) -> bool:
    """Whether there is any row of these kinds at all, whatever it is."""
    everything = Source(
        workspace=source.workspace,
        endpoint=source.endpoint,
        kinds=source.kinds,
        sieve=Sieve(),
    )
    return any(
        next(pages(_asking(everything, kind), span, 1), None) for kind in source.kinds
    )


def of_request(source: Source, span: Span, request_id: str) -> list[Record]:
    """One request: its access log, the lines that name it, and what stands around.

    A scoring process writes more than the lines with the id: those of the same
    instance while the request was there belong to it too, if it served no other.
    """
    id = {"id": request_id}
    requests = _named(source, "request_by_id", logrecords.request, span, id)
    lines = _named(source, "console_by_request", logrecords.console, span, id)
    if not requests:
        return lines
    known = {record.identity for record in lines}
    around = [
        record
        for instance in {record.instance for record in lines if record.instance}
        for record in own_lines(_around(source, instance, requests), request_id)
        if record.identity not in known
    ]
    return sorted([*requests, *lines, *around], key=lambda record: record.time)


def own_lines(records: list[Record], request_id: str) -> list[Record]:
    """Lines without those that stand behind another request's line."""
    kept, own = [], True
    for record in records:
        if record.request_id:
            own = record.request_id == request_id
        if own:
            kept.append(record)
    return kept


def _around(source: Source, instance: str, requests: list[Record]) -> list[Record]:
    """What an instance wrote from the request's arrival to its answer."""
    longest = max(record.duration_ms for record in requests)
    margin = timedelta(milliseconds=2)  # durations are whole milliseconds
    start = min(r.time for r in requests) - timedelta(milliseconds=longest) - margin
    span = Span(start=start, end=max(r.time for r in requests) + margin)
    values = {"instance": instance, "most": "1000"}
    return _named(source, "console", logrecords.console, span, values)


def _newest(
    source: Source, kind: str, span: Span, wanted: int
) -> tuple[list[Record], bool]:
    kept: list[Record] = []
    size = min(PAGE, max(wanted + 1, 100))
    for page in pages(_asking(source, kind), span, size):
        kept = source.sieve.keep(page) + kept
        if len(kept) > wanted:
            break
    return kept[-wanted:], len(kept) > wanted


def pages(ask: Ask, span: Span, size: int) -> Iterator[list[Record]]:
    """Pages from the newest back; within a page in time order.

    The rows of a full page's first moment are left to the next page, which has all
    of that moment.
    """
    end = span.end
    for _ in range(MOST_PAGES):
        found = ask(Span(start=span.start, end=end), size)
        if len(found) < size:
            if found:
                yield found
            return
        first = found[0].time
        whole = [record for record in found if record.time > first]
        if whole:
            yield whole
            end = first + TICK
            size = PAGE
        elif size >= MOST_ROWS:
            yield found
            return
        else:  # more rows of one moment than a page holds
            size = min(size * 10, MOST_ROWS)


def _asking(source: Source, kind: str) -> Ask:
    def ask(span: Span, size: int) -> list[Record]:
        values = {"most": str(size), **_values(kind, source.sieve)}
        if source.arrived:
            values["arrived"] = source.arrived.isoformat(timespec="microseconds")
        make = logrecords.KINDS[kind]
        return _named(source, QUERIES[kind], make, span, values)

    return ask


def _named(
    source: Source,
    name: str,
    make: Callable[[dict[str, Any]], Record],
    span: Span,
    values: dict[str, str],
) -> list[Record]:
    found = kql.run(source.workspace, name, values, span=span, endpoint=source.endpoint)
    records = [make(row) for row in found.records()]
    records.sort(key=lambda record: record.time)
    return list(logrecords.inherited(records))


def _values(kind: str, sieve: Sieve) -> dict[str, str]:
    """What of a sieve the service can do."""
    values = {"deployment": sieve.deployment}
    if kind in ("console", "event"):
        values["instance"] = sieve.instance
    if kind == "console":
        values["container"] = sieve.container
    if kind == "request":
        low, high = sieve.status
        values |= {"lowest": str(low), "highest": str(high)} if high else {}
        if sieve.slower_than:
            values["slower_than"] = f"{sieve.slower_than.total_seconds() * 1000:.0f}ms"
    return values


def ending(now: datetime) -> datetime:
    """An end for a span that has none: clocks differ, and nothing is from tomorrow."""
    return now + timedelta(days=1)
