"""Does what a decision about a rollout says. Every write goes through the door."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from ops import capacity, flow
from ops.endpoints import Endpoint
from ops.errors import OpsError
from ops.rollouts.course import Course
from ops.rollouts.decisions import Decision
from ops.rollouts.progress import Moved, Progress, TakenOver
from ops.rollouts.standing import (
    ABORTED,
    PAUSED,
    POLICY,
    PROMOTED,
    RETURNING,
    ROLLED_BACK,
    weights_of,
)
from ops.settings import who
from ops.weights import Weights

RETRY_SECONDS = 5.0  # a rollback that did not go through is not left lying


def acts(course: Course, decision: Decision) -> bool:
    """Whether a decision changes anything."""
    if decision.action == "pause":
        return course.here.state != PAUSED
    return decision.action != "hold"


def do(course: Course, endpoint: Endpoint, decision: Decision) -> Iterator[Progress]:
    """Carry a decision out; what stands against it is told, and tried again."""
    try:
        match decision.action:
            case "advance":
                yield _advance(course, decision)
            case "promote":
                yield _promote(course, decision)
            case "roll_back":
                yield _roll_back(course, endpoint, decision)
            case "pause":
                yield _pause(course, decision)
    except TakenOver:
        raise
    except Moved:
        return  # the next look decides upon it
    except OpsError as error:
        told = f"{decision.action.replace('_', ' ')}: {error.problem}"
        if decision.action == "roll_back":
            soon = timedelta(seconds=min(RETRY_SECONDS, course.policy.look_seconds))
            course.look_at = course.workspace.now() + soon
        if trouble := course.troubled(told):
            yield trouble


def give_back(course: Course, endpoint: Endpoint) -> Iterator[Progress]:
    """Return the next part of the traffic to a stable that is too small for all of it.

    All that is left goes with the last part, or as soon as there is room for it.
    """
    now, rules, here = course.workspace.now(), course.policy.abort, course.here
    if course.part_at and now < course.part_at:
        return
    left = endpoint.traffic.get(here.canary, 0) - rules.percent
    try:
        if left <= 0 or not lacks_capacity(course, endpoint):
            yield _ended(course, _back(here.by), here.by, "the last part went back")
            return
        parts = {here.stable: 100 - left, here.canary: left}
        course.change(Weights(traffic=parts), here, "back in parts", back=True)
    except TakenOver:
        raise
    except OpsError as error:
        if trouble := course.troubled(f"roll back: {error.problem}"):
            yield trouble
        return
    course.part_at = now + timedelta(seconds=rules.every_seconds)
    yield course.told("returning", f"{left}% is left on {here.canary}")


def lacks_capacity(course: Course, endpoint: Endpoint) -> bool:
    """Whether stable is too small for everything, as far as that is known."""
    workspace = course.workspace
    safe = course.here.safe or course.beginning.safe
    recent = flow.recent(workspace, course.name, workspace.now())
    needs = capacity.needs(endpoint, safe, recent.flows, recent.per_second)
    return any(need.short for need in needs)


def _advance(course: Course, decision: Decision) -> Progress:
    here, now = course.here, course.workspace.now()
    step = course.policy.steps[here.step + 1]
    following = replace(here, step=here.step + 1, since=now, released=False)
    wanted = weights_of(step, here.canary, here.stable)
    course.change(wanted, following, decision.reason)
    return course.told("advanced", f"{wanted}: {decision.reason}", decision)


def _promote(course: Course, decision: Decision) -> Progress:
    return _ended(course, PROMOTED, _by(decision), decision.reason, decision)


def _roll_back(course: Course, endpoint: Endpoint, decision: Decision) -> Progress:
    by = _by(decision)
    stepwise = course.policy.abort.how == "stepwise"
    if stepwise and lacks_capacity(course, endpoint):
        here = replace(course.here, state=RETURNING, by=by)
        course.tag(here)
        text = f"{here.stable} lacks capacity for all at once: {decision.reason}"
        return course.told("returning", text, decision)
    return _ended(course, _back(by), by, decision.reason, decision)


def _pause(course: Course, decision: Decision) -> Progress:
    here = replace(course.here, state=PAUSED, by=_by(decision))
    course.tag(here)
    return course.told("paused", decision.reason, decision)


def _by(decision: Decision) -> str:
    """Who decided it: the person who runs this, or a rule of the policy."""
    asked = decision.rule in ("asked_to_abort", "asked_to_promote")
    return who() if asked else f"{POLICY}{decision.rule}"


def _back(by: str) -> str:
    """How a rollout has ended whose traffic went back."""
    return ROLLED_BACK if by.startswith(POLICY) else ABORTED


def _ended(
    course: Course, state: str, by: str, reason: str, decision: Decision | None = None
) -> Progress:
    """Write the last weights of the rollout, and how it ended, in one."""
    here = replace(course.here, state=state, by=by, runner="")
    canary = {course.here.canary: 100}
    safe = course.here.safe or course.beginning.safe
    wanted = Weights(traffic=canary) if state == PROMOTED else safe
    course.change(wanted, here, reason, back=state != PROMOTED)
    told = course.told(state, reason, decision)
    course.save()
    return told
