"""Restore safe weights where a rollout's runner has died, and end mirrors that are due.

It needs nothing but the endpoints' tags, so it runs anywhere: in a CI schedule, in a
container job, on a colleague's machine.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Event as Signal

from ops import clients, endpoints, times, traffic
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import OpsError, RolledBack, Unhealthy, UsageError
from ops.rollouts import restoring, standing
from ops.rollouts.standing import ROLLED_BACK, Standing
from ops.settings import who
from ops.views import live

VERB = "watchdog"
LEAST_SECONDS, MOST_SECONDS = 1.0, 3600.0


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What one look at an endpoint has found, and what was done about it."""

    endpoint: str
    at: datetime
    said: str
    restored: bool = False
    failed: bool = False  # something should have been done, and could not


def sweep(
    workspace: Workspace,
    every_seconds: float | None = None,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> Iterator[Watched]:
    """Look at every endpoint of the workspace, once or again and again until Ctrl-C."""
    stop = Signal()
    with live.stoppable(stop, stop, "stopping"):
        while True:
            yield from _once(workspace, reason, dry_run)
            if every_seconds is None or stop.is_set():
                return
            stop.wait(every_seconds)
            if stop.is_set():
                return
            with suppress(OpsError):  # told by the next look
                workspace = clients.again(workspace)


def interval(text: str | None) -> float | None:
    """The seconds that --every asks for; None where it doesn't."""
    if text is None:
        return None
    refusal = UsageError(f"--every lies between 1s and 1h, not {text}.")
    try:
        seconds = times.duration(text, "--every").total_seconds()
    except UsageError:
        raise refusal from None
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise refusal
    return seconds


def _once(workspace: Workspace, reason: str, dry_run: bool) -> Iterator[Watched]:
    """One endpoint that can't be looked at doesn't keep the others from it."""
    try:
        names = endpoints.list_names(workspace)
    except OpsError as error:
        now = workspace.now()
        yield Watched(endpoint="*", at=now, said=error.problem, failed=True)
        return
    if not names:
        yield Watched(endpoint="*", at=workspace.now(), said="there are no endpoints")
    for name in names:
        try:
            yield _look(workspace, name, reason, dry_run)
        except OpsError as error:
            now = workspace.now()
            yield Watched(endpoint=name, at=now, said=error.problem, failed=True)


def _look(workspace: Workspace, name: str, reason: str, dry_run: bool) -> Watched:
    endpoint, now = endpoints.get(workspace, name), workspace.now()
    here = standing.read(endpoint.tags)
    if here and here.silent(now):
        return _restore(workspace, endpoint, here, now, reason, dry_run)
    if not dry_run and traffic.clear_due_mirror(workspace, name):
        return Watched(endpoint=name, at=now, said="mirror traffic cleared: it was due")
    return Watched(endpoint=name, at=now, said=described(here, now))


def _restore(
    workspace: Workspace,
    endpoint: Endpoint,
    here: Standing,
    now: datetime,
    reason: str,
    dry_run: bool,
) -> Watched:
    name, why = endpoint.name, silence(here, now)
    if dry_run:
        return Watched(endpoint=name, at=now, said=f"would restore {here.safe}: {why}")
    done = restoring.restore(
        workspace,
        name,
        here,
        state=ROLLED_BACK,
        verb=VERB,
        by=f"{VERB} of {who()}",
        reason=f"{why}; {reason}" if reason else why,
    )
    said = f"restored {done.after}, from {done.before}: {why}"
    return Watched(endpoint=name, at=now, said=said, restored=True)


def silence(here: Standing, now: datetime) -> str:
    """Since when nobody has been heard of, against how long that may be."""
    if here.heartbeat is None:
        return f"the rollout of {here.canary} has no runner"
    seconds = (now - here.heartbeat).total_seconds()
    return (
        f"the runner of {here.canary}'s rollout, {here.runner or 'stopped'}, was last "
        f"heard of {seconds:.0f} s ago, limit {here.limit_seconds:g} s"
    )


def described(here: Standing | None, now: datetime) -> str:
    if here is None or not here.active:
        return "no rollout under way"
    until = here.silent_at
    left = (until - now).total_seconds() if until else 0.0
    whose = here.runner or "nobody"
    return (
        f"rollout of {here.canary} {here.state}, run by {whose}; dead in {left:.0f} s"
    )


def require_quiet(found: list[Watched]) -> None:
    """Raise RolledBack where weights were restored, Unhealthy where that failed."""
    if failed := [each.endpoint for each in found if each.failed]:
        raise Unhealthy(f"Not looked after: {', '.join(failed)}.", "invoke watchdog")
    if restored := [each.endpoint for each in found if each.restored]:
        raise RolledBack(f"Safe weights restored: {', '.join(restored)}.")
