"""A rollout's decisions in words, with the numbers they were made from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ops.rollouts.evidence import (
    ERROR_ODDS,
    SLOW_ODDS,
    SLOW_PERCENTILES,
    Bin,
    Evidence,
    Side,
    growth,
)
from ops.rollouts.observed import Health, Observed
from ops.rollouts.policy import Policy
from ops.rollouts.verdicts import NOT_WORSE, Verdict

SHOWN_MOST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is counted for one kind of evidence."""

    label: str
    lane: Evidence
    hits: Callable[[Side], int]
    odds: Sequence[float]
    limit: float | None = None  # None: the canary is compared with stable


def counts(observed: Observed) -> dict[str, int]:
    """The raw numbers behind a decision."""
    found = {}
    for name in ("canary", "stable"):
        side: Side = getattr(observed.evidence, name)
        found[f"{name}_requests"] = side.requests
        found[f"{name}_errors"] = side.errors
        for percentile, slow in zip(SLOW_PERCENTILES, side.slow, strict=True):
            found[f"{name}_over_p{percentile}"] = slow
        found[f"{name}_over_limit"] = side.over
        probed: Side = getattr(observed.probes, name)
        found[f"{name}_probes"] = probed.requests
        found[f"{name}_probes_failed"] = probed.errors
    return found


def worse(policy: Policy, observed: Observed, verdict: Verdict) -> str:
    """The loudest kind of evidence, since it began to tell."""
    text = _told(kind(policy, observed, verdict.loudest), observed)
    more = "over " if verdict.evidence > SHOWN_MOST else ""
    found = min(verdict.evidence, SHOWN_MOST)
    return f"{text}; evidence {more}{found:,.0f} of {verdict.evidence_needed:,.0f}"


def so_far(observed: Observed) -> str:
    """Both sides' errors since the rollout began."""
    canary, stable = observed.evidence.canary, observed.evidence.stable
    if not canary.requests:
        return f"no request of {observed.canary} yet"
    return (
        f"errors {_part(canary.errors, canary.requests)} against {observed.stable}'s "
        f"{_part(stable.errors, stable.requests)}"
    )


def unproven(observed: Observed, verdict: Verdict) -> str:
    goal = verdict.proof_needed
    missing = ", ".join(
        f"{kind} {proof:.2g} of {goal:.0f}"
        for kind, proof in verdict.proofs.items()
        if proof < goal
    )
    needed = "nothing to compare by yet"
    if verdict.requests_needed is not None:
        needed = f"about {verdict.requests_needed:,} more requests of {observed.canary}"
    return f"{needed} (proof: {missing}); {so_far(observed)}"


def good(observed: Observed, verdict: Verdict) -> str:
    proven = verdict.outcome == NOT_WORSE
    text = f"{observed.canary} is proven not worse" if proven else "all steps baked"
    return f"{text}; {so_far(observed)}"


def down(name: str, health: Health) -> str:
    if not health.state:
        return f"there is no {name}"
    if health.instances <= 0:
        return f"{name} has no live instance"
    return f"{name} is {health.state}"


def stable_is_sicker(policy: Policy, observed: Observed, verdict: Verdict) -> str:
    """Why traffic must not go back to stable; "" if it may."""
    if not observed.stable_health.live:
        return down(observed.stable, observed.stable_health)
    for name, found in verdict.stable.items():
        if found >= verdict.evidence_needed:
            return f"{observed.stable} is no better: " + _told(
                kind(policy, observed, name), observed, of_stable=True
            )
    return ""


def requests_since_step(observed: Observed) -> int:
    """The canary's own, in the bins that ended after the step began."""
    found = 0
    for bin in reversed(observed.evidence.bins):
        if bin.at <= observed.step_since:
            break
        found += bin.canary.requests
    return found


def kind(policy: Policy, observed: Observed, name: str) -> Kind:
    """What stands behind a name in a verdict."""
    rows, guard = observed.evidence, policy.guardrails
    if name == "latency":
        slow = [stakes.evidence for stakes in rows.slow]
        at = slow.index(max(slow))
        label = f"slower than {observed.stable}'s p{SLOW_PERCENTILES[at]} was,"
        return Kind(label=label, lane=rows, hits=lambda s: s.slow[at], odds=SLOW_ODDS)
    if name == "over limit":
        label, limit = f"over {guard.over_ms:g} ms", guard.over_ratio
        return Kind(
            label=label, lane=rows, hits=lambda s: s.over, odds=SLOW_ODDS, limit=limit
        )
    return Kind(
        label="failed probes" if name == "probes" else "errors",
        lane=observed.probes if name == "probes" else rows,
        hits=lambda side: side.errors,
        odds=SLOW_ODDS if name == "errors limit" else ERROR_ODDS,
        limit=guard.errors_ratio if name == "errors limit" else None,
    )


def _told(kind: Kind, observed: Observed, *, of_stable: bool = False) -> str:
    """One side's numbers against the other's or a limit, and since when."""
    first, judged = _telling(kind, of_stable), kind.lane.judged
    bins = judged[first:]
    since = judged[first - 1].at if first else kind.lane.terms.since or observed.started
    canary, stable = (
        _part(sum(map(kind.hits, sides)), sum(side.requests for side in sides))
        for sides in ([bin.canary for bin in bins], [bin.stable for bin in bins])
    )
    ours, theirs = (stable, canary) if of_stable else (canary, stable)
    other = observed.canary if of_stable else observed.stable
    text = f"{kind.label} {ours}"
    if kind.limit is None:
        return f"{text} against {other}'s {theirs} since {since:%H:%M}"
    return f"{text} since {since:%H:%M}, limit {100 * kind.limit:.3g}%"


def _telling(kind: Kind, of_stable: bool) -> int:
    """The bin from which on the stake that has grown most was put."""
    odds = tuple(
        1 / each if of_stable and kind.limit is None else each for each in kind.odds
    )
    totals, lowest, first = [0.0] * len(odds), [0.0] * len(odds), [0] * len(odds)
    for index, bin in enumerate(kind.lane.judged):
        for at, more in enumerate(growth(odds, *_draw(kind, bin, of_stable))):
            totals[at] += more
            if totals[at] < lowest[at]:
                lowest[at], first[at] = totals[at], index + 1
    best = max(range(len(odds)), key=lambda at: totals[at] - lowest[at])
    return min(first[best], max(len(kind.lane.judged) - 1, 0))


def _draw(kind: Kind, bin: Bin, of_stable: bool) -> tuple[int, int, float]:
    """Hits, of how many, and the share of them that was to be expected."""
    if kind.limit is not None:
        side = bin.stable if of_stable else bin.canary
        return kind.hits(side), side.requests, kind.limit
    requests = bin.canary.requests + bin.stable.requests
    hits = kind.hits(bin.canary)
    share = bin.canary.requests / requests if requests else 0.0
    return hits, hits + kind.hits(bin.stable), share


def _part(hits: int, requests: int) -> str:
    ratio = 100 * hits / requests if requests else 0.0
    return (
        f"{ratio:.2g}% of {requests:,}"
        if ratio < 10
        else f"{ratio:.0f}% of {requests:,}"
    )
