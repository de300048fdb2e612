"""What the evidence of a rollout says, in one of three words.

worse         the canary is: as good a one meets this in `alpha` of all rollouts
not worse     proven so, to the policy's margin, with the risk `beta`
inconclusive  neither, and how many more requests it would take
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.evidence import (
    MOST_LOG,
    PROOF_ODDS,
    PROOF_PERCENTILE,
    Evidence,
    Proof,
    growth,
)
from ops.observed import Observed
from ops.policy import Policy, Promote

WORSE, NOT_WORSE, INCONCLUSIVE = "worse", "not worse", "inconclusive"
BELOW_ODDS = (0.1, 0.25, 0.5, 0.75)


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
    requests_needed: (
        int | None
    )  # of the canary, about, until then; None: no end in sight

    @property
    def loudest(self) -> str:
        return max(self.kinds, key=lambda kind: self.kinds[kind])


def judge(policy: Policy, observed: Observed) -> Verdict:
    """What all that was counted so far amounts to."""
    evidence = observed.evidence.under(policy.terms(observed.started))
    weights, kinds = _kinds(policy, evidence, observed.probes)
    total = sum(weights[kind] * each for kind, each in kinds.items())
    against = rounded(total / sum(weights.values()))
    proofs, needed = _proofs(policy, evidence)
    worse = against >= 1 / policy.judge.alpha
    proven = min(proofs.values()) >= 1 / policy.promote.beta
    return Verdict(
        outcome=WORSE if worse else NOT_WORSE if proven else INCONCLUSIVE,
        evidence=against,
        evidence_needed=1 / policy.judge.alpha,
        kinds={kind: rounded(each) for kind, each in kinds.items()},
        stable=_stable(evidence, observed.probes),
        proofs=proofs,
        proof_needed=1 / policy.promote.beta,
        requests_needed=0 if proven else needed,
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


def _proofs(policy: Policy, evidence: Evidence) -> tuple[dict[str, float], int | None]:
    """What is proven of each kind, and how many requests it takes to prove the rest."""
    rules = policy.promote
    proofs, needs = {}, []
    if policy.judge.errors:
        proofs["errors"], needed = _errors_proof(rules, evidence)
        needs.append(needed)
    if policy.judge.latency:
        proof = evidence.slow_proof or Proof(margin=rules.margin)
        sides = (evidence.canary, evidence.stable)
        slow = sum(side.slow[PROOF_PERCENTILE] for side in sides)
        proofs["latency"] = proof.evidence
        needs.append(_until(proof.logs, _pace(evidence, slow, rules), rules.beta))
    known = [needed for needed in needs if needed is not None]
    most = max(known) if len(known) == len(needs) else None
    return {kind: rounded(each) for kind, each in proofs.items()}, most


def _errors_proof(rules: Promote, evidence: Evidence) -> tuple[float, int | None]:
    """Two ways to prove it, each of which counts half: fewer than `margin` times
    stable's errors, or fewer than are worth a thought."""
    proof = evidence.errors_proof or Proof(margin=rules.margin)
    canary, errors = evidence.canary, evidence.canary.errors + evidence.stable.errors
    pace = _pace(evidence, errors, rules)
    limit = rules.negligible_ratio
    if not limit:
        return proof.evidence, _until(proof.logs, pace, rules.beta)
    logs = growth(BELOW_ODDS, canary.errors, canary.requests, limit)
    below = sum(math.exp(min(log, MOST_LOG)) for log in logs) / len(logs)
    ratio = _ratio(errors, evidence)
    steps = [
        growth((odds,), 0, 1, limit)[0] + ratio * math.log(odds) for odds in BELOW_ODDS
    ]
    ways = [
        _until(proof.logs, pace, rules.beta / 2),
        _until(logs, steps, rules.beta / 2),
    ]
    needs = [needed for needed in ways if needed is not None]
    return (proof.evidence + below) / 2, min(needs, default=None)


def _pace(evidence: Evidence, events: int, rules: Promote) -> list[float]:
    """What one more request of the canary adds to each bet, were both sides alike."""
    share = _share(evidence)
    if not share:
        return [0.0] * len(PROOF_ODDS)
    odds = (*PROOF_ODDS, rules.margin)
    logs = [math.log(each) * share - math.log1p(share * (each - 1)) for each in odds]
    ratio = _ratio(events, evidence) / share
    return [
        ratio * (log - logs[-1]) if each < rules.margin else 0.0
        for each, log in zip(odds[:-1], logs, strict=False)
    ]


def _ratio(events: int, evidence: Evidence) -> float:
    return events / max(evidence.canary.requests + evidence.stable.requests, 1)


def _share(evidence: Evidence) -> float:
    """The canary's share of the requests, lately."""
    for bin in reversed(evidence.bins):
        if bin.canary.requests and bin.stable.requests:
            return bin.canary.requests / (bin.canary.requests + bin.stable.requests)
    return 0.0


def _until(logs: Sequence[float], pace: Sequence[float], risk: float) -> int | None:
    """How many requests it takes until one of the bets alone has proven it."""
    goal = math.log(len(logs) / risk)
    times = [
        (goal - log) / more for log, more in zip(logs, pace, strict=True) if more > 0
    ]
    return max(0, math.ceil(min(times))) if times else None


def rounded(value: float) -> float:
    """To six digits: what every machine computes alike."""
    return float(f"{value:.6g}")
