"""How strongly what was counted speaks against a canary, however often one looks.

Each kind of event (an error, a slow request) is judged by where it falls. Were canary
and stable alike, the canary would have of all events its share `q` of the requests.
Betting at odds `theta` that it has more multiplies the stake, for `hits` events of `of`
on the canary, by

    theta ** hits / (1 - q + theta * q) ** of

which is 1 on average, or less, whenever the canary is no worse: for any base rate, any
weights and any change of them (1 + x <= e ** x). So a stake of 1 that has grown to 100
is a one in a hundred chance, at whichever look that is (Ville's inequality; Robbins'
mixtures; Lindon et al., arXiv 2205.14762). A stake is spread over several odds, and
over the bins from which on the canary may have been worse: what begins late is found.

A bin's growth is a sum of logarithms, and a stake ends at e**300: millions of requests
neither overflow nor bury what comes after them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from math import exp, log1p

ERROR_ODDS = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
SLOW_ODDS = (1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
PROOF_ODDS = (0.5, 0.75, 1.0, 1.25)
SLOW_PERCENTILES = (50, 90, 99)  # of stable, frozen before the rollout
PROOF_PERCENTILE = 1  # which of them a proof is about: the 90th
MOST_LOG = 300.0
MOST = math.exp(MOST_LOG)


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one deployment did in a bin. A request that was retried counts once: by its
    client request id, as its first attempt ended."""

    requests: int = 0
    errors: int = 0
    slow: tuple[int, int, int] = (0, 0, 0)  # over stable's frozen p50, p90, p99
    over: int = 0  # over the policy's own limit, `guardrails.latency.over_ms`

    def __add__(self, other: "Side") -> "Side":
        (p50, p90, p99), (more50, more90, more99) = self.slow, other.slow
        return Side(
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
            slow=(p50 + more50, p90 + more90, p99 + more99),
            over=self.over + other.over,
        )


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Both deployments over the same stretch of time, which ended at `at`."""

    at: datetime
    canary: Side
    stable: Side


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a policy wants judged: it changes what is computed, not what is counted."""

    errors_ratio: float | None = None  # at most this share of requests may fail
    over_ratio: float | None = None  # at most this share may be over the limit
    margin: float = 2.0  # "not worse" means: not this many times stable's ratio
    since: datetime | None = None  # bins that ended by then are not judged: warm-up


@dataclass(frozen=True, kw_only=True)
class Stakes:
    """Bets at several odds that hits come oftener than their share.

    `begun` is what they have grown to: of the whole stake, each bin begins 1/(k(k+1)),
    and what is not staked yet, 1/(k+1), is kept. Odds below 1 bet that hits are fewer.
    """

    odds: tuple[float, ...]
    begun: tuple[float, ...] = ()
    bins: int = 0

    def add(self, hits: int, of: int, share: float) -> "Stakes":
        if not of or not 0 < share < 1:
            return self  # tells nothing
        bins = self.bins + 1
        new = 1 / (bins * (bins + 1))
        before = self.begun or (0.0,) * len(self.odds)
        logs = growth(self.odds, hits, of, share)
        if max(logs) > MOST_LOG:
            logs = [min(log, MOST_LOG) for log in logs]
        pairs = zip(before, logs, strict=True)
        grown = [(stake + new) * exp(log) for stake, log in pairs]
        if max(grown) > MOST:
            grown = [min(stake, MOST) for stake in grown]
        return Stakes(odds=self.odds, begun=tuple(grown), bins=bins)

    @property
    def evidence(self) -> float:
        """What the whole stake of 1 has become."""
        return sum(self.begun) / len(self.odds) + 1 / (self.bins + 1)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Bets that the canary's ratio is below `margin` times stable's."""

    margin: float
    logs: tuple[float, ...] = (0.0,) * len(PROOF_ODDS)

    def add(self, hits: int, of: int, share: float) -> "Proof":
        if not of or not 0 < share < 1:
            return self
        *grown, against = growth((*PROOF_ODDS, self.margin), hits, of, share)
        pairs = zip(self.logs, grown, strict=True)
        logs = tuple([log + more - against for log, more in pairs])
        return Proof(margin=self.margin, logs=logs)

    @property
    def evidence(self) -> float:
        pairs = zip(PROOF_ODDS, self.logs, strict=True)
        logs = [min(log, MOST_LOG) for odds, log in pairs if odds < self.margin]
        return sum(exp(log) for log in logs) / len(logs)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that was counted since the rollout began, and what it amounts to.

    A bin tells of a comparison only where both sides have requests in it.

    It never changes: `add` gives another. The bins are the whole truth; the rest is
    computed from them, one by one, and so is the same for whoever computes it again.
    """

    terms: Terms = field(default_factory=Terms)
    bins: tuple[Bin, ...] = ()
    canary: Side = field(default_factory=Side)
    stable: Side = field(default_factory=Side)
    errors: Stakes = field(default_factory=lambda: Stakes(odds=ERROR_ODDS))
    slow: tuple[Stakes, ...] = (Stakes(odds=SLOW_ODDS),) * len(SLOW_PERCENTILES)
    stable_errors: Stakes = field(
        default_factory=lambda: Stakes(odds=tuple(1 / odds for odds in ERROR_ODDS))
    )
    limits: dict[tuple[str, str], Stakes] = field(default_factory=dict)
    """By side and what is limited, where the terms have such a limit."""
    errors_proof: Proof | None = None
    slow_proof: Proof | None = None

    def add(self, bin: Bin) -> "Evidence":
        if self.terms.since and bin.at <= self.terms.since:
            return replace(self, bins=(*self.bins, bin))
        canary, stable = bin.canary, bin.stable
        requests = canary.requests + stable.requests
        share = canary.requests / requests if requests else 0.0
        errors = (canary.errors, canary.errors + stable.errors, share)
        slow = [
            (ours, ours + theirs, share)
            for ours, theirs in zip(canary.slow, stable.slow, strict=True)
        ]
        new = Proof(margin=self.terms.margin)
        return Evidence(
            terms=self.terms,
            bins=(*self.bins, bin),
            canary=self.canary + canary,
            stable=self.stable + stable,
            errors=self.errors.add(*errors),
            stable_errors=self.stable_errors.add(*errors),
            slow=tuple(
                stakes.add(*each) for stakes, each in zip(self.slow, slow, strict=True)
            ),
            limits=self._limits(bin),
            errors_proof=(self.errors_proof or new).add(*errors),
            slow_proof=(self.slow_proof or new).add(*slow[PROOF_PERCENTILE]),
        )

    @property
    def judged(self) -> tuple[Bin, ...]:
        since = self.terms.since
        return tuple(bin for bin in self.bins if since is None or bin.at > since)

    def under(self, terms: Terms) -> "Evidence":
        """The same bins, judged on other terms."""
        return self if terms == self.terms else of(self.bins, terms)

    def _limits(self, bin: Bin) -> dict[tuple[str, str], Stakes]:
        grown = {}
        for name, side in (("canary", bin.canary), ("stable", bin.stable)):
            for what, hits, limit in (
                ("errors", side.errors, self.terms.errors_ratio),
                ("over", side.over, self.terms.over_ratio),
            ):
                if limit is not None:
                    stakes = self.limits.get((name, what), Stakes(odds=SLOW_ODDS))
                    grown[name, what] = stakes.add(hits, side.requests, limit)
        return grown


def of(bins: Iterable[Bin], terms: Terms | None = None) -> Evidence:
    """What some bins amount to."""
    found = Evidence(terms=terms or Terms())
    for bin in bins:
        found = found.add(bin)
    return found


def growth(odds: tuple[float, ...], hits: int, of: int, share: float) -> list[float]:
    """The logarithms of what stakes at these odds are multiplied by."""
    return [hits * log - of * log1p(share * extra) for log, extra in _bets(odds)]


@cache
def _bets(odds: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    return tuple((math.log(each), each - 1) for each in odds)
