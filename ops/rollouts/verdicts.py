"""What the evidence of a rollout says, in one of three words.

worse         the canary is: as good a one meets this in `alpha` of all rollouts
not worse     proven so, to the policy's margin, with the risk `beta`
inconclusive  neither, and how many more requests it would take
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ops.rollouts.evidence import (
    MOST_LOG,
    PROOF_ODDS,
    PROOF_PERCENTILE,
    Evidence,
    Proof,
    growth,
)
from ops.rollouts.observed import Observed
from ops.rollouts.policy import Policy, Promote

WORSE, NOT_WORSE, INCONCLUSIVE = "worse", "not worse", "inconclusive"
BELOW_ODDS = (0.1, 0.25, 0.5, 0.75)
HALVINGS = 4


class Bet(NamedTuple):
    """A part of the stake, what it has grown to, and what one more request adds."""

    part: float
    log: float
    pace: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The word, and the numbers it was found by."""

    outcome: str
    evidence: float  # that the canary is worse: of all kinds, as the policy weighs them
    evidence_needed: float
    kinds: Mapping[str, float]  # the evidence of each kind alone
    stable: Mapping[str, float]  # the evidence that stable is the sicker one
    proofs: Mapping[str, float]  # that the canary is not worse, of each kind
    proof_needed: float
    requests_needed: int | None
    """Of the canary, about, until then; None: no end in sight, or none is asked for."""

    @property
    def loudest(self) -> str:
        return max(self.kinds, key=lambda kind: self.kinds[kind])


def judge(policy: Policy, observed: Observed) -> Verdict:
    """What all that was counted so far amounts to."""
    evidence = observed.evidence.under(policy.terms(observed.started))
    weights, kinds = _kinds(policy, evidence, observed.probes)
    total = sum(weights[kind] * each for kind, each in kinds.items())
    against = rounded(total / sum(weights.values()))
    bets = _bets(policy, evidence)
    proofs = {kind: rounded(_value(each)) for kind, each in bets.items()}
    goal = 1 / policy.promote.beta
    worse, proven = against >= 1 / policy.judge.alpha, min(proofs.values()) >= goal
    asked = policy.needs_proof(observed.step)
    return Verdict(
        outcome=WORSE if worse else NOT_WORSE if proven else INCONCLUSIVE,
        evidence=against,
        evidence_needed=1 / policy.judge.alpha,
        kinds={kind: rounded(each) for kind, each in kinds.items()},
        stable=_stable(evidence, observed.probes),
        proofs=proofs,
        proof_needed=goal,
        requests_needed=_needed(bets.values(), goal) if asked else None,
    )


def _kinds(
    policy: Policy, evidence: Evidence, probes: Evidence
) -> tuple[dict[str, float], dict[str, float]]:
    """Weights and evidence by kind. The weighted mean of evidence is evidence, too."""
    rules = policy.judge
    slow = [stakes.evidence for stakes in evidence.slow]
    found = {
        "errors": (rules.errors, evidence.errors.evidence),
        "latency": (rules.latency, sum(slow) / len(slow)),
    }
    if policy.probes_per_second:
        found["probes"] = (rules.probes, probes.errors.evidence)
    limits = {key: each for key, each in evidence.limits.items() if key[0] == "canary"}
    for (_, what), stakes in limits.items():
        found[f"{what} limit"] = (rules.limits / len(limits), stakes.evidence)
    found = {kind: pair for kind, pair in found.items() if pair[0]}
    return (
        {kind: weight for kind, (weight, _) in found.items()},
        {kind: each for kind, (_, each) in found.items()},
    )


def _stable(evidence: Evidence, probes: Evidence) -> dict[str, float]:
    found = {
        "errors": evidence.stable_errors.evidence,
        "probes": probes.stable_errors.evidence,
    }
    for (side, what), stakes in evidence.limits.items():
        if side == "stable":
            found[f"{what} limit"] = stakes.evidence
    return {kind: rounded(each) for kind, each in found.items()}


def _bets(policy: Policy, evidence: Evidence) -> dict[str, list[Bet]]:
    """What is staked on each kind's proof."""
    rules, bets = policy.promote, {}
    if policy.judge.errors:
        bets["errors"] = _errors_bets(rules, evidence)
    if policy.judge.latency:
        sides = (evidence.canary, evidence.stable)
        slow = sum(side.slow[PROOF_PERCENTILE] for side in sides)
        bets["latency"] = _ratio_bets(rules, evidence, evidence.slow_proof, slow, 1.0)
    return bets


def _needed(kinds: Iterable[list[Bet]], goal: float) -> int | None:
    """How many requests it takes until every kind is proven."""
    most = 0
    for bets in kinds:
        needed = _until(bets, goal)
        if needed is None:
            return None
        most = max(most, needed)
    return most


def _errors_bets(rules: Promote, evidence: Evidence) -> list[Bet]:
    """Two ways to prove it, each of which counts half: fewer than `margin` times
    stable's errors, or fewer than are worth a thought."""
    canary, errors = evidence.canary, evidence.canary.errors + evidence.stable.errors
    limit = rules.negligible_ratio
    stake = 0.5 if limit else 1.0
    bets = _ratio_bets(rules, evidence, evidence.errors_proof, errors, stake)
    if not limit:
        return bets
    ratio = _ratio(errors, evidence)
    logs = growth(BELOW_ODDS, canary.errors, canary.requests, limit)
    calm = growth(BELOW_ODDS, 0, 1, limit)
    return bets + [
        Bet(part=0.5 / len(logs), log=log, pace=each + ratio * math.log(odds))
        for odds, log, each in zip(BELOW_ODDS, logs, calm, strict=True)
    ]


def _ratio_bets(
    rules: Promote,
    evidence: Evidence,
    proof: Proof | None,
    events: int,
    stake: float,
) -> list[Bet]:
    """Bets on less than `margin` times stable's events; their pace were both alike."""
    margin, share = rules.margin, _share(evidence)
    odds = [each for each in PROOF_ODDS if each < margin]
    logs = proof.logs if proof else (0.0,) * len(PROOF_ODDS)
    paces = [0.0] * len(odds)
    if share:
        of = _ratio(events, evidence) / share  # events that a request of its own brings
        *gains, against = growth((*odds, margin), 0, 1, share)
        paces = [
            of * (gain - against + share * math.log(each / margin))
            for each, gain in zip(odds, gains, strict=True)
        ]
    known = zip(PROOF_ODDS, logs, strict=True)
    kept = [log for each, log in known if each < margin]
    return [
        Bet(part=stake / len(odds), log=log, pace=pace)
        for log, pace in zip(kept, paces, strict=True)
    ]


def _value(bets: list[Bet], requests: float = 0.0) -> float:
    """What the bets have become, or will have, after so many more requests."""
    return sum(
        bet.part * math.exp(min(bet.log + requests * bet.pace, MOST_LOG))
        for bet in bets
    )


def _until(bets: list[Bet], goal: float) -> int | None:
    """How many more of the canary's requests it takes, about."""
    if _value(bets) >= goal:
        return 0
    alone = [
        (math.log(goal / bet.part) - bet.log) / bet.pace for bet in bets if bet.pace > 0
    ]
    if not alone:
        return None
    low, high = 0.0, min(alone)  # where one of them alone has come to it
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _value(bets, middle) >= goal else (middle, high)
    return math.ceil(high)


def _ratio(events: int, evidence: Evidence) -> float:
    return events / max(evidence.canary.requests + evidence.stable.requests, 1)


def _share(evidence: Evidence) -> float:
    """The canary's share of the requests, lately."""
    for bin in reversed(evidence.bins):
        if bin.canary.requests and bin.stable.requests:
            return bin.canary.requests / (bin.canary.requests + bin.stable.requests)
    return 0.0


def rounded(value: float) -> float:
    """To six digits: what every machine computes alike."""
    return float(f"{value:.6g}")
