"""What a past rollout decided, decided again; and what another policy would have.

The facts are those of the record: another policy meets the traffic that there was, not
the traffic that its own steps would have made. So what it says after the first
difference is a hint, and the first difference is what counts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ops.rollouts import decisions
from ops.rollouts.decisions import Decision
from ops.rollouts.evidence import Evidence
from ops.rollouts.policy import Policy, Step
from ops.rollouts.records import Look, Past


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One look at which another policy decides otherwise."""

    at: datetime
    decided: Decision
    instead: Decision


@dataclass(frozen=True, kw_only=True)
class Replay:
    """All looks of a rollout's record, decided again."""

    id: str
    looks: int
    since: datetime | None
    until: datetime | None
    changed: tuple[Difference, ...]  # by the same policy: there should be none
    ended: Decision | None  # what the record's last decision was
    compared: bool = False  # whether there is another policy
    other: tuple[Difference, ...] = ()
    other_ended: Decision | None = None  # the other's first that is no hold

    @property
    def exact(self) -> bool:
        return not self.changed


def again(pasts: Iterable[Past], policy: Policy, other: Policy | None = None) -> Replay:
    """Decide every look again, by the policy of the record and by another one."""
    runs = list(pasts)
    looks = [look for past in runs for look in _judged(past, policy)]
    known = [
        (look, decisions.decide(policy, look.observed, look.decision.at))
        for look in looks
    ]
    changed = [(look, found) for look, found in known if found != look.decision]
    others = list(_others(runs, policy, other)) if other else []
    acts = [found for _, found in others if found.action not in ("hold", "pause")]
    return Replay(
        id=runs[0].beginning.id if runs else "",
        looks=len(looks),
        since=looks[0].decision.at if looks else None,
        until=looks[-1].decision.at if looks else None,
        changed=tuple(_difference(*pair) for pair in changed),
        ended=looks[-1].decision if looks else None,
        compared=other is not None,
        other=tuple(
            _difference(look, found)
            for look, found in others
            if found.action != look.decision.action
        ),
        other_ended=acts[0] if acts else None,
    )


def place(step: Step, steps: tuple[Step, ...]) -> int:
    """Which of another policy's steps the weights are those of: the last not above."""
    reached = [
        index
        for index, each in enumerate(steps)
        if each.weight_percent <= step.weight_percent
        and (step.weight_percent or each.mirror_percent <= step.mirror_percent)
    ]
    return reached[-1] if reached else 0


def _judged(past: Past, policy: Policy) -> Iterator[Look]:
    """The looks of a record, their bins on a policy's terms: each bin is added once."""
    evidence = Evidence(terms=policy.terms(past.beginning.started))
    for look in past.looks:
        for bin in look.observed.evidence.bins[len(evidence.bins) :]:
            evidence = evidence.add(bin)
        yield replace(look, observed=replace(look.observed, evidence=evidence))


def _others(
    runs: Iterable[Past], policy: Policy, other: Policy
) -> Iterator[tuple[Look, Decision]]:
    for past in runs:
        for look in _judged(past, other):
            yield look, _by(other, policy, look)


def _by(other: Policy, policy: Policy, look: Look) -> Decision:
    there = place(policy.steps[look.observed.step], other.steps)
    return decisions.decide(other, replace(look.observed, step=there), look.decision.at)


def _difference(look: Look, instead: Decision) -> Difference:
    return Difference(at=look.decision.at, decided=look.decision, instead=instead)
