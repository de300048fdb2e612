"""How live requests really split between deployments, beside the weights.

A split is only told from requests that began after the weights were in place; pinned
and mirrored ones don't count. Each share comes with its Wilson interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING

from ops import kql, proportions
from ops.flow import Recent
from ops.hints import hint
from ops.proportions import Interval
from ops.times import Span

if TYPE_CHECKING:
    from ops.clients import Workspace

MARGIN = timedelta(seconds=1)  # routers may lag behind what the service shows
ENOUGH = 400  # requests: a share is then known to 5 points
LONGEST_SECONDS = 5.0  # that a person is made to wait
SILENCE_SECONDS = 3.0
# Requests that were on their way when the weights changed: so many, or so large a part.
STRAYS, STRAY_RATIO = 2, 0.001
LEAST_PER_SECOND = 1.0  # fewer tell nothing in that time


@dataclass(frozen=True, kw_only=True)
class Share:
    """One deployment's part of the requests that were counted."""

    deployment: str
    percent: int  # its weight
    requests: int
    of: int

    @property
    def interval(self) -> Interval:
        return proportions.wilson(self.requests, self.of)

    @property
    def off(self) -> bool:
        """Whether neither chance nor a few late requests explain how far it is off."""
        sure = proportions.wilson(self.requests, self.of, proportions.VERY_SURE)
        weight = self.percent / 100
        near = sure.low - STRAY_RATIO <= weight <= sure.high + STRAY_RATIO
        few = abs(self.requests - weight * self.of) <= STRAYS
        return bool(self.of) and not near and not few

    def __str__(self) -> str:
        low, high = 100 * self.interval.low, 100 * self.interval.high
        ratio = self.requests / self.of if self.of else 0.0
        return (
            f"{self.deployment} {self.requests:,} of {self.of:,} requests, "
            f"{100 * ratio:.1f}% ({low:.1f}..{high:.1f})"
        )


@dataclass(frozen=True, kw_only=True)
class Split:
    """What was seen; `unseen` says why nothing was."""

    shares: tuple[Share, ...] = ()
    since: datetime | None = None
    unseen: str = ""

    @property
    def off(self) -> tuple[Share, ...]:
        return tuple(share for share in self.shares if share.off)


def shares(weights: Mapping[str, int], counts: Mapping[str, int]) -> tuple[Share, ...]:
    """Each deployment that has a weight or requests, with both."""
    of = sum(counts.values())
    return tuple(
        Share(
            deployment=name,
            percent=weights.get(name, 0),
            requests=counts.get(name, 0),
            of=of,
        )
        for name in sorted({*weights, *counts})
    )


def patience_seconds(recent: Recent, now: datetime) -> float:
    """How long to wait for rows: not at all where none will come in time."""
    if recent.unknown or recent.per_second < LEAST_PER_SECOND:
        return 0.0
    lag = recent.lag_seconds(now)
    if lag > LONGEST_SECONDS:
        return 0.0
    needed = MARGIN.total_seconds() + lag + ENOUGH / recent.per_second
    return min(needed, LONGEST_SECONDS)


def why_not(recent: Recent, now: datetime) -> str:
    """What to tell where it is not worth to wait."""
    if recent.unknown:
        return f"the real split is not known: {recent.unknown}"
    if recent.per_second < LEAST_PER_SECOND:
        return "too little traffic to tell"
    lag = recent.lag_seconds(now)
    if lag > 300:  # rows take 20 s to 3 min on average; Azure: data-ingestion-time
        return "no request lately"
    return (
        f"the newest request row is {lag:.0f} s old, too old to wait for the next: "
        f"{hint('split')} tells it later"
    )


def watch(
    workspace: "Workspace",
    endpoint: str,
    weights: Mapping[str, int],
    since: datetime,
    recent: Recent,
) -> Split:
    """The split since a moment, awaited for a few seconds where there is traffic."""
    now = workspace.now()
    seconds = patience_seconds(recent, now)
    if not seconds:
        return Split(unseen=why_not(recent, now))
    began = monotonic()
    while True:
        sleep(max(0.0, min(0.5, began + seconds - monotonic())))
        found = read(workspace, endpoint, weights, since)
        counted = found.shares[0].of if found.shares else 0
        waited = monotonic() - began
        stopped = not counted and waited > SILENCE_SECONDS  # the traffic, by now
        if counted >= ENOUGH or waited >= seconds or stopped:
            return found


def read(
    workspace: "Workspace", endpoint: str, weights: Mapping[str, int], since: datetime
) -> Split:
    """The split of the live requests that began after a moment, as far as is known."""
    began = since + MARGIN
    span = Span(start=since, end=max(workspace.now(), began) + timedelta(minutes=5))
    values = {"began": began.isoformat()}
    rows = kql.run(workspace, "split", values, span=span, endpoint=endpoint).records()
    counts = {row["DeploymentName"]: row["Requests"] for row in rows}
    if not counts:
        return Split(since=since, unseen="no live request has been logged since")
    return Split(shares=shares(weights, counts), since=since)
