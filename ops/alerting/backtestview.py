"""What `invoke alerts.backtest` prints: a strip of time for each rule, and its data."""

import shutil
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ops.times import length
from ops.views.render import clean, say

if TYPE_CHECKING:
    from ops.alerting.backtesting import Backtest, Firings
    from ops.alerting.coverage import Data
    from ops.alerting.expecting import Firing
    from ops.times import Span

BARS = "▁▂▃▄▅▆▇█"
WIDE, NARROW = 40, 28  # cells of a strip, where there are 92 columns and where not
NAME = 26
MOST_LISTED = 20
REQUESTS = "AmlOnlineEndpointTrafficLog"


def passing(text: str) -> None:
    """What is being done, on the last line of a terminal, until something else is."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def report(found: "Backtest") -> None:
    for line in [*table(found), *_details(found), "", *map(data, found.data)]:
        say(line)


def table(found: "Backtest") -> Iterator[str]:
    """A line for each version of each rule."""
    start, end = _shown(found.span.start), _shown(found.span.end)
    count = cells()
    cell = length((found.span.end - found.span.start) / count)
    yield f"[bold]{found.endpoint}[/], UTC; a cell is {cell}"
    yield f"{'':<{NAME}}{start:<{count - len(end)}}{end}   fired  minutes  a month"
    rules = [each.rule for each in found.found]
    for each in found.found:
        second = rules.count(each.rule) > 1 and each is not _first(found, each.rule)
        name = f"  {clean(each.version)}" if second else each.rule
        yield _line(name, each, found.span)
        for note in each.notes:
            yield f"{'':<{NAME}}[yellow]{clean(note)}[/]"


def _first(found: "Backtest", rule: str) -> "Firings":
    return next(each for each in found.found if each.rule == rule)


def _line(name: str, each: "Firings", span: "Span") -> str:
    name = name if len(name) < NAME else f"{name[: NAME - 2]}…"
    room = cells()
    if not each.told:
        nothing = f"{'nothing was measured':<{room}}{'-':>8}{'-':>9}{'-':>9}"
        return f"{name:<{NAME}}{nothing}"
    count = f"{len(each.firings):>8}"
    shown = f"[red]{count}[/]" if each.firings else count
    minutes = each.active / timedelta(minutes=1)
    told = f"{shown}{minutes:>9.0f}{monthly(each):>9}"
    return f"{name:<{NAME}}{strip(each, span, room)}{told}"


def monthly(each: "Firings") -> str:
    """How often a month; of less than a day it would say nothing."""
    if each.until - each.since < timedelta(days=1):
        return "-"
    return (
        f"{each.per_month:.3g}" if each.per_month < 1000 else f"{each.per_month:,.0f}"
    )


def cells() -> int:
    columns = shutil.get_terminal_size((NAME + WIDE + 26, 24)).columns
    return WIDE if columns >= NAME + WIDE + 26 else NARROW


def strip(each: "Firings", span: "Span", count: int = WIDE) -> str:
    """Each cell as high as the share of its time that an alert was fired."""
    size = (span.end - span.start) / count
    return "".join(
        _cell(each, span.start + size * n, span.start + size * (n + 1))
        for n in range(count)
    )


def _cell(each: "Firings", start: datetime, end: datetime) -> str:
    if end <= each.since:
        return " "
    seconds = sum(
        max((min(f.resolved or end, end) - max(f.fired, start)).total_seconds(), 0)
        for f in each.firings
    )
    share = min(seconds / (end - start).total_seconds(), 1.0)
    fell_in = any(start <= f.fired < end for f in each.firings)
    if not seconds and not fell_in:
        return "·"
    return BARS[min(int(share * len(BARS)), len(BARS) - 1)]


def _details(found: "Backtest") -> Iterator[str]:
    """Of a single rule: when it fired, and where its versions differ."""
    versions = found.found
    if len({each.rule for each in versions}) > 1:
        return
    for each in versions[:1] if len(versions) == 1 else ():
        yield from _listed("fired", each.firings)
    if len(versions) == 2:
        mine, other = versions
        yield from _listed(f"only by {mine.version}", _only(mine, other))
        yield from _listed(f"only by {other.version}", _only(other, mine))
        yield from shared(mine, other)


def _only(one: "Firings", other: "Firings") -> "list[Firing]":
    """The firings during which the other version fires nothing of the same."""
    return [each for each in one.firings if not any(map(each.overlaps, other.firings))]


def _listed(title: str, firings: "list[Firing]") -> Iterator[str]:
    yield ""
    yield f"[bold]{clean(title)}[/]" + ("" if firings else "  nothing")
    if len(firings) > MOST_LISTED:
        yield f"  the last {MOST_LISTED} of {len(firings)}"
    for each in firings[-MOST_LISTED:]:
        peak = "" if each.peak is None else f"  at worst {each.peak:.4g}"
        yield f"  {_shown(each.fired)}  {clean(each.where):<20} {_lasted(each)}{peak}"


def shared(mine: "Firings", other: "Firings") -> Iterator[str]:
    """What both fire, with the times where these differ."""
    both = [(a, b) for a in mine.firings for b in other.firings if a.overlaps(b)]
    moved = [(a, b) for a, b in both if (a.fired, a.resolved) != (b.fired, b.resolved)]
    told = f"{len(both)}, {len(moved)} of them at other times" if both else "nothing"
    yield ""
    yield f"[bold]by both[/]  {told}"
    for a, b in moved[-MOST_LISTED:]:
        yield (
            f"  {_shown(a.fired)}  {clean(a.where):<20} {_lasted(a)}"
            f"  by the other {_shown(b.fired)} {_lasted(b)}"
        )


def _lasted(each: "Firing") -> str:
    if each.resolved is None:
        return "still fired at the end"
    return f"for {length(each.resolved - each.fired)}"


def data(each: "Data") -> str:
    """How much of a table there was."""
    if each.first is None or each.last is None:
        return f"{each.table}: no rows"
    text = (
        f"{each.table}: {each.rows:,} rows, {_shown(each.first)} to {_shown(each.last)}"
    )
    if each.table != REQUESTS:  # of events and lines there may be none for days
        return text
    if not each.gaps:
        return f"{text}, no hour without one"
    longest = max(each.gaps, key=lambda gap: gap.seconds)
    total = sum(gap.seconds for gap in each.gaps)
    hours = "1 stretch" if len(each.gaps) == 1 else f"{len(each.gaps)} stretches"
    return (
        f"{text};\n  none for {length(timedelta(seconds=total))} in {hours}, the "
        f"longest {length(longest.end - longest.start)} from {_shown(longest.start)}"
    )


def _shown(at: datetime) -> str:
    return at.strftime("%m-%d %H:%M")
