"""Resources right below the group that are written whole: what they have in common.

What is kept of one, and what is refused, its own service says by a Kind.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.localcloud.records import Resource
from ops.localcloud.wire import (
    Answer,
    AzureError,
    Call,
    document,
    invalid,
    page,
    tags,
)

NAME = re.compile(r"[^#<>%&:?/{}*\\]{1,260}")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A type of resource, and what its service makes of a request's properties."""

    type: str  # as a resource says it
    path: str  # as its id spells it
    complete: Callable[[Call, dict[str, Any]], dict[str, Any]]
    location: str | None = None  # the one that it must be in
    patched: tuple[str, ...] = ()  # properties that a PATCH may change; (): all
    constant: Mapping[str, Any] = field(default_factory=dict)
    created: int = 201
    tagged: bool = False  # has an etag, which If-Match is held against


def put(kind: Kind, call: Call) -> Answer:
    """Create or replace a resource."""
    before = call.state.resource(id_of(kind, call))
    _require_match(kind, call, before)
    if not NAME.fullmatch(call.names["name"]) or call.names["name"].endswith("."):
        message = f"'{call.names['name']}' is no name for a resource of {kind.type}."
        raise AzureError(400, "BadRequest", message)
    location = _location(kind, call.body.get("location"))
    resource = _write(
        kind, call, call.body.get("properties"), location, tags(call.body)
    )
    return _answer(kind, resource, 200 if before else kind.created)


def patch(kind: Kind, call: Call) -> Answer:
    """Replace the tags and those properties that are given."""
    before = existing(kind, call)
    _require_match(kind, call, before)
    sent = call.body.get("properties") or {}
    if not isinstance(sent, dict):
        raise AzureError(400, "BadRequest", "properties must be an object.")
    if kind.patched:
        invalid(
            [f"PATCH can't change {each}." for each in sent if each not in kind.patched]
        )
    kept = tags(call.body) if "tags" in call.body else before.body["tags"]
    properties = {**before.properties, **sent}
    return _answer(
        kind, _write(kind, call, properties, before.body["location"], kept), 200
    )


def get(kind: Kind, call: Call) -> Answer:
    return _answer(kind, existing(kind, call), 200)


def list_all(kind: Kind, call: Call) -> Answer:
    """All of the group, which are all of the subscription."""
    found = call.state.of_type(kind.type.rsplit("/", 1)[1])
    return page(call, [_shown(kind, resource) for resource in found])


def delete(kind: Kind, call: Call) -> Answer:
    return Answer(status=200 if call.state.delete(id_of(kind, call)) else 204)


def kind_of(call: Call, id_: str) -> str | None:
    """The type of what an ARM id names, such as onlineendpoints; None: nothing."""
    named = "/" + id_.strip("/").lower()
    cloud = call.cloud
    places = {
        f"/subscriptions/{cloud.subscription_id}".lower(): "subscription",
        cloud.group.lower(): "group",
        cloud.log_workspace.lower(): "workspaces",
    }
    if named in places:
        return places[named]
    resource = call.state.resource(named)
    return resource.type if resource else None


def require_room(kind: Kind, call: Call, most: int) -> None:
    """Refuse a resource more than Azure lets a subscription have."""
    others = [one for one in others_of(kind, call) if one.properties.get("enabled")]
    if len(others) >= most:
        message = f"A subscription has {most:,} enabled {kind.type} at most."
        raise AzureError(400, "OutOfQuota", message)


def others_of(kind: Kind, call: Call) -> list[Resource]:
    here = id_of(kind, call).lower()
    found = call.state.of_type(kind.type.rsplit("/", 1)[1])
    return [resource for resource in found if resource.id != here]


def _write(
    kind: Kind, call: Call, sent: Any, location: str, labels: Mapping[str, str]
) -> Resource:
    if not isinstance(sent, dict):
        raise AzureError(400, "BadRequest", "properties must be an object.")
    return call.state.put(
        {
            "id": id_of(kind, call),
            "name": call.names["name"],
            "type": kind.type,
            "location": location,
            "tags": dict(labels),
            **kind.constant,
            "properties": kind.complete(call, sent),
        },
        by=call.caller,
    )


def _location(kind: Kind, sent: Any) -> str:
    if not isinstance(sent, str) or not sent:
        raise AzureError(400, "LocationRequired", "The location must be given.")
    if kind.location and sent.lower() != kind.location.lower():
        message = f"The location of {kind.type} must be {kind.location}, not '{sent}'."
        raise AzureError(400, "BadRequest", message)
    return kind.location or sent


def _require_match(kind: Kind, call: Call, before: Resource | None) -> None:
    wanted = call.headers.get("If-Match", "*")
    if not kind.tagged or wanted == "*":
        return
    if before is None or wanted != _etag(before):
        message = f"'{call.names['name']}' has changed since it was read (If-Match)."
        raise AzureError(412, "PreconditionFailed", message)


def existing(kind: Kind, call: Call) -> Resource:
    resource = call.state.resource(id_of(kind, call))
    if resource is None:
        message = (
            f"The Resource '{kind.type}/{call.names['name']}' under resource group "
            f"'{call.cloud.resource_group}' was not found."
        )
        raise AzureError(404, "ResourceNotFound", message)
    return resource


def _answer(kind: Kind, resource: Resource, status: int) -> Answer:
    headers = {"ETag": _etag(resource)} if kind.tagged else {}
    return Answer(status=status, body=_shown(kind, resource), headers=headers)


def _shown(kind: Kind, resource: Resource) -> dict[str, Any]:
    mark = {"etag": _etag(resource)} if kind.tagged else {}
    return {**document(resource), **mark}


def _etag(resource: Resource) -> str:
    """Another one with each write, even of one that was deleted in between."""
    facts = f"{resource.id} {resource.created.isoformat()} {resource.generation}"
    return f'"{hashlib.sha256(facts.encode()).hexdigest()[:32]}"'


def id_of(kind: Kind, call: Call) -> str:
    return f"{call.cloud.group}/providers/{kind.path}/{call.names['name']}"
