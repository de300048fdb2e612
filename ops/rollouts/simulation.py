"""Simulated rollouts under the real policy and the real decisions.

Only the traffic is made up. The rollouts of a batch go in step, so that numpy draws the
counts of a look for all of them at once.
"""

import math
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from ops.rollouts import decisions
from ops.rollouts.evidence import Bin, Evidence
from ops.rollouts.observed import Observed
from ops.rollouts.policy import Policy
from ops.rollouts.simtraffic import Row, Source, Traffic

BATCH = 250
START = datetime(2026, 1, 1, tzinfo=UTC)
SPARSE = 20  # looks become rarer than the policy's after so many


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


def _look(policy: Policy, run: Run, row: Row, seconds: float) -> Ending | None:
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
