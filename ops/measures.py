"""How an endpoint does, in numbers: what was counted, and the arithmetic on it.

A percentile is always one of the requests themselves. The percentiles of a minute
can't be averaged: with 3 requests a minute beside 27, equal latency looks better on
the small side in 4 minutes of 5. Azure's own metrics have nothing finer than a minute,
so from them only an upper bound is told: no percentile of a whole exceeds the highest
of its parts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ops.errors import UsageError
from ops.times import Span, duration

PERCENTILES = (50, 90, 95, 99)
# How many requests a percentile needs before one of them lies beyond it.
NEEDED = {50: 2, 90: 10, 95: 20, 99: 100}
MOST_POINTS = 1440


@dataclass(frozen=True, kw_only=True)
class Window:
    """From when to when, and how long each point of a chart is."""

    since: datetime
    until: datetime
    grain: timedelta = timedelta(minutes=1)

    @property
    def span(self) -> Span:
        return Span(start=self.since, end=self.until)

    @property
    def minutes(self) -> float:
        return self.span.seconds / 60


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Requests of one deployment that ended alike."""

    deployment: str  # "" where a request was refused before it got to one
    status: int
    count: int
    model_status: int = 0  # what the scoring script answered; 0: it was not asked
    reason: str = ""
    mirrored: bool = False  # copies of live requests, whose answers are dropped
    first: datetime | None = None
    last: datetime | None = None
    request_id: str = ""  # of one of them, to follow it


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Percentiles in milliseconds, of `count` requests that were served or cut off."""

    count: int
    percentiles: Mapping[int, float]
    bound: bool = False  # the highest of the minutes' values: at most so much


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a deployment's instances use, in percent of what they have."""

    cpu: float | None = None  # now, the mean of the instances
    cpu_highest: float | None = None
    memory: float | None = None
    memory_highest: float | None = None
    instances: int | None = None  # in the newest minute, which may not be whole yet
    instances_lately: int | None = None  # the most of the last two minutes


@dataclass(frozen=True, kw_only=True)
class Point:
    """One deployment in one grain of time."""

    at: datetime
    deployment: str
    requests: int  # live and mirrored
    errors: int
    live: int = 0  # without the mirrored ones
    p95: float | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """What befell one instance: Created, Started, BackOff, Killing, ProbeFailed..."""

    at: datetime
    deployment: str
    instance: str
    name: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One deployment over the whole window; what could not be known is None."""

    deployment: str
    requests: int  # live ones
    mirrored: int
    per_minute: float
    errors: int  # answered with 400 or above, mirrored ones too
    error_ratio: float | None
    timed_out: int  # 408
    failed: int  # 424
    throttled: int  # 429
    timed: int  # how many requests the percentiles are of
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    bound: bool
    cpu_percent: float | None
    cpu_percent_highest: float | None
    memory_percent: float | None
    instances: int | None


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """An endpoint's numbers, where they come from and what must be said of them."""

    endpoint: str
    window: Window
    source: str  # "requests": each one's row; "platform": Azure Monitor's metrics
    deployments: list[Measure]
    notes: list[str] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)


def window(since: str, grain: str, now: datetime) -> Window:
    """The window that --since and --grain ask for; raise UsageError."""
    length, step = duration(since, "--since"), duration(grain, "--grain")
    if step < timedelta(minutes=1) or step > length:
        raise UsageError(f"--grain lies between 1m and --since ({since}), not {grain}.")
    if length / step > MOST_POINTS:
        raise UsageError(
            f"--since {since} in steps of {grain} is {int(length / step)} points; "
            f"at most {MOST_POINTS} are drawn.",
            f"invoke metrics --since {since} --grain {_wide(length)}",
        )
    return Window(since=now - length, until=now, grain=step)


def _wide(length: timedelta) -> str:
    """The shortest of the usual steps in which so long a time can be drawn."""
    usual = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "6h": 360, "12h": 720}
    minutes = length / timedelta(minutes=MOST_POINTS)
    return next((grain for grain, each in usual.items() if each >= minutes), "1d")


def measure(
    deployment: str,
    outcomes: Iterable[Outcome],
    latency: Latency | None,
    usage: Usage | None,
    window: Window,
) -> Measure:
    """Sum up one deployment; percentiles only where there are requests enough."""
    own = [each for each in outcomes if each.deployment == deployment]
    live = sum(each.count for each in own if not each.mirrored)
    mirrored = sum(each.count for each in own if each.mirrored)
    errors = sum(each.count for each in own if each.status >= 400)
    values = enough(latency)
    usage = usage or Usage()
    return Measure(
        deployment=deployment,
        requests=live,
        mirrored=mirrored,
        per_minute=(live + mirrored) / window.minutes,
        errors=errors,
        error_ratio=errors / (live + mirrored) if live + mirrored else None,
        timed_out=counted(own, 408),
        failed=counted(own, 424),
        throttled=counted(own, 429),
        timed=latency.count if latency else 0,
        p50=values.get(50),
        p90=values.get(90),
        p95=values.get(95),
        p99=values.get(99),
        bound=bool(latency and latency.bound),
        cpu_percent=usage.cpu,
        cpu_percent_highest=usage.cpu_highest,
        memory_percent=usage.memory,
        instances=usage.instances,
    )


def enough(latency: Latency | None) -> dict[int, float]:
    """The percentiles that this many requests can tell."""
    if latency is None:
        return {}
    return {
        percentile: value
        for percentile, value in latency.percentiles.items()
        if latency.count >= NEEDED[percentile]
    }


def counted(outcomes: Iterable[Outcome], *statuses: int) -> int:
    return sum(each.count for each in outcomes if each.status in statuses)


def too_few(measures: Iterable[Measure]) -> list[str]:
    """A sentence for each deployment whose percentiles can't all be told."""
    notes = []
    for each in measures:
        missing = [p for p in PERCENTILES if each.timed < NEEDED[p]]
        if each.deployment and each.timed and missing:
            needs = ", ".join(f"p{p} needs {NEEDED[p]}" for p in missing)
            served = "1 request" if each.timed == 1 else f"{each.timed} requests"
            notes.append(f"{each.deployment} served {served}: {needs}")
    return notes


def dense(
    points: Sequence[Point], deployment: str, window: Window
) -> list[tuple[datetime, float, Point | None]]:
    """(start, covered minutes, point) of each grain: a gap is a None, never left out.

    The first and the last grain are rarely covered whole; one that is covered by less
    than a quarter tells nothing and is left out.
    """
    step = window.grain.total_seconds()
    start, end = window.since.timestamp(), window.until.timestamp()
    known = {
        int(each.at.timestamp() // step): each
        for each in points
        if each.deployment == deployment
    }
    found = []
    for index in range(int(start // step), int(end // step) + 1):
        covered = min(end, (index + 1) * step) - max(start, index * step)
        if covered >= step / 4:
            at = datetime.fromtimestamp(index * step, UTC)
            found.append((at, covered / 60, known.get(index)))
    return found
