"""Workbooks as they are in the resource group, and which of them are ours.

Azure: Microsoft.Insights/workbooks 2023-06-01. A workbook's name is a GUID; ours is of
the endpoint's id and the dashboard's name, so it is the same on every machine.
"""

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ops.boards import workbook
from ops.boards.model import Dashboard
from ops.boards.subject import Subject

if TYPE_CHECKING:
    from ops.clients import Workspace

VERSION = "2023-06-01"
OWNER = "aml-ops"  # the tag that says whose it is: iris/overview
SOURCE = "Azure Monitor"  # which gallery of the portal lists it
CATEGORY = "workbook"
COMPARED = ("displayName", "description", "category", "version", "sourceId")


@dataclass(frozen=True, kw_only=True)
class Workbook:
    """One workbook of the group."""

    name: str  # a GUID
    title: str
    owner: str  # iris/overview; "" for one that is not ours
    body: dict[str, Any] = field(repr=False)

    @property
    def content(self) -> dict[str, Any]:
        """The notebook; {} where it can't be read as one."""
        try:
            found = json.loads(self.body["properties"].get("serializedData") or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def name_of(subject: Subject, board: str) -> str:
    about = f"{subject.endpoint_id}/dashboards/{board}".lower()
    return str(uuid.uuid5(uuid.NAMESPACE_URL, about))


def owner_of(subject: Subject, board: str) -> str:
    return f"{subject.endpoint}/{board}"


def body(board: Dashboard, subject: Subject) -> dict[str, Any]:
    """What is PUT; the same facts make the same one."""
    content = json.dumps(workbook.document(board, subject))
    properties = {
        "displayName": f"{subject.endpoint}: {board.title}",
        "description": board.about,
        "category": CATEGORY,
        "version": "Notebook/1.0",
        "sourceId": SOURCE,
        "serializedData": content,
    }
    return {
        "location": subject.location,
        "kind": "shared",
        "tags": {OWNER: owner_of(subject, board.name)},
        "properties": properties,
    }


def live(workspace: "Workspace") -> list[Workbook]:
    """Every workbook of the group, with what it shows."""
    asked = {"category": CATEGORY, "canFetchContent": "true"}
    return [to_workbook(each) for each in workspace.list(url(workspace, **asked))]


def to_workbook(body: dict[str, Any]) -> Workbook:
    return Workbook(
        name=body["name"],
        title=str(body["properties"].get("displayName") or ""),
        owner=(body.get("tags") or {}).get(OWNER, ""),
        body=body,
    )


def url(workspace: "Workspace", name: str = "", **query: str) -> str:
    group = f"/subscriptions/{workspace.subscription_id}/resourceGroups/"
    below = f"{workspace.resource_group}/providers/Microsoft.Insights/workbooks"
    tail = f"/{name}" if name else ""
    asked = urlencode({"api-version": VERSION, **query})
    return f"{workspace.base_url}{group}{below}{tail}?{asked}"


def differences(there: Workbook, wanted: dict[str, Any]) -> list[str]:
    """What a PUT would change, panel by panel."""
    had, will = there.body["properties"], wanted["properties"]
    found = [
        f"~ {key}: {had.get(key)} -> {will[key]}"
        for key in COMPARED
        if str(had.get(key) or "").lower() != str(will[key] or "").lower()
    ]
    content = to_workbook({**there.body, "properties": will}).content
    before, after = _items(there.content), _items(content)
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            found.append(f"- {name}")
        elif name not in before:
            found.append(f"+ {name}")
        elif before[name] != after[name]:
            found.append(f"~ {name}{_keys(before[name], after[name])}")
    if not found and there.content != content:
        found.append("~ the order of panels, or what they share")
    return found


def _items(content: dict[str, Any]) -> dict[str, Any]:
    listed = content.get("items")
    items = listed if isinstance(listed, list) else []
    return {str(each.get("name")): each for each in items if isinstance(each, dict)}


def _keys(before: dict[str, Any], after: dict[str, Any]) -> str:
    """`: query, title`, the parts of a panel that differ."""
    one = {**before, **(before.get("content") or {})}
    other = {**after, **(after.get("content") or {})}
    names = [
        key
        for key in dict.fromkeys([*one, *other])
        if key != "content" and one.get(key) != other.get(key)
    ]
    return f": {', '.join(names)}" if names else ""
