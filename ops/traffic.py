"""Every write of weights: planned, checked, locked, journalled, read back.

`change` is what procedures call; `plan` and `carry_out` are the same in two steps, for
a person who wants to see the plan before it is done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ops import capacity, door, endpoints, flow, tags, weights
from ops.door import Open
from ops.endpoints import Endpoint
from ops.errors import Conflict, Refused
from ops.flow import Recent
from ops.hints import again
from ops.settings import who
from ops.weights import Weights

if TYPE_CHECKING:
    from ops.clients import Workspace

Approve = Callable[[str], None]  # asks the person; raises Refused for a no
Decide = Callable[[Endpoint], Weights]
# Raises Refused where weights would lead to what is sicker; returns what isn't known.
Healthy = Callable[[Weights, Weights, Recent], list[str]]
MIRROR_FOR = timedelta(hours=1)  # where nobody says for how long


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A change of weights, planned or done."""

    endpoint: str
    verb: str
    before: Weights
    after: Weights
    mirror_until: datetime | None = None
    recent: Recent = field(default_factory=Recent, repr=False)
    notes: tuple[str, ...] = ()  # what could not be checked
    id: str = ""  # "" while it is not done
    fence: int = 0  # its number in the history
    at: datetime | None = None  # when the service showed it

    @property
    def changes(self) -> bool:
        return self.before != self.after

    @property
    def done(self) -> bool:
        return bool(self.id)


@dataclass(frozen=True, kw_only=True)
class How:
    """What a change of weights may do beside the ordinary."""

    force: bool = False  # even where instances are too few
    urgent: bool = False  # while frozen, in a rollout, without the lock if it must
    rollout: str = ""  # the id of the rollout that does it
    mirror_for: timedelta | None = None
    healthy: Healthy | None = None  # what must hold of what gains


ORDINARY = How()


def plan(
    workspace: "Workspace",
    name: str,
    decide: Decide,
    *,
    verb: str,
    how: How = ORDINARY,
) -> Shift:
    """What a change would do; raise Refused with the rule that stands against it."""
    now = workspace.now()
    reading = flow.reading(workspace, name, now)  # while the endpoint is read
    endpoint = endpoints.get(workspace, name)
    if not how.urgent:
        door.require_unfrozen(endpoint, now)
        if door.mirror_due(endpoint, now):  # who comes through the door ends it first
            endpoint = replace(endpoint, mirror={})
    return checked(endpoint, decide(endpoint), verb, how, reading(), now)


def carry_out(
    workspace: "Workspace",
    planned: Shift,
    *,
    how: How = ORDINARY,
    reason: str = "",
    dry_run: bool = False,
    tags: Mapping[str, str | None] | None = None,
) -> Shift:
    """Do what was planned; raise Conflict if the weights have changed since."""
    nothing = not planned.changes and how.mirror_for is None and not tags
    if dry_run or nothing:
        return planned

    def still(endpoint: Endpoint) -> Weights:
        require_same(planned, endpoint)
        return planned.after

    return change(
        workspace,
        planned.endpoint,
        still,
        verb=planned.verb,
        reason=reason,
        how=how,
        tags=tags,
        recent=planned.recent,
    )


def change(
    workspace: "Workspace",
    name: str,
    decide: Decide,
    *,
    verb: str,
    reason: str = "",
    how: How = ORDINARY,
    tags: Mapping[str, str | None] | None = None,
    recent: Recent | None = None,
) -> Shift:
    """Decide under the lock upon what is live then, write it, return once it is shown.

    `decide` is pure and raises Refused. `tags` are set in the same write.
    """
    seen = recent or flow.recent(workspace, name, workspace.now())
    opening = door.opened(
        workspace, name, verb, while_frozen=how.urgent, without_lock=how.urgent
    )
    with opening as live:
        now = workspace.now()
        shift = checked(live.endpoint, decide(live.endpoint), verb, how, seen, now)
        marks = {**kept(live.endpoint, shift, how), **(tags or {})}
        if not shift.changes and not marks:
            return shift
        return _done(live, shift, reason, marks)


def clear_due_mirror(workspace: "Workspace", name: str) -> bool:
    """Clear mirror traffic whose time is over, frozen or not; say if there was any."""
    if not door.mirror_due(endpoints.get(workspace, name), workspace.now()):
        return False
    with door.opened(workspace, name, door.LIMIT, while_frozen=True) as live:
        due = door.mirror_due(live.endpoint, workspace.now())
        if due:
            door.clear_mirror(live)
        return due


def split(asked: Mapping[str, int]) -> Decide:
    """Give these percentages; what is mirrored stays."""
    return lambda endpoint: Weights(traffic=dict(asked), mirror=endpoint.mirror)


def mirror(asked: Mapping[str, int]) -> Decide:
    """Mirror these percentages; live traffic stays."""
    return lambda endpoint: Weights(traffic=endpoint.traffic, mirror=dict(asked))


def checked(
    endpoint: Endpoint,
    wanted: Weights,
    verb: str,
    how: How,
    recent: Recent,
    now: datetime,
) -> Shift:
    """The shift, checked; raise Refused with the rule that stands against it."""
    before, after = weights.of(endpoint), weights.check(endpoint, wanted)
    _require_no_rollout(endpoint, how)
    unknown = how.healthy(before, after, recent) if how.healthy else []
    shift = Shift(
        endpoint=endpoint.name,
        verb=verb,
        before=before,
        after=after,
        recent=recent,
        notes=(*_capacity(endpoint, after, how, recent), *unknown),
    )
    return replace(shift, mirror_until=_until(endpoint, after, how, now))


def _done(
    live: Open, planned: Shift, reason: str, kept: Mapping[str, str | None]
) -> Shift:
    record, written = live.write(planned.after, reason, kept)
    return replace(planned, id=record.id, fence=written.fence, at=written.at)


def _capacity(
    endpoint: Endpoint, after: Weights, how: How, recent: Recent
) -> tuple[str, ...]:
    """Raise Refused where what gains has too few instances; return what isn't known."""
    gaining = weights.gains(endpoint.traffic, after.traffic)
    if not gaining:
        return ()
    if recent.unknown:
        return (f"whether the instances are enough was not checked: {recent.unknown}",)
    needs = capacity.needs(endpoint, after, recent.flows, recent.per_second)
    short = [need for need in needs if need.short]
    if not short:
        return ()
    if how.force:
        return tuple(f"{need}; forced" for need in short)
    raise Refused(
        "\n".join(f"{need} (70% busy at most)." for need in short),
        *(
            f"invoke scale --deployment {need.deployment} --instances {need.needed}"
            for need in short
            if need.needed <= endpoints.MOST_INSTANCES
        ),
        again("--force", "it would answer 429 to some"),
    )


def _require_no_rollout(endpoint: Endpoint, how: How) -> None:
    rollout = tags.rollout(endpoint.tags)
    if how.urgent or not (rollout and rollout.under_way) or rollout.id == how.rollout:
        return
    raise Refused(
        f"A rollout of {rollout.canary} on {endpoint.name} is {rollout.state}, begun "
        f"by {rollout.by}: the weights are its own until it is over.",
        "invoke rollout.status",
        "invoke rollout.abort",
    )


def require_same(planned: Shift, endpoint: Endpoint) -> None:
    found = weights.of(endpoint)
    if found == planned.before:
        return
    latest = next(iter(tags.changes(endpoint.tags)), None)
    by = "outside of the toolkit"
    if latest and latest.after == found:
        by = f"by {latest.who} ({latest.verb}) at {latest.at:%H:%M:%S} UTC"
    raise Conflict(
        f"{endpoint.name} was changed {by} since the plan: {planned.before} then, "
        f"{found} now. Nothing was written.",
        "invoke status",
        "invoke history",
    )


def _until(
    endpoint: Endpoint, after: Weights, how: How, now: datetime
) -> datetime | None:
    """When the mirror traffic is to end; one that stays as it is keeps its limit."""
    if not after.mirror:
        return None
    if after.mirror == endpoint.mirror and how.mirror_for is None:
        return tags.mirror_until(endpoint.tags)
    return now + (how.mirror_for or MIRROR_FOR)


def kept(endpoint: Endpoint, planned: Shift, how: How) -> dict[str, str | None]:
    """What changes in the tags beside the record of the change."""
    until = tags.stamp(planned.mirror_until) if planned.mirror_until else None
    wanted: dict[str, str | None] = {tags.MIRROR_UNTIL: until}
    rollout = tags.rollout(endpoint.tags)
    if how.urgent and rollout and rollout.under_way and rollout.id != how.rollout:
        run = rollout.run + 1  # its runner is not to write any more
        over = replace(rollout, state="aborted", by=who(), run=run, runner="")
        wanted[tags.ROLLOUT] = tags.rolling(over)
    return {
        name: value
        for name, value in wanted.items()
        if value != endpoint.tags.get(name)
    }
