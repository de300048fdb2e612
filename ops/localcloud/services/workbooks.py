"""Microsoft.Insights/workbooks (2023-06-01): dashboards of the portal.

Azure: workbooks_API.json of that version. Nothing here draws one: a workbook is kept,
listed by its category and given back as it was sent.
"""

import json
import uuid
from typing import Any

from ops.localcloud.records import Resource
from ops.localcloud.services import tracked
from ops.localcloud.services.tracked import Kind, existing
from ops.localcloud.wire import Answer, AzureError, Call, document, invalid, tags

TITLE = "hidden-title"  # the tag by which the portal shows a workbook's name
CATEGORIES = ("workbook", "TSG", "performance", "retention")
NEEDED = ("displayName", "category", "serializedData")
GIVEN = (*NEEDED, "version", "sourceId", "description", "storageUri")
PATCHED = (*NEEDED, "description", "tags", "revision")
KNOWN = {"api-version", "category", "sourceId", "canFetchContent"}
WRITTEN = {"api-version", "sourceId"}


def put(call: Call) -> Answer:
    """Create or replace a workbook; its name must be a GUID."""
    _require_known(call, WRITTEN)
    _require_guid(call.names["name"])
    before = call.state.resource(_id(call))
    location = call.body.get("location")
    if not isinstance(location, str) or not location:
        raise AzureError(400, "LocationRequired", "The location must be given.")
    sent = call.body.get("properties")
    resource = _write(call, sent, location, tags(call.body))
    return Answer(status=200 if before else 201, body=document(resource))


def patch(call: Call) -> Answer:
    """Replace the tags and those properties that are given."""
    _require_known(call, WRITTEN)
    before = existing(KIND, call)
    sent = call.body.get("properties") or {}
    if not isinstance(sent, dict):
        raise AzureError(400, "BadRequest", "properties must be an object.")
    invalid([f"PATCH can't change {each}." for each in sent if each not in PATCHED])
    labels = tags(call.body) if "tags" in call.body else before.body["tags"]
    properties = {**before.properties, **sent}
    resource = _write(call, properties, before.body["location"], labels)
    return Answer(body=document(resource))


def get(call: Call) -> Answer:
    """A workbook; what it shows only where canFetchContent asks for it."""
    _require_known(call, KNOWN)
    return Answer(body=_shown(call, existing(KIND, call)))


def list_all(call: Call) -> Answer:
    """The workbooks of a category, and of a source if one is named."""
    _require_known(call, KNOWN)
    category = call.query.get("category", "")
    if category not in CATEGORIES:
        message = f"category must be one of {', '.join(CATEGORIES)}."
        raise AzureError(400, "BadRequest", message)
    source = call.query.get("sourceId", "").lower()
    found = [
        _shown(call, each)
        for each in call.state.of_type("workbooks")
        if each.properties["category"] == category
        and source in ("", str(each.properties.get("sourceId")).lower())
    ]
    return Answer(body={"value": found})


def delete(call: Call) -> Answer:
    return tracked.delete(KIND, call)


def complete(call: Call, sent: dict[str, Any]) -> dict[str, Any]:
    """The properties of a workbook that is kept: a new revision with each write."""
    problems = [
        f"properties.{name} is required."
        for name in NEEDED
        if not isinstance(sent.get(name), str) or not sent[name]
    ]
    if not problems and not _is_notebook(sent["serializedData"]):
        problems.append("properties.serializedData must be a string of valid JSON.")
    invalid(problems)
    given = {name: sent[name] for name in GIVEN if sent.get(name) is not None}
    if "sourceId" in call.query:
        given["sourceId"] = call.query["sourceId"]
    return {
        **given,
        "timeModified": call.now.isoformat(),
        "userId": call.caller,
        "revision": uuid.uuid4().hex,
    }


KIND = Kind(
    type="Microsoft.Insights/workbooks",
    path="microsoft.insights/workbooks",
    complete=complete,
)


def _write(call: Call, sent: Any, location: str, labels: dict[str, str]) -> Resource:
    if not isinstance(sent, dict):
        raise AzureError(400, "BadRequest", "properties must be an object.")
    if call.body.get("kind", "shared") != "shared":
        raise AzureError(400, "BadRequest", "The kind of a workbook must be shared.")
    properties = complete(call, sent)
    return call.state.put(
        {
            "id": _id(call),
            "name": call.names["name"],
            "type": KIND.type,
            "location": location,
            "tags": {**labels, TITLE: properties["displayName"]},
            "kind": "shared",
            "properties": properties,
        },
        by=call.caller,
    )


def _shown(call: Call, resource: Resource) -> dict[str, Any]:
    wanted = call.query.get("canFetchContent", "false").lower() == "true"
    return document(resource, **({} if wanted else {"serializedData": None}))


def _is_notebook(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _require_guid(name: str) -> None:
    try:
        uuid.UUID(name)
    except ValueError:
        message = f"The name of a workbook must be a GUID, not '{name}'."
        raise AzureError(400, "BadRequest", message) from None


def _require_known(call: Call, known: set[str]) -> None:
    if unknown := sorted(set(call.query) - known):
        message = f"localcloud can't take workbooks by {', '.join(unknown)}."
        raise AzureError(501, "NotImplemented", message)


def _id(call: Call) -> str:
    return f"{call.cloud.group}/providers/{KIND.path}/{call.names['name']}"
