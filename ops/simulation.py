"""Simulated rollouts under the real policy and the real decisions.

Only the traffic is made up: arrivals are Poisson, requests fail independently of each
other, durations are lognormal. The rollouts of a batch go in step, so that numpy draws
the counts of a look for all of them at once.
"""

import math
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING

from ops import decisions
from ops.evidence import SLOW_PERCENTILES, Bin, Evidence, Side
from ops.observed import Observed
from ops.policy import Policy

if TYPE_CHECKING:
    from numpy import float64
    from numpy.random import Generator
    from numpy.typing import NDArray

BATCH = 250
START = datetime(2026, 1, 1, tzinfo=UTC)
SPREAD = 0.5  # sigma of the logarithm of durations
MEDIAN_MS = 100.0
DAY_SECONDS = 86_400.0
SPARSE = 20  # looks become rarer than the policy's after so many


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What simulated rollouts meet."""

    per_minute: float
    error_ratio: float = 0.005  # of stable
    canary_error_ratio: float | None = None  # None: the same
    slower: float = 1.0  # how many times as long the canary takes
    begins_seconds: float = 0.0  # from when on the canary is like that
    tries: int = 1  # how often a request that fails is sent, to the same deployment
    counted_once: bool = True  # by client request id
    daily_swing: float = 0.0  # the rate goes up and down by so much of itself

    @property
    def healthy(self) -> bool:
        ratio = self.canary_error_ratio
        return self.slower <= 1 and (ratio is None or ratio <= self.error_ratio)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How one rollout ended: promote, roll_back, pause (a person was asked), or hold
    when the time was up."""

    action: str
    rule: str
    seconds: float
    left: tuple[float, ...]  # when each step was left


@dataclass(kw_only=True)
class Run:
    """One rollout under way."""

    evidence: Evidence
    probes: Evidence = field(default_factory=Evidence)
    since: float = 0.0
    left: tuple[float, ...] = ()
    released: bool = False


def simulate(
    policy: Policy,
    traffic: Traffic,
    *,
    rollouts: int,
    seed: int,
    hours: float,
    sparse: bool = False,
    processes: int = 1,
) -> Iterator[list[Ending]]:
    """Batches of rollouts, run to their end or for so many hours.

    The same seed gives the same endings, however many processes share the work.
    """
    sizes = [min(BATCH, rollouts - done) for done in range(0, rollouts, BATCH)]
    times = looks(policy, hours, sparse)
    batch = partial(_batch, policy, traffic, times, seed)
    if processes == 1:
        yield from map(batch, enumerate(sizes))
        return
    from multiprocessing import get_context

    context = get_context("spawn")  # a fork would take over threads' locks
    # Ctrl-C reaches every process of a terminal: only the one that is asked may answer.
    with context.Pool(processes or os.cpu_count(), _ignore_interrupts) as pool:
        yield from pool.imap(batch, enumerate(sizes))


def looks(policy: Policy, hours: float, sparse: bool = False) -> list[float]:
    """When is looked, in seconds since the start; `sparse`: ever more rarely.

    Evidence may be looked at any time: what is found remains true, only later.
    """
    end, times = hours * 3600, [policy.look_seconds]
    while times[-1] < end:
        pause = max(policy.look_seconds, times[-1] / SPARSE if sparse else 0.0)
        times.append(times[-1] + pause)
    return times


def longest_hours(policy: Policy) -> float:
    """How long a rollout may take: all its bakes, and once all its patience."""
    bakes = sum(step.bake_seconds for step in policy.steps)
    return (bakes + policy.patience_seconds) / 3600 + 0.5


def reached(seconds: Iterable[float], of: int, share: float) -> float | None:
    """When so large a share of all had come to it; None if it never was."""
    found, needed = sorted(seconds), max(1, math.ceil(share * of - 1e-9))
    return found[needed - 1] if len(found) >= needed else None


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _batch(
    policy: Policy,
    traffic: Traffic,
    times: Sequence[float],
    seed: int,
    numbered: tuple[int, int],
) -> list[Ending]:
    import numpy

    number, size = numbered
    generator = numpy.random.default_rng([seed, number])
    source = Source(policy=policy, traffic=traffic, generator=generator)
    runs = [Run(evidence=Evidence(terms=policy.terms(START))) for _ in range(size)]
    endings: list[Ending] = []
    before = 0.0
    for seconds in times:
        rows = source.draw([len(run.left) for run in runs], before, seconds)
        met = [
            _look(policy, run, row, seconds)
            for run, row in zip(runs, rows, strict=True)
        ]
        endings += [ending for ending in met if ending]
        pairs = zip(runs, met, strict=True)
        runs, before = [run for run, ending in pairs if ending is None], seconds
        if not runs:
            break
    return endings + [_ending(run, "hold", "", before) for run in runs]


def _look(policy: Policy, run: Run, row: "Row", seconds: float) -> Ending | None:
    """Decide as a runner would, and do it; the ending, if that was one."""
    now = START + timedelta(seconds=seconds)
    run.evidence = run.evidence.add(Bin(at=now, canary=row.canary, stable=row.stable))
    if policy.probes_per_second:
        bin = Bin(at=now, canary=row.canary_probes, stable=row.stable_probes)
        run.probes = run.probes.add(bin)
    observed = Observed(
        canary="green",
        stable="blue",
        started=START,
        step=len(run.left),
        step_since=START + timedelta(seconds=run.left[-1] if run.left else 0.0),
        evidence=run.evidence,
        watermark=now,
        probes=run.probes,
        released=run.released,
    )
    decision = decisions.decide(policy, observed, now)
    if decision.rule == "person_must_look":
        run.released = True  # simulated people are quick
    elif decision.action == "advance":
        run.left, run.released = (*run.left, seconds), False
    elif decision.action != "hold":
        return _ending(run, decision.action, decision.rule, seconds)
    return None


def _ending(run: Run, action: str, rule: str, seconds: float) -> Ending:
    return Ending(action=action, rule=rule, seconds=seconds, left=run.left)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is counted between two looks at one rollout."""

    canary: Side
    stable: Side
    canary_probes: Side
    stable_probes: Side


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where simulated counts come from."""

    policy: Policy
    traffic: Traffic
    generator: "Generator"

    def draw(self, steps: Sequence[int], before: float, now: float) -> list[Row]:
        """The counts of one look, for rollouts that are at these steps."""
        import numpy

        traffic, known = self.traffic, self.policy.steps
        swing = math.sin(2 * math.pi * now / DAY_SECONDS) * traffic.daily_swing
        rate = traffic.per_minute * (now - before) / 60 * (1 + swing)
        weights = numpy.array([known[step].weight_percent / 100 for step in steps])
        mirrors = numpy.array([known[step].mirror_percent / 100 for step in steps])
        begun = now > traffic.begins_seconds
        ratio, slower = traffic.error_ratio, traffic.slower if begun else 1.0
        if begun and traffic.canary_error_ratio is not None:
            ratio = traffic.canary_error_ratio
        sent = round(self.policy.probes_per_second * (now - before))
        columns = (
            self._sides(rate * numpy.maximum(weights, mirrors), ratio, slower),
            self._sides(rate * (1 - weights), traffic.error_ratio, 1.0),
            self._probes(sent, self._probe_ratio(ratio), len(steps)),
            self._probes(sent, traffic.error_ratio, len(steps)),
        )
        return [
            Row(canary=ours, stable=theirs, canary_probes=probed, stable_probes=others)
            for ours, theirs, probed, others in zip(*columns, strict=True)
        ]

    def _sides(
        self, rates: "NDArray[float64]", ratio: float, slower: float
    ) -> list[Side]:
        draw, traffic = self.generator.binomial, self.traffic
        requests = self.generator.poisson(rates)
        errors = draw(requests, ratio)
        over = draw(requests, over_share(self.policy.guardrails.over_ms, slower))
        slow, left, before = [], requests, 1.0
        for share in slow_shares(slower):
            left = draw(left, share / before)
            slow.append(left)
            before = share
        if not traffic.counted_once:
            requests = requests + errors * (traffic.tries - 1)
            errors = errors * traffic.tries
        counts = [each.tolist() for each in (requests, errors, *slow, over)]
        return [
            Side(requests=sent, errors=failed, slow=(p50, p90, p99), over=beyond)
            for sent, failed, p50, p90, p99, beyond in zip(*counts, strict=True)
        ]

    def _probe_ratio(self, ratio: float) -> float:
        """What fails by its input may leave the sample request alone: only a canary
        that fails every request is sure to fail its probes, too."""
        return 1.0 if ratio == 1.0 else self.traffic.error_ratio

    def _probes(self, sent: int, ratio: float, size: int) -> list[Side]:
        failed = self.generator.binomial(sent, ratio, size).tolist()
        return [Side(requests=sent, errors=each) for each in failed]


def slow_shares(slower: float) -> list[float]:
    """How many of the requests that take `slower` times as long as stable's take longer
    than its p50, p90 and p99."""
    normal = NormalDist()
    shift = math.log(slower) / SPREAD
    return [
        1 - normal.cdf(normal.inv_cdf(percentile / 100) - shift)
        for percentile in SLOW_PERCENTILES
    ]


def over_share(over_ms: float | None, slower: float) -> float:
    """The same for a policy's own limit."""
    if over_ms is None:
        return 0.0
    return 1 - NormalDist().cdf(math.log(over_ms / MEDIAN_MS / slower) / SPREAD)
