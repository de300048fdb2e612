"""What `invoke alerts.test` prints: a line a rule, and the timeline of what failed."""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ops.alerting.expecting import about
from ops.alerting.given import clock
from ops.alerting.rules import SIGNS
from ops.views.render import clean, say

if TYPE_CHECKING:
    from ops.alerting.offline import Track, Value
    from ops.alerting.trying import Judged, Report, Tried

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 64  # cells of a timeline: with its margin it fits into 80 columns
MOST_TRACKS = 6
MARGIN = " " * 13


def report(found: "Report") -> None:
    for rule in dict.fromkeys(each.rule for each in found.tried):
        for line in _rule(rule, [each for each in found.tried if each.rule == rule]):
            say(line)
    for rule in found.untested:
        say(f"[red]no test[/]  {rule:<32}write alerts/tests/{rule}.yaml")


def _rule(rule: str, tried: "list[Tried]") -> Iterator[str]:
    failed = [each for each in tried if not each.passed]
    count = "1 case" if len(tried) == 1 else f"{len(tried)} cases"
    said = sum(len(each.judged) for each in tried)
    mark = "[red]FAILED[/]" if failed else "[green]ok[/]    "
    fell = f", {len(failed)} failed" if failed else ""
    expected = "1 expectation" if said == 1 else f"{said} expectations"
    yield f"{mark}   {rule:<32}{count}, {expected}{fell}"
    for each in failed:
        yield from case(each)


def case(tried: "Tried") -> Iterator[str]:
    """A case that failed: what was expected, and what was measured and came of it."""
    yield ""
    yield f"  [bold]{clean(tried.case)}[/]  ({tried.file})"
    for problem in tried.problems:
        yield f"  [red]can't be evaluated[/]  {clean(problem)}"
    for each in tried.judged:
        mark = "[green]met    [/]" if each.met else "[red]NOT MET[/]"
        was = f"   but: {each.was}" if each.was else ""
        yield f"  {mark}  {clean(each.text)}{was}"
    tracks = [each for each in tried.tracks if each.firings or _failed(each, tried)]
    tracks.sort(key=lambda track: not track.firings)
    for track in tracks[:MOST_TRACKS]:
        yield from timeline(track, tried)
    if len(tracks) > MOST_TRACKS:
        yield f"  and {len(tracks) - MOST_TRACKS} others"
    if not tried.tracks and not tried.problems:
        yield "  nothing was measured: no row that is given counts for this rule"
    elif not tracks and not tried.problems:
        seen = ", ".join(dict.fromkeys(each.where for each in tried.tracks))
        yield f"  nothing fired; measured was: {clean(seen)}"
    yield ""


def timeline(track: "Track", tried: "Tried") -> Iterator[str]:
    """Values as bars; below them where the condition was met, and the alert's state."""
    cells = list(_cells(track.values))
    starts = [cell[0].at for cell in cells]
    top = _top(track, tried.threshold)
    met = [any(each.met for each in cell) for cell in cells]
    fired = [any(each.fired for each in cell) for cell in cells]
    yield f"  [bold]{clean(track.where)}[/]  {_peak(track, tried)}"
    yield f"    value    {''.join(_bar(_extreme(cell), top) for cell in cells)}"
    yield f"    met      {''.join('!' if each else '·' for each in met)}"
    yield f"    fired    {''.join('█' if each else '·' for each in fired)}"
    times = [at for each in _failed(track, tried) for at in each.times]
    if times:
        yield f"    expected {_marks(starts, times)}"
    yield f"{MARGIN}{_axis(starts)}"
    for text in _turns(track):
        yield f"{MARGIN}{text}"


def _failed(track: "Track", tried: "Tried") -> "list[Judged]":
    """What did not come as it was expected of this combination."""
    return [
        each
        for each in tried.judged
        if not each.met and about(each.on, track.target, track.dimensions)
    ]


def _cells(values: "list[Value]") -> "Iterable[list[Value]]":
    """At most WIDTH groups of equally many evaluations."""
    size = math.ceil(len(values) / WIDTH)
    return (values[at : at + size] for at in range(0, len(values), size))


def _extreme(cell: "list[Value]") -> float | None:
    known = [each.value for each in cell if each.value is not None]
    return max(known, default=None)


def _top(track: "Track", threshold: float | None) -> float:
    known = [each.value for each in track.values if each.value is not None]
    return max([*known, threshold or 0.0, 1e-12])


def _bar(value: float | None, top: float) -> str:
    """Nothing where nothing was measured, and the lowest bar for 0."""
    if value is None:
        return " "
    share = min(max(value / top, 0.0), 1.0)
    return BARS[min(int(share * len(BARS)), len(BARS) - 1)]


def _marks(starts: Sequence[datetime], times: Iterable[datetime]) -> str:
    """An arrow at each time that a sentence which did not hold speaks of."""
    row = [" "] * len(starts)
    for at in times:
        before = sum(start <= at for start in starts)
        row[max(before - 1, 0)] = "▲"
    return "".join(row).rstrip()


def _axis(starts: Sequence[datetime]) -> str:
    """The time of every twelfth cell."""
    return "".join(f"{clock(at):<12}" for at in starts[::12]).rstrip()


def _peak(track: "Track", tried: "Tried") -> str:
    """The value that mattered most, against the threshold."""
    known = [each for each in track.values if each.value is not None]
    least = tried.operator.startswith("Less")
    limit = ""
    if tried.threshold is not None:
        limit = f", fires {SIGNS.get(tried.operator, '')} {tried.threshold:g}"
    if not known:
        return f"no value at any time{limit}"
    worst = (min if least else max)(known, key=lambda each: each.value or 0.0)
    which = "least" if least else "most"
    return f"{which} {worst.value:.4g} at {clock(worst.at)}{limit}"


def _turns(track: "Track") -> Iterator[str]:
    """When it fired, with the value of then, and when it was resolved."""
    by_time = {each.at: each.value for each in track.values}
    for firing in track.firings:
        value = by_time.get(firing.fired)
        at = "" if value is None else f" at {value:.4g}"
        end = "not resolved by the end"
        if firing.resolved:
            end = f"[green]resolved {clock(firing.resolved)}[/]"
        yield f"[red]fired {clock(firing.fired)}[/]{at}, {end}"
