"""What a rollout does next, and why: the rules of the runbook, from the top.

`decide` is a function of the policy, the facts and the time, and of nothing else: who
keeps these can decide again and must come to the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.rollouts import reasons, verdicts
from ops.rollouts.observed import Alert, Observed
from ops.rollouts.policy import Policy, Step
from ops.rollouts.verdicts import NOT_WORSE, WORSE, Verdict
from ops.times import length

ACTIONS = ("hold", "advance", "roll_back", "promote", "pause")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do, by which rule, and the numbers that it was decided on."""

    at: datetime
    action: str  # one of ACTIONS
    rule: str  # the name of the function below that decided
    reason: str
    page: bool  # wake someone: the rollout can't help itself
    verdict: Verdict
    counts: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat()}


def from_json(data: Mapping[str, Any]) -> Decision:
    values = {**data, "at": datetime.fromisoformat(data["at"])}
    return Decision(**{**values, "verdict": Verdict(**data["verdict"])})


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the rules look at."""

    policy: Policy
    observed: Observed
    verdict: Verdict
    now: datetime

    @property
    def step(self) -> Step:
        return self.policy.steps[self.observed.step]

    @property
    def last(self) -> bool:
        return self.observed.step == len(self.policy.steps) - 1

    @property
    def baked(self) -> timedelta:
        return self.now - self.observed.step_since


@dataclass(frozen=True, kw_only=True)
class Move:
    """What a rule decided."""

    action: str
    reason: str
    page: bool = False


def decide(policy: Policy, observed: Observed, now: datetime) -> Decision:
    """The first rule that has something to say."""
    verdict = verdicts.judge(policy, observed)
    look = Look(policy=policy, observed=observed, verdict=verdict, now=now)
    for rule in RULES:
        if move := rule(look):
            return Decision(
                at=now,
                action=move.action,
                rule=rule.__name__,
                reason=move.reason,
                page=move.page,
                verdict=verdict,
                counts=reasons.counts(observed),
            )
    raise AssertionError("the last rule always decides")


def asked_to_abort(look: Look) -> Move | None:
    asked = look.observed.asked
    if asked is None or asked.command != "abort":
        return None
    reason = f"{asked.who} asked for it" + (f": {asked.reason}" if asked.reason else "")
    return (
        Move(action="roll_back", reason=reason) if asked.force else _back(look, reason)
    )


def edited_by_others(look: Look) -> Move | None:
    edit = look.observed.edit
    if edit is None:
        return None
    return Move(
        action="pause",
        page=True,
        reason=f"{edit.who} set {edit.found} at {edit.at:%H:%M:%S}, where this rollout "
        f"had set {edit.expected}",
    )


def canary_is_down(look: Look) -> Move | None:
    observed, health = look.observed, look.observed.canary_health
    if health.live:
        return None
    return _back(look, reasons.down(observed.canary, health))


def canary_is_worse(look: Look) -> Move | None:
    if look.verdict.outcome != WORSE:
        return None
    return _back(look, reasons.worse(look.policy, look.observed, look.verdict))


def alert_has_fired(look: Look) -> Move | None:
    guard = look.policy.guardrails
    fired = [each for each in look.observed.alerts if _counts(look, each)]
    if not fired or guard.on_alert == "ignore":
        return None
    names = ", ".join(f"{each.name} fired at {each.fired_at:%H:%M}" for each in fired)
    return _guarded(look, guard.on_alert, names)


def canary_is_saturated(look: Look) -> Move | None:
    guard, used = look.policy.guardrails, look.observed.canary_health.saturation_percent
    limit = guard.saturation_percent
    if guard.on_saturation == "ignore" or used is None or used < limit:
        return None
    reason = (
        f"{look.observed.canary} uses {used:.0f}% of its CPU or memory, limit {limit}%"
    )
    return _guarded(look, guard.on_saturation, reason)


def canary_has_drifted(look: Look) -> Move | None:
    drifted = look.observed.drifted
    if not drifted or not look.policy.guardrails.drift_of:
        return None
    reason = f"{look.observed.canary} drifts from {look.observed.stable}: "
    return _guarded(look, look.policy.guardrails.on_drift, reason + "; ".join(drifted))


def asked_to_wait(look: Look) -> Move | None:
    asked = look.observed.asked
    if asked is None or asked.command != "pause":
        return None
    reason = f": {asked.reason}" if asked.reason else ""
    return Move(action="pause", reason=f"{asked.who} paused it{reason}")


def asked_to_promote(look: Look) -> Move | None:
    asked = look.observed.asked
    if asked is None or asked.command != "promote":
        return None
    reason = f": {asked.reason}" if asked.reason else ""
    return Move(action="promote", reason=f"{asked.who} asked for it{reason}")


def data_is_missing(look: Look) -> Move | None:
    missing, mark = look.policy.missing_data, look.observed.watermark
    age = look.now - (mark or look.observed.started)
    if age <= timedelta(seconds=missing.after_seconds):
        return None
    seen = f"none since {mark:%H:%M:%S}" if mark else "none at all"
    reason = f"no complete request rows: {seen}, {length(age)} ago"
    return _guarded(look, missing.then, reason, page=False)


def still_baking(look: Look) -> Move | None:
    left = timedelta(seconds=look.step.bake_seconds) - look.baked
    if left <= timedelta():
        return None
    reason = f"baking {look.step.shown}, {length(left)} left"
    return Move(action="hold", reason=f"{reason}; {reasons.so_far(look.observed)}")


def too_few_requests(look: Look) -> Move | None:
    done = reasons.requests_since_step(look.observed)
    if done >= look.step.requests:
        return None
    reason = f"{done:,} of {look.step.requests:,} requests needed at {look.step.shown}"
    return _inconclusive(look, reason)


def not_proven_yet(look: Look) -> Move | None:
    needs = look.policy.needs_proof(look.observed.step)
    if not needs or look.verdict.outcome == NOT_WORSE:
        return None
    return _inconclusive(look, reasons.unproven(look.observed, look.verdict))


def person_must_look(look: Look) -> Move | None:
    if not look.step.pause or look.observed.released:
        return None
    return Move(action="pause", reason=f"waiting for a person: {look.step.pause}")


def all_steps_done(look: Look) -> Move | None:
    if not look.last:
        return None
    return Move(action="promote", reason=reasons.good(look.observed, look.verdict))


def go_on(look: Look) -> Move:
    following = look.policy.steps[look.observed.step + 1]
    paused = following.pause and following.shown == look.step.shown
    goal = "a pause" if paused else following.shown
    reason = f"{look.step.shown} baked {length(look.baked)}, next {goal}"
    return Move(action="advance", reason=f"{reason}; {reasons.so_far(look.observed)}")


RULES: tuple[Callable[[Look], Move | None], ...] = (
    asked_to_abort,
    edited_by_others,
    canary_is_down,
    canary_is_worse,
    alert_has_fired,
    canary_is_saturated,
    canary_has_drifted,
    asked_to_wait,
    asked_to_promote,
    data_is_missing,
    still_baking,
    too_few_requests,
    not_proven_yet,
    person_must_look,
    all_steps_done,
    go_on,
)


def _back(look: Look, reason: str) -> Move:
    """Roll back, but never onto a stable that is sicker: that needs a person."""
    sicker = reasons.stable_is_sicker(look.policy, look.observed, look.verdict)
    if not sicker:
        return Move(action="roll_back", reason=reason)
    return Move(
        action="hold", page=True, reason=f"{reason}; not rolled back, because {sicker}"
    )


def _guarded(look: Look, action: str, reason: str, *, page: bool = True) -> Move:
    """What the policy says to do about it."""
    if action == "roll_back":
        return _back(look, reason)
    return Move(action=action, reason=reason, page=page and action == "pause")


def _inconclusive(look: Look, reason: str) -> Move:
    """Hold, until the policy's patience ends."""
    waited = look.baked - timedelta(seconds=look.step.bake_seconds)
    patience = timedelta(seconds=look.policy.patience_seconds)
    if waited < patience:
        return Move(action="hold", reason=f"inconclusive: {reason}")
    text = f"inconclusive for {length(waited)}: {reason}"
    return Move(action="pause", page=True, reason=text)


def _counts(look: Look, alert: Alert) -> bool:
    grave = alert.severity <= look.policy.guardrails.severity
    return grave and alert.fired_at >= look.observed.started
