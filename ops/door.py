"""The door to an endpoint: whoever changes anything of it comes through here.

One at a time, whatever machine they sit at; nobody while it is frozen. Whoever comes in
is told what was cut off before, and clears mirror traffic whose time is over.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ops import endpoints, journal, lease, tags, unfinished, weights, writing
from ops.endpoints import Endpoint
from ops.errors import Refused
from ops.journal import Change
from ops.lease import Held, Note
from ops.settings import who
from ops.weights import Weights
from ops.writing import Write, Written

if TYPE_CHECKING:
    from ops.clients import Workspace

LIMIT = "mirror-limit"  # the verb of a mirror that ended by itself
WENT_BACK = "back: "  # how the reason of a promotion begins that gave traffic back


@dataclass(kw_only=True)
class Open:
    """An endpoint while it may be changed."""

    workspace: "Workspace"
    name: str
    verb: str
    held: Held
    found: Endpoint | None  # as it was read under the lock

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint; raise NotFound with what there is."""
        if self.found is None:
            self.found = endpoints.get(self.workspace, self.name)
        return self.found

    @contextmanager
    def journalled(
        self, reason: str, *, before: Any = None, wanted: Any = None
    ) -> Iterator[Change]:
        """Journal what happens within; raise Conflict if the lock is lost already."""
        self.held.require()
        with self._noted(reason, before, wanted) as change:
            yield change

    def write(
        self, wanted: Weights, reason: str, kept: Mapping[str, str | None]
    ) -> tuple[Change, Written]:
        """Write weights and tags, journalled; return how it is known, and when."""
        endpoint, before = self.endpoint, weights.of(self.endpoint)
        with self._noted(reason, shown(before), shown(wanted)) as change:
            record = tags.Change(
                fence=0,  # the write's own
                id=change.id,
                verb=self.verb,
                who=who(),
                at=self.workspace.now(),
                before=before,
                after=wanted,
                reason=reason,
            )
            asked = Write(
                endpoint=endpoint,
                weights=wanted,
                kept=kept,
                record=record if before != wanted else None,
            )
            done = writing.write(self.workspace, self.held, asked)
            change.after, change.fence = shown(wanted, ended(kept)), done.fence
        self.found = None  # read again by whoever asks for it
        self.workspace.notes += done.notes
        return change, done

    def _noted(
        self, reason: str, before: Any, wanted: Any
    ) -> AbstractContextManager[Change]:
        where = (self.workspace, self.name, self.verb, reason)
        fence = self.held.fence
        return noted(*where, before=before, wanted=wanted, fence=fence)


@contextmanager
def noted(
    workspace: "Workspace",
    name: str,
    verb: str,
    reason: str,
    *,
    before: Any = None,
    wanted: Any = None,
    fence: int = 0,
) -> Iterator[Change]:
    """Journal what happens within, and have the activity log know it by its id."""
    with journal.noted(
        verb,
        workspace.stage.name,
        name,
        reason,
        at=workspace.now(),
        before=before,
        wanted=wanted,
        fence=fence,
    ) as change:
        outer, workspace.change = workspace.change, change.id
        try:
            yield change
        finally:
            workspace.change = outer


@contextmanager
def opened(
    workspace: "Workspace",
    name: str,
    verb: str,
    *,
    while_frozen: bool = False,
    without_lock: bool = False,
) -> Iterator[Open]:
    """Take the lock of an endpoint and read it; raise Busy, or Refused while frozen.

    `without_lock` goes on where the lock's storage can't be reached.
    """
    with lease.hold(workspace, name, verb, needed=not without_lock) as held:
        found = _read(workspace, name, held.before)
        notes = workspace.notes
        notes += unfinished.settle(workspace, name, found)
        if held.without:
            notes.append(f"going on without the lock of {name}: {held.without}")
        if found:
            notes += overwritten(held.before, tags.fence(found.tags))
            if not while_frozen:
                require_unfrozen(found, workspace.now())
        live = Open(workspace=workspace, name=name, verb=verb, held=held, found=found)
        if found and not while_frozen and mirror_due(found, workspace.now()):
            clear_mirror(live)
        yield live


def tag(
    workspace: "Workspace", name: str, changes: Mapping[str, str | None], verb: str
) -> None:
    """Set tags of an endpoint, or with None take them away; its weights stay."""
    with opened(workspace, name, verb, while_frozen=True) as live:
        write_tags(live, changes)


def write_tags(live: Open, changes: Mapping[str, str | None]) -> None:
    """PATCH tags of an open endpoint and read until the service shows them."""
    workspace = live.workspace
    told = writing.tag(workspace, live.held, live.endpoint, changes)
    workspace.notes += told
    live.found = _read(workspace, live.name, live.held.note)


def clear_mirror(live: Open) -> Written:
    """End mirror traffic whose time is over, as a change of its own."""
    until = tags.mirror_until(live.endpoint.tags)
    own, live.verb = live.verb, LIMIT
    reason = f"its limit was {until:%F %T} UTC" if until else "its time is over"
    wanted = Weights(traffic=live.endpoint.traffic)
    try:
        _, done = live.write(wanted, reason, {tags.MIRROR_UNTIL: None})
    finally:
        live.verb = own
    live.workspace.notes.append(f"mirror traffic of {live.name} is cleared: {reason}")
    return done


def mirror_due(endpoint: Endpoint, now: datetime) -> bool:
    """Whether the time of an endpoint's mirror traffic is over."""
    until = tags.mirror_until(endpoint.tags)
    return bool(endpoint.mirror) and until is not None and until <= now


def require_unfrozen(endpoint: Endpoint, now: datetime) -> None:
    """Raise Refused while the endpoint is frozen."""
    freeze = tags.freeze(endpoint.tags)
    if freeze and now < freeze.until:
        raise Refused(
            f"{endpoint.name} is frozen until {freeze.until:%F %T} UTC by "
            f"{freeze.who}: {freeze.reason}",
            "invoke rollback   # the one change that a freeze lets through",
            "invoke unfreeze",
        )


def overwritten(before: Note, fence: int) -> list[str]:
    """What to tell where the endpoint does not show the write announced last.

    A higher number is of a rollback that went without the lock, or of a lock that is
    older than this one's blob.
    """
    if not before.wrote or fence >= before.wrote:
        return []
    what = f"change #{before.wrote} ({before.verb} by {before.who}, {before.since})"
    if fence == before.upon:
        return [f"{what} is not there: it was cut off, or overwritten since"]
    return [
        f"{what} was overwritten: the endpoint shows #{fence}, an older one. "
        "Its writer had lost the lock, or another tool wrote back what it had read"
    ]


def shown(wanted: Weights, rollout: str = "") -> dict[str, Any]:
    """Weights as the journal keeps them, and how a rollout ended with them."""
    mirrored = {"mirror": wanted.mirror} if wanted.mirror else {}
    over = {"rollout": rollout} if rollout else {}
    return {"traffic": wanted.traffic, **mirrored, **over}


def ended(kept: Mapping[str, str | None]) -> str:
    """How a rollout ends by tags that are written; "" where none does."""
    rollout = tags.rollout({tags.ROLLOUT: kept.get(tags.ROLLOUT) or ""})
    return rollout.state if rollout and not rollout.under_way else ""


def _read(workspace: "Workspace", name: str, note: Note) -> Endpoint | None:
    """The endpoint under the lock; a read from before the last write is read again."""
    deadline = workspace.real_time.seconds() + writing.STALE_SECONDS
    while True:
        found = endpoints.find(workspace, name)
        stale = found is not None and tags.fence(found.tags) < note.wrote
        if not stale or workspace.real_time.seconds() > deadline:
            return found
        workspace.real_time.pause(0.25)
