"""Rules about a rollout: whether somebody sees to it, and whether it waits."""

from ops import tags
from ops.diagnosis.facts import Facts, Finding, at
from ops.rollouts import standing
from ops.rollouts.standing import PAUSED, whose
from ops.tags import Change
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


def gave_traffic_back(facts: Facts) -> Finding | None:
    """A rollout that ended badly not long ago: what failed then is not served now."""
    here = standing.read(facts.endpoint.tags)
    over = here is not None and here.state in (standing.ROLLED_BACK, standing.ABORTED)
    back = _last_step(facts) if over else None
    if here is None or back is None or back.at < facts.window.since:
        return None
    return Finding(
        severity="note",
        title=f"the rollout of {here.canary} was {here.state} at {at(back.at)} UTC",
        deployment=here.canary,
        evidence=[
            f"by {whose(here.by)}: {back.reason}" if back.reason else whose(here.by),
            f"traffic: {of(facts.endpoint)}; {here.canary} has none by it",
        ],
        cause=f"{here.canary} did worse than {here.stable}; what failed before then is "
        "told here too",
        next=[
            f"invoke rollout.status{facts.flags}",
            f"invoke logs --deployment {here.canary} --lines 200{facts.flags}",
        ],
    )


def _last_step(facts: Facts) -> Change | None:
    """The change of weights with which the last rollout went back."""
    verbs = ("rollout", "rollout.abort", "watchdog", "rollback")
    kept = tags.changes(facts.endpoint.tags)
    return next((each for each in kept if each.verb in verbs), None)


RULES = [nobody_sees_to_it, waits_for_a_person, gave_traffic_back]
