"""Roll a deployment out by specs/<endpoint>/rollout.yaml, judged all the while."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from ops import door, endpoints
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import OpsError, Refused, RolledBack
from ops.hints import hint
from ops.rollouts import (
    course,
    decisions,
    policyfile,
    preflight,
    records,
    restoring,
    runner,
    standing,
)
from ops.rollouts.course import VERB, Course
from ops.rollouts.observed import Asked
from ops.rollouts.observing import expected_weights
from ops.rollouts.preflight import Ready
from ops.rollouts.progress import Progress
from ops.rollouts.standing import (
    ABORTED,
    PAUSED,
    ROLLED_BACK,
    RUNNING,
    Standing,
    myself,
    weights_of,
)
from ops.settings import who
from ops.weights import of

# After these rules have paused a rollout, the step begins anew when a person resumes.
BAKES_ANEW = ("too_few_requests", "not_proven_yet")


def start(workspace: Workspace, found: Ready) -> Iterator[Progress]:
    """Begin with the first step, and run the rollout to its end."""
    beginning = found.beginning
    here = Standing(
        id=beginning.id,
        canary=beginning.canary,
        stable=beginning.stable,
        step=0,
        state=RUNNING,
        since=workspace.now(),
        by=beginning.who,
        runner=myself(),
        limit_seconds=found.policy.heartbeat_seconds,
        safe=beginning.safe,
    )
    made = course.build(workspace, beginning, here, found.target)
    made.record.save()  # before the first write: whoever takes over needs it
    first = weights_of(found.policy.steps[0], here.canary, here.stable)
    made.begin(first, beginning.reason)
    text = f"{first}, step 1 of {len(found.policy.steps)}"
    yield from runner.run(made, made.told("started", text))


def resume(
    workspace: Workspace, name: str, *, reason: str = "", take_over: bool = False
) -> Iterator[Progress]:
    """Go on with a rollout: end its pause, and run it where nobody else does."""
    endpoint, now = endpoints.get(workspace, name), workspace.now()
    here = standing.under_way(endpoint)
    following = resumed(here, who(), now)
    if standing.runs(here, now) and not take_over:
        if here.state != PAUSED:
            raise Refused(
                still_run(here, now),
                "invoke rollout.watch",
                "invoke rollout.resume --take-over   # if you know that it is dead",
            )
        yield _released(workspace, name, here, following, reason)
        return
    made = _taken(workspace, endpoint, here, following)
    live, expected = of(endpoint), expected_weights(made.policy, made.here)
    if expected not in (None, live):
        made.set_again(expected, replace(made.here, since=now), reason or "resumed")
    told = [made.told("resumed", f"at {expected or live}, step {here.step + 1}")]
    if made.trouble:
        told.append(made.told("trouble", made.trouble))
    yield from runner.run(made, *told)


def pause(workspace: Workspace, name: str, *, reason: str = "") -> Progress:
    """Have a rollout wait where it is; it is still judged, and still rolled back."""
    here, now = standing.under_way(endpoints.get(workspace, name)), workspace.now()
    if here.state != RUNNING:
        raise Refused(
            f"The rollout of {name} is {here.state}.", "invoke rollout.status"
        )
    _tagged(workspace, name, here, replace(here, state=PAUSED, by=who()))
    text = f"until {hint('rollout.resume')}" + (f": {reason}" if reason else "")
    return Progress(at=now, what="paused", text=text, here=here)


def finish(
    workspace: Workspace,
    name: str,
    command: str,
    *,
    reason: str = "",
    force: bool = False,
) -> Iterator[Progress]:
    """Abort a rollout, or promote its canary now; raise Refused with what forbids it.

    An abort is done even where the record can't be read.
    """
    endpoint = endpoints.get(workspace, name)
    here = standing.under_way(endpoint)
    asked = Asked(command=command, who=who(), reason=reason, force=force)
    try:
        past = records.latest(workspace.container, name, here.id, here.run)
    except OpsError:
        if command != "abort":
            raise
        yield _bare_abort(workspace, name, here, reason)
        return
    mine = replace(here, run=here.run + 1, runner=myself())
    made = course.build(workspace, past.beginning, mine, None, past)
    made.observer.asked = asked
    seen = made.observer.look(endpoint, here, workspace.now())
    decision = decisions.decide(made.policy, seen, workspace.now())
    wanted = {"abort": "roll_back", "promote": "promote"}[command]
    if decision.action != wanted:
        remedy = "invoke rollout.abort --force" if command == "abort" else ""
        raise Refused(f"Not done: {decision.reason}.", *filter(None, [remedy]))
    made.record.save()
    made.take(here)
    yield from runner.run(made)


def here(workspace: Workspace, name: str) -> Standing:
    """Where the rollout stands; raise Refused where there is none."""
    return standing.under_way(endpoints.get(workspace, name))


def require_success(last: Progress) -> None:
    """Raise RolledBack where traffic went back: never to be read as a success."""
    if last.here.state in (ROLLED_BACK, ABORTED):
        raise RolledBack(
            f"{last.here.canary} was not promoted: {last.here.state}, {last.text}",
            f"invoke logs --deployment {last.here.canary}",
            "invoke diagnose",
            "invoke rollout.status",
        )


def resumed(here: Standing, by: str, now: datetime) -> Standing:
    """Where a rollout stands once a person has resumed it."""
    if here.state != PAUSED:
        return here
    rule = here.by.removeprefix(standing.POLICY)
    since = now if rule in BAKES_ANEW else here.since
    released = here.released or rule == "person_must_look"
    return replace(here, state=RUNNING, by=by, since=since, released=released)


def still_run(here: Standing, now: datetime) -> str:
    """Why a rollout isn't resumed that somebody runs."""
    assert here.heartbeat is not None, "who runs it was heard of"
    ago = (now - here.heartbeat).total_seconds()
    return (
        f"{here.runner} runs this rollout; it was heard of {ago:.0f} s ago and counts "
        f"as dead {here.limit_seconds:g} s after its last sign of life."
    )


def _taken(
    workspace: Workspace, endpoint: Endpoint, here: Standing, following: Standing
) -> Course:
    """The rollout in our hands, from where the last runner's record ends."""
    past = records.latest(workspace.container, endpoint.name, here.id, here.run)
    probed = policyfile.parse(past.beginning.policy).probes_per_second
    target, why_not = None, ""
    if probed:
        try:
            target = preflight.aim(workspace, endpoint, here.canary)
        except OpsError as error:  # the sample may be on the first machine alone
            why_not = f"no probes from here: {error.problem.splitlines()[0]}"
    mine = replace(following, run=here.run + 1, runner=myself())
    made = course.build(workspace, past.beginning, mine, target, past)
    made.record.save()  # before the tags name it
    made.take(here)
    made.trouble = why_not
    return made


def _released(
    workspace: Workspace, name: str, here: Standing, following: Standing, reason: str
) -> Progress:
    """Let the runner go on that waits for us."""
    _tagged(workspace, name, here, following)
    text = f"{here.runner} goes on" + (f": {reason}" if reason else "")
    now = workspace.now()
    return Progress(at=now, what="resumed", text=text, here=following)


def _tagged(workspace: Workspace, name: str, before: Standing, after: Standing) -> None:
    """Change where a rollout stands that another runs; its heartbeat stays its own."""
    with door.opened(workspace, name, VERB, while_frozen=True) as live:
        found = standing.read(live.endpoint.tags)
        if found is None or (found.run, found.state) != (before.run, before.state):
            raise Refused(
                f"The rollout of {name} has gone on meanwhile.", "invoke rollout.status"
            )
        changed = replace(
            found,
            state=after.state,
            by=after.by,
            since=max(after.since, found.since),
            released=after.released,
        )
        door.write_tags(live, standing.written(changed))


def _bare_abort(
    workspace: Workspace, name: str, here: Standing, reason: str
) -> Progress:
    shift = restoring.restore(
        workspace,
        name,
        here,
        state=ABORTED,
        verb="rollout.abort",
        by=who(),
        reason=reason or "aborted; the record could not be read",
    )
    ended = replace(here, state=ABORTED, by=who())
    text = f"{shift.after}, by the endpoint's tags alone"
    return Progress(at=workspace.now(), what=ABORTED, text=text, here=ended)
