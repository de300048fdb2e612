"""Runs a rollout: look, decide, do what was decided, wait; again and again."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from ops import clients, endpoints
from ops.endpoints import Endpoint
from ops.errors import Interrupted, NotFound, OpsError
from ops.rollouts import acting, decisions, standing
from ops.rollouts.course import Course
from ops.rollouts.observed import Observed
from ops.rollouts.progress import Moved, Progress, TakenOver
from ops.rollouts.standing import RETURNING
from ops.views import live
from ops.weights import of

BEATS = 3  # signs of life within the limit of silence
RETRY_SECONDS = 5.0  # after a look that nothing answered
STOPPING = "stopping after what is in hand; once more ends at once"


def run(course: Course, *told: Progress) -> Iterator[Progress]:
    """Go on until the rollout has ended; tell everything that a person should know.

    `told` is how it began; it is told here since a Ctrl-C counts from then on: that
    leaves the weights as they are and raises Interrupted with what it means. Where
    another runner takes over, this one only tells how it ends.
    """
    with ExitStack() as stack:
        stack.enter_context(live.stoppable(course.stop, course.wake, STOPPING))
        if course.observer.lane:
            stack.enter_context(course.observer.lane)
        yield from told
        while course.here.active:
            try:
                yield from _turn(course)
            except TakenOver as gone:
                yield course.told("taken over", gone.problem)
                yield from _follow(course)
                return
            except NotFound:
                raise  # the endpoint is gone, and with it what there was to run
            except OpsError as error:
                yield from _troubled(course, error)
            if course.stop.is_set() and course.here.active:
                yield from _leave(course)
            if course.here.active:
                _wait(course)
        _speak(course)


def _turn(course: Course) -> Iterator[Progress]:
    """One look, and what follows from it."""
    course.wake.clear()
    now, endpoint = course.workspace.now(), course.endpoint
    whole = endpoint is None or course.look_at is None or now >= course.look_at
    if endpoint is None or whole:
        endpoint = course.read()
        course.look_at = now + timedelta(seconds=course.policy.look_seconds)
        seen = course.observer.look(endpoint, course.here, now)
    else:
        seen = course.observer.glance(now)
    if course.here.state == RETURNING:
        yield from acting.give_back(course, course.read())
    else:
        yield from _decided(course, endpoint, seen, now, whole)
    if whole:
        yield from _afterwards(course)


def _decided(
    course: Course, endpoint: Endpoint, seen: Observed, now: datetime, whole: bool
) -> Iterator[Progress]:
    """Decide, and do it. Of glances only those are kept that lead to something.

    What they have counted stands in the record of the next look.
    """
    decision = decisions.decide(course.policy, seen, now)
    course.page = decision.page
    acts = acting.acts(course, decision)
    if whole or acts:
        course.record.look(seen, decision)
    yield course.progress(now, "look", decision.reason, decision)
    if acts:
        course.look_at = None  # where it stands then is read before all else
        yield from acting.do(course, endpoint, decision)


def _afterwards(course: Course) -> Iterator[Progress]:
    """What can wait until the decision is carried out."""
    for note in course.observer.unread:
        if trouble := course.troubled(f"not read: {note}"):
            yield trouble
    if not course.observer.unread:
        course.trouble = ""
    course.observer.unread = []
    here, now = course.here, course.workspace.now()
    beat = timedelta(seconds=here.limit_seconds / BEATS)
    late = here.heartbeat is None or now - here.heartbeat >= beat
    if here.active and (late or course.wiped):
        with suppress(Moved):  # the next look sees it
            course.tag(here)
    for trouble in (course.save(), course.hush() if here.active else None):
        if trouble:
            yield trouble


def _troubled(course: Course, error: OpsError) -> Iterator[Progress]:
    """Tell that nothing can be read, and look for the service where it may be now."""
    if trouble := course.troubled(error.problem):
        yield trouble
    again = min(course.policy.look_seconds, RETRY_SECONDS)
    course.look_at = course.workspace.now() + timedelta(seconds=again)
    with suppress(OpsError):  # still down: it has been told
        course.workspace = clients.again(course.workspace)
        course.observer.workspace = course.workspace


def _wait(course: Course) -> None:
    """Until the next look, or until a probe fails or a person stops it."""
    now = course.workspace.now()
    due = course.look_at or now + timedelta(seconds=course.policy.look_seconds)
    if course.here.state == RETURNING:
        due = course.part_at or now
    # Not for as long as it is until then: the clock may be moved in between.
    course.workspace.wait_until(due, course.wake)


def _speak(course: Course) -> None:
    """Nobody judges the canary any more: its alerts are for people again."""
    with suppress(OpsError):  # it ends by its own time, in half an hour
        course.speak()


def _leave(course: Course) -> Iterator[Progress]:
    """Give the rollout back: nobody runs it then, and the watchdog's time runs."""
    try:
        course.tag(replace(course.here, runner=""))
    except OpsError as error:
        yield course.told("trouble", error.problem)
    course.told("left", "a person stopped this runner")
    course.save()
    _speak(course)
    raise Interrupted(left(course), "invoke rollout.resume", "invoke rollout.abort")


def left(course: Course) -> str:
    """What state a runner leaves that a person has stopped."""
    shown = of(course.endpoint) if course.endpoint else "as it is"
    safe = course.here.safe or course.beginning.safe
    until = course.here.silent_at
    watched = f" from {until:%H:%M:%S} UTC on" if until else ""
    return (
        f"Stopped. Traffic stays {shown}, and nobody judges {course.here.canary} now. "
        f"A watchdog, where one runs, restores {safe}{watched}."
    )


def _follow(course: Course) -> Iterator[Progress]:
    """Tell how the rollout ends in the hands of another."""
    while True:
        found = standing.read(endpoints.get(course.workspace, course.name).tags)
        if found is None or found.id != course.here.id:
            return
        course.here = found
        if not found.active:
            now = course.workspace.now()
            by = standing.whose(found.by)
            yield course.progress(now, found.state, f"by {by}")
            return
        if course.stop.is_set():
            raise Interrupted("Stopped watching; the rollout goes on elsewhere.")
        course.workspace.wait(course.policy.look_seconds, course.stop)
