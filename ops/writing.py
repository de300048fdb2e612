"""Write weights: compared just before, read back until the service shows them.

Azure has no PATCH for traffic and no ETag: a change writes all of the endpoint. What
the toolkit keeps in its tags travels in the same write as the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ops import endpoints, outside, tags, weights
from ops.endpoints import Endpoint
from ops.errors import Conflict, OpsError, ServiceError, Unreachable
from ops.lease import Held
from ops.weights import Weights

if TYPE_CHECKING:
    from ops.clients import Workspace

READ_BACK_SECONDS = 60.0
TRIES = 3
STALE_SECONDS = 3.0  # how long a read may show what was before the last write
UNSENT = "Nothing was written."
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
        seen, modified = _put(workspace, held, asked, fence, began)
    except ServiceError as error:
        held.retract()  # a refusal: no write is on its way
        shown = weights.of(endpoints.get(workspace, asked.endpoint.name))
        error.add(f"The endpoint shows {shown}.")
        raise
    name = asked.endpoint.name
    with outside.told(workspace, name, seen, modified):
        read_back(workspace, name, asked.weights, fence, modified)
    ended = workspace.now()
    others = outside.wrote(workspace, name, seen, modified)
    return Written(fence=fence, at=ended, notes=others)


def _put(
    workspace: "Workspace", held: Held, asked: Write, fence: int, began: datetime
) -> tuple[datetime, datetime | None]:
    """Send the write; return of when it is what we saw, and when it was done.

    Both by the service's word; the latter is None where it is unsaid.

    One without an answer is sent again only if it is seen not to have been done, and
    the endpoint not to have been changed by anybody.
    """
    name, seen = asked.endpoint.name, began
    for left in reversed(range(TRIES)):
        body = _fresh(workspace, asked.endpoint)
        if tags.fence(body.get("tags") or {}) == fence:
            return seen, None  # an earlier one, which had no answer
        try:
            _require_unchanged(workspace, asked.endpoint, body, began)
        except Conflict as error:
            if left == TRIES - 1:
                held.retract()
                error.add(UNSENT)
                raise
            error.add("Whether our write was done before that is not known.")
            with outside.told(workspace, name, seen):
                raise
        seen = outside.modified_at(body) or began
        put = with_weights(body, asked.weights, _tags(body, asked, fence))
        try:
            done = workspace.put(endpoints.path(name), put, retries=0)
            return seen, outside.modified_at(done)
        except (Unreachable, ServiceError) as error:
            if not left or not _may_be_done(error):
                with outside.told(workspace, name, seen):
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


def tag(
    workspace: "Workspace",
    held: Held,
    endpoint: Endpoint,
    changes: Mapping[str, str | None],
) -> tuple[str, ...]:
    """PATCH tags; return what there is to be told. Weights stay, whose ever they are.

    Raise Conflict where the toolkit's own tags are not those that were read.
    """
    path, began = endpoints.path(endpoint.name), workspace.now()
    fence = held.announce(tags.fence(endpoint.tags))
    body = _fresh(workspace, endpoint)
    found: dict[str, str] = body.get("tags") or {}
    if tags.fence(found) != tags.fence(endpoint.tags):
        held.retract()
        error = _changed(workspace, endpoint, body, began)
        error.add(UNSENT)
        raise error
    wanted = tags.merged(found, {**changes, tags.FENCE: str(fence)})
    seen = outside.modified_at(body) or began
    with outside.told(workspace, endpoint.name, seen):
        done = workspace.patch(path, {"tags": wanted})
    modified = outside.modified_at(done)
    return outside.wrote(workspace, endpoint.name, seen, modified)


def require_unchanged(workspace: "Workspace", before: Endpoint) -> datetime:
    """Raise Conflict if an endpoint is not what was read; return of when it is."""
    began = workspace.now()
    body = _fresh(workspace, before)
    _require_unchanged(workspace, before, body, began)
    return outside.modified_at(body) or began


def _require_unchanged(
    workspace: "Workspace", before: Endpoint, body: dict[str, Any], began: datetime
) -> None:
    """Raise Conflict if the endpoint just before the write isn't what was read."""
    seen = endpoints.to_endpoint(body, {})
    fences = tags.fence(seen.tags), tags.fence(before.tags)
    if fences[0] == fences[1] and weights.of(seen) == weights.of(before):
        return
    raise _changed(workspace, before, body, began)


def _changed(
    workspace: "Workspace", before: Endpoint, body: dict[str, Any], began: datetime
) -> Conflict:
    now = weights.of(endpoints.to_endpoint(body, {}))
    return Conflict(
        f"{before.name} was changed {outside.edited(workspace, body, began)}, after it "
        f"was read: {weights.of(before)} then, {now} now.",
        "invoke status",
        "invoke history",
    )


def _fresh(workspace: "Workspace", before: Endpoint) -> dict[str, Any]:
    """The endpoint as it is now; a read older than what we have read is repeated."""
    real_time, path = workspace.real_time, endpoints.path(before.name)
    deadline = real_time.seconds() + STALE_SECONDS
    while True:
        body = workspace.get(path)
        stale = tags.fence(body.get("tags") or {}) < tags.fence(before.tags)
        if not stale or real_time.seconds() > deadline:
            return body
        real_time.pause(0.25)


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
    workspace: "Workspace",
    name: str,
    wanted: Weights,
    fence: int,
    modified: datetime | None = None,
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
        later = (
            modified is not None and (outside.modified_at(body) or modified) > modified
        )
        if later or workspace.real_time.seconds() > deadline:
            by = outside.edited(workspace, body, workspace.now())
            raise Conflict(
                f"{name} shows {weights.of(seen)} where {wanted} was written: it was "
                f"changed {by}, after us.",
                "invoke status",
                "invoke history",
            )
        workspace.real_time.pause(pause)
        pause = min(pause * 2, 5.0)
