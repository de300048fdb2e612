"""Made-up traffic: what a rollout would count of it, look by look.

Arrivals are Poisson, requests fail independently of each other, durations are
lognormal.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from ops.rollouts.evidence import SLOW_PERCENTILES, Side
from ops.rollouts.policy import Judge, Policy

if TYPE_CHECKING:
    from numpy import float64
    from numpy.random import Generator
    from numpy.typing import NDArray

SPREAD = 0.5  # sigma of the logarithm of durations
MEDIAN_MS = 100.0
STABLE_SLOW = [1 - percentile / 100 for percentile in SLOW_PERCENTILES]
LIMITS_MS = [
    MEDIAN_MS * math.exp(SPREAD * NormalDist().inv_cdf(percentile / 100))
    for percentile in SLOW_PERCENTILES
]
DAY_SECONDS = 86_400.0


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
            self._sides(
                rate * numpy.maximum(weights, mirrors),
                ratio,
                slow_shares(slower, self.policy.judge),
                over_share(self.policy.guardrails.over_ms, slower),
            ),
            self._sides(
                rate * (1 - weights),
                traffic.error_ratio,
                STABLE_SLOW,
                over_share(self.policy.guardrails.over_ms, 1.0),
            ),
            self._probes(sent, self._probe_ratio(ratio), len(steps)),
            self._probes(sent, traffic.error_ratio, len(steps)),
        )
        return [
            Row(canary=ours, stable=theirs, canary_probes=probed, stable_probes=others)
            for ours, theirs, probed, others in zip(*columns, strict=True)
        ]

    def _sides(
        self,
        rates: "NDArray[float64]",
        ratio: float,
        slow_ratios: Sequence[float],
        over_ratio: float,
    ) -> list[Side]:
        draw, traffic = self.generator.binomial, self.traffic
        requests = self.generator.poisson(rates)
        errors = draw(requests, ratio)
        over = draw(requests, over_ratio)
        slow, left, before = [], requests, 1.0
        for share in slow_ratios:
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


def slow_shares(slower: float, judge: Judge) -> list[float]:
    """How many of a canary's requests are slow, by each of stable's percentiles."""
    return [
        over_share(limit * (1 + judge.slack_ratio) + judge.slack_ms, slower)
        for limit in LIMITS_MS
    ]


def over_share(over_ms: float | None, slower: float) -> float:
    """How many requests that take `slower` times as long as stable's take longer."""
    if over_ms is None:
        return 0.0
    return 1 - NormalDist().cdf(math.log(over_ms / MEDIAN_MS / slower) / SPREAD)
