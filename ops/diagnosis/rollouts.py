"""Rules about a rollout: whether somebody sees to it, and whether it waits."""

from ops.diagnosis.facts import Facts, Finding, at
from ops.rollouts import standing
from ops.rollouts.standing import PAUSED, whose
from ops.weights import of


def nobody_sees_to_it(facts: Facts) -> Finding | None:
    """Its runner is dead or was stopped: what goes wrong now stays so."""
    here, now = standing.read(facts.endpoint.tags), facts.window.until
    if here is None or not here.active or standing.runs(here, now):
        return None
    heard = f"last heard of at {at(here.heartbeat)} UTC" if here.heartbeat else "none"
    return Finding(
        severity="serious",
        title=f"the rollout of {here.canary} has no runner: nobody judges it",
        deployment=here.canary,
        evidence=[
            f"runner: {here.runner or 'stopped by a person'}, {heard}, "
            f"limit {here.limit_seconds:g} s",
            f"traffic: {of(facts.endpoint)}; safe: {here.safe}",
        ],
        cause="its process died, or its machine can't reach the endpoint",
        next=[
            f"invoke rollout.resume{facts.flags}",
            f"invoke rollout.abort{facts.flags}",
            "invoke watchdog   # restores the safe weights, once the limit is over",
        ],
    )


def waits_for_a_person(facts: Facts) -> Finding | None:
    here = standing.read(facts.endpoint.tags)
    if here is None or here.state != PAUSED:
        return None
    return Finding(
        severity="note",
        title=f"the rollout of {here.canary} waits for a person",
        deployment=here.canary,
        evidence=[f"paused by {whose(here.by)}, at step {here.step + 1}"],
        next=[
            f"invoke rollout.status{facts.flags}",
            f"invoke rollout.resume{facts.flags}",
        ],
    )


RULES = [nobody_sees_to_it, waits_for_a_person]
