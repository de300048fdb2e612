"""A rollout seen by one who doesn't run it: by the endpoint's tags and the record."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Event as Signal
from typing import Any

from ops import endpoints
from ops.clients import Workspace
from ops.errors import OpsError, Refused, Unhealthy
from ops.rollouts import policyfile, records, replay, standing
from ops.rollouts.decisions import Decision
from ops.rollouts.progress import Progress
from ops.rollouts.records import Event, Past
from ops.rollouts.replay import Replay
from ops.rollouts.standing import Standing

EVENTS = 8  # of the latest, in a status
WATCH_SECONDS = 2.0
LATE_LOOKS = 3  # that a record has to tell the end which the tags tell already


@dataclass(frozen=True, kw_only=True)
class Status:
    """Where an endpoint's rollout stands, or how the last one ended."""

    endpoint: str
    now: datetime
    here: Standing | None
    silent: bool = False  # its runner was not heard of for too long
    steps: tuple[str, ...] = ()
    decision: Decision | None = None  # of the last look
    events: tuple[Event, ...] = ()
    ids: tuple[str, ...] = ()  # of all rollouts that have a record, the latest first


def status(workspace: Workspace, name: str) -> Status:
    """Read it; a record that can't be read leaves out what only it knows."""
    here, now = standing.read(endpoints.get(workspace, name).tags), workspace.now()
    if here is None:
        return Status(endpoint=name, now=now, here=None)
    found = Status(endpoint=name, now=now, here=here, silent=here.silent(now))
    try:
        past = records.latest(workspace.container, name, here.id, here.run)
        ids = tuple(records.ids(workspace.container, name))
    except OpsError:
        return found
    text = past.beginning.policy
    return replace(
        found,
        steps=tuple(each.shown for each in policyfile.parse(text).steps),
        decision=past.looks[-1].decision if past.looks else None,
        events=tuple(past.events[-EVENTS:]),
        ids=ids,
    )


def watch(workspace: Workspace, name: str) -> Iterator[Progress]:
    """Tell what befalls a rollout that another runs, until it has ended."""
    stop = Signal()
    here = standing.under_way(endpoints.get(workspace, name))
    told = late = 0
    while True:
        past = records.latest(workspace.container, name, here.id, here.run)
        fresh = [each for each in _progress(past, here)][told:]
        yield from fresh
        told += len(fresh)
        if not here.active and here.state in {each.what for each in past.events}:
            return
        if late == LATE_LOOKS:  # no runner was left to tell: a watchdog has ended it
            yield _ending(past, here)
            return
        stop.wait(WATCH_SECONDS)
        found = standing.read(endpoints.get(workspace, name).tags)
        if found is None or found.id != here.id:
            raise Refused(f"The rollout {here.id} is gone.", "invoke rollout.status")
        told = told if found.run == here.run else 0
        here, late = found, late + (not found.active)


def again(workspace: Workspace, name: str, id: str | None, other: str | None) -> Replay:
    """Decide a rollout's record again, the last one's unless an id is given.

    `other` is the file of another policy, to decide by it too.
    """
    instead = policyfile.load(name, Path(other)) if other else None
    known = records.ids(workspace.container, name)
    if not known:
        raise Refused(f"No rollout of {name} has a record.", "invoke rollout.start")
    pasts = records.whole(workspace.container, name, id or known[0])
    policy = policyfile.parse(pasts[0].beginning.policy)
    return replay.again(pasts, policy, instead)


def require_exact(found: Replay) -> None:
    """Raise Unhealthy where the record's own policy decides otherwise now."""
    if not found.exact:
        raise Unhealthy(f"{len(found.changed)} decisions are not made again alike.")


def _ending(past: Past, here: Standing) -> Progress:
    """How it ended, as its tags alone tell."""
    text = f"by {standing.whose(here.by)}"
    return Progress(at=here.since, what=here.state, text=text, **_about(past, here))


def _about(past: Past, here: Standing) -> dict[str, Any]:
    policy = policyfile.parse(past.beginning.policy)
    return {"here": here, "steps": tuple(step.shown for step in policy.steps)}


def _progress(past: Past, here: Standing) -> Iterator[Progress]:
    """Looks and events of a record in the order of time."""
    about = _about(past, here)
    looks = (
        Progress(
            at=look.decision.at,
            what="look",
            text=look.decision.reason,
            decision=look.decision,
            **about,
        )
        for look in past.looks
    )
    events = (
        Progress(at=each.at, what=each.what, text=each.text, **about)
        for each in past.events
    )
    yield from sorted([*looks, *events], key=lambda each: each.at)
