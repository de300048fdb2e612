"""Write weights: compared just before, read back until the service shows them.

Azure has no PATCH for traffic and no ETag: a change writes all of the endpoint. What
the toolkit keeps in its tags travels in the same write as the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ops import activity, endpoints, tags, weights
from ops.endpoints import Endpoint
from ops.errors import Conflict, NotFound, OpsError, ServiceError, Unreachable
from ops.lease import Held
from ops.weights import Weights

if TYPE_CHECKING:
    from ops.clients import Workspace

READ_BACK_SECONDS = 60.0
TRIES = 3
MARGIN = timedelta(seconds=1)  # two clocks that are both the service's
AGAIN = 408, 429, 500, 502, 503, 504  # the write may have been done, or not


@dataclass(frozen=True, kw_only=True)
class Write:
    """What is to stand in the endpoint, and what it was decided upon."""

    endpoint: Endpoint  # as it was read under the lock
    weights: Weights
    kept: Mapping[str, str | None]  # tags to set, or with None to take away
    record: tags.Change | None  # None where the weights stay as they are


@dataclass(frozen=True, kw_only=True)
class Written:
    """A write that the service shows."""

    fence: int
    at: datetime
    notes: tuple[str, ...] = ()


def write(workspace: "Workspace", held: Held, asked: Write) -> Written:
    """Put weights and tags; return once the service shows them.

    Raise Conflict where somebody else wrote since the endpoint was read, or where the
    lock is lost.
    """
    began = workspace.now()
    fence = held.announce(tags.fence(asked.endpoint.tags))
    try:
        modified = _put(workspace, held, asked, fence, began)
    except ServiceError as error:
        held.retract()  # a refusal: no write is on its way
        shown = weights.of(endpoints.get(workspace, asked.endpoint.name))
        error.add(f"The endpoint shows {shown}.")
        raise
    read_back(workspace, asked.endpoint.name, asked.weights, fence, modified)
    ended = workspace.now()
    return Written(fence=fence, at=ended, notes=_gap(workspace, asked, began, ended))


def _put(
    workspace: "Workspace", held: Held, asked: Write, fence: int, began: datetime
) -> str:
    """Send the write; return when it was done by the service's word, "" if unsaid.

    One without an answer is sent again only if it is seen not to have been done, and
    the endpoint not to have been changed by anybody.
    """
    name = asked.endpoint.name
    for left in reversed(range(TRIES)):
        body = workspace.get(endpoints.path(name))
        if tags.fence(body.get("tags") or {}) == fence:
            return ""  # an earlier one, which had no answer
        try:
            _require_unchanged(workspace, asked.endpoint, body, began)
        except Conflict:
            if left == TRIES - 1:
                held.retract()  # none has been sent
            raise
        put = with_weights(body, asked.weights, _tags(body, asked, fence))
        try:
            done = workspace.put(endpoints.path(name), put, retries=0)
            return _modified(done)
        except (Unreachable, ServiceError) as error:
            if not left or not _may_be_done(error):
                raise
    raise AssertionError("a last try returns or raises")


def with_weights(
    body: dict[str, Any], wanted: Weights, kept: Mapping[str, str]
) -> dict[str, Any]:
    """A GET's body as the PUT that changes nothing but the weights and the tags."""
    read_only = ("provisioningState", "scoringUri", "swaggerUri")
    properties = {k: v for k, v in body["properties"].items() if k not in read_only}
    identity = body.get("identity") or {}
    assigned = identity.get("userAssignedIdentities")
    if assigned:  # a PUT takes the ids alone, without what Azure says of them
        identity = {**identity, "userAssignedIdentities": {key: {} for key in assigned}}
    written = ("type", "userAssignedIdentities")
    return {
        "location": body.get("location"),
        "tags": dict(kept),
        "kind": body.get("kind"),
        "identity": {k: v for k, v in identity.items() if k in written} or None,
        "properties": {
            **properties,
            "traffic": wanted.traffic,
            "mirrorTraffic": wanted.mirror,
        },
    }


def require_unchanged(workspace: "Workspace", before: Endpoint) -> None:
    """Raise Conflict if an endpoint is not what it was when it was read."""
    body = workspace.get(endpoints.path(before.name))
    _require_unchanged(workspace, before, body, workspace.now())


def edited(workspace: "Workspace", body: dict[str, Any], since: datetime) -> str:
    """`by X at T`: who wrote an endpoint last, as far as anything tells it."""
    with_log = _foreign(workspace, body["name"], since - MARGIN)
    if with_log:
        return f"by {with_log[0].caller} at {with_log[0].at:%H:%M:%S} UTC"
    data = body.get("systemData") or {}
    who, at = data.get("lastModifiedBy") or "somebody", data.get("lastModifiedAt")
    try:
        return f"by {who} at {tags.moment(str(at)):%H:%M:%S} UTC"
    except ValueError:
        return f"by {who}"


def _require_unchanged(
    workspace: "Workspace", before: Endpoint, body: dict[str, Any], began: datetime
) -> None:
    """Raise Conflict if the endpoint just before the write isn't what was read."""
    seen = endpoints.to_endpoint(body, {})
    fences = tags.fence(seen.tags), tags.fence(before.tags)
    if fences[0] == fences[1] and weights.of(seen) == weights.of(before):
        return
    raise Conflict(
        f"{before.name} was changed {edited(workspace, body, began)}, after it was "
        f"read: {weights.of(before)} then, {weights.of(seen)} now. Nothing was "
        "written.",
        "invoke status",
        "invoke history",
    )


def _tags(body: dict[str, Any], asked: Write, fence: int) -> dict[str, str]:
    found: dict[str, str] = body.get("tags") or {}
    kept = tags.merged(found, {**asked.kept, tags.FENCE: str(fence)})
    if asked.record is None:
        return kept
    return kept | tags.recorded(replace(asked.record, fence=fence), found)


def _may_be_done(error: OpsError) -> bool:
    return isinstance(error, Unreachable) or (
        isinstance(error, ServiceError) and error.http_status in AGAIN
    )


def read_back(
    workspace: "Workspace", name: str, wanted: Weights, fence: int, modified: str = ""
) -> None:
    """Read until a write is shown: another sight is stale until the deadline.

    Raise Conflict then, or when it shows a write later than ours (at `modified`).
    """
    deadline, pause = workspace.real_time.seconds() + READ_BACK_SECONDS, 0.05
    while True:
        body = workspace.get(endpoints.path(name))
        seen = endpoints.to_endpoint(body, {})
        if weights.of(seen) == wanted and tags.fence(seen.tags) == fence:
            return
        later = bool(modified) and _modified(body) > modified
        if later or workspace.real_time.seconds() > deadline:
            raise Conflict(
                f"{name} shows {weights.of(seen)} where {wanted} was written: "
                f"it was changed {edited(workspace, body, workspace.now())}, after us.",
                "invoke status",
                "invoke history",
            )
        workspace.real_time.pause(pause)
        pause = min(pause * 2, 5.0)


def _gap(
    workspace: "Workspace", asked: Write, began: datetime, ended: datetime
) -> tuple[str, ...]:
    """What others wrote between our last read and our write, by the activity log."""
    return tuple(
        f"{event.caller} wrote {asked.endpoint.name} at {event.at:%H:%M:%S} UTC, "
        "between our read and our write: what that had set is overwritten"
        for event in _foreign(workspace, asked.endpoint.name, began, ended)
    )


def _foreign(
    workspace: "Workspace", name: str, start: datetime, end: datetime | None = None
) -> list[activity.Event]:
    """The log is evidence, never a condition: who may not read it can still write."""
    try:
        return activity.foreign(workspace, name, start, end or workspace.now() + MARGIN)
    except (NotFound, ServiceError, Unreachable):
        return []


def _modified(body: dict[str, Any]) -> str:
    return str((body.get("systemData") or {}).get("lastModifiedAt") or "")
