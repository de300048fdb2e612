"""Azure Resource Manager's manner of speech: calls, answers, errors, operations.

Handlers are plain functions from a Call to an Answer. They know nothing of HTTP
servers; what a client got wrong they raise as an AzureError.
"""

import base64
import binascii
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from ops.localcloud.blobstore import BlobStore
from ops.localcloud.faults import Faults
from ops.localcloud.logstore import LogStore
from ops.localcloud.records import SERVICE, Operation, Resource
from ops.localcloud.state import State

PAGE = 100  # items of a list that has no $top
LIST_PARAMETERS = {
    *("api-version", "$top", "count", "$skip", "$orderBy"),
    *("listViewType", "hash", "hashVersion", "isDefault"),
}
PROVIDER = "Microsoft.MachineLearningServices"
LOG_WORKSPACE = "localcloud-logs"


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """What handlers may use: the state, this cloud's facts, the engines' doors."""

    state: State
    blobs: BlobStore
    subscription_id: str
    resource_group: str
    workspace_name: str
    workspace_id: str  # the GUID, not the ARM id
    location: str
    url: str
    sas_key: str
    ring: Callable[[], None]
    gateway_url: Callable[[], str]
    logs: Callable[[str, str, int], str]  # deployment id, container, tail
    store: LogStore
    faults: Faults

    @property
    def group(self) -> str:
        return f"/subscriptions/{self.subscription_id}/resourceGroups/" + (
            self.resource_group
        )

    @property
    def workspace(self) -> str:
        """The workspace's ARM id."""
        return f"{self.group}/providers/{PROVIDER}/workspaces/{self.workspace_name}"

    @property
    def log_workspace(self) -> str:
        """The ARM id of the one Log Analytics workspace."""
        provider = "Microsoft.OperationalInsights"
        return f"{self.group}/providers/{provider}/workspaces/{LOG_WORKSPACE}"

    @property
    def log_customer_id(self) -> str:
        """The GUID by which that workspace is queried."""
        return customer_id(self.workspace_id)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One ARM request: its route is found and its body is a JSON object."""

    cloud: Cloud
    method: str
    id: str  # the ARM id, spelled as Azure spells the types
    names: Mapping[str, str]  # what the route's {placeholders} stand for
    query: Mapping[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    caller: str = SERVICE
    correlation: str = ""

    @property
    def state(self) -> State:
        return self.cloud.state

    @property
    def now(self) -> datetime:
        return self.cloud.state.clock.now()

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "2023-10-01")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`body` is a JSON value, or its bytes where they were made already."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    operation: str = ""  # the id of the long-running one that it opens


class AzureError(Exception):
    """A refusal in Azure's words; `details` are (code, message) pairs."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: list[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or []
        self.headers = dict(headers or {})


def envelope(
    error: AzureError, location: str, correlation: str, now: datetime
) -> dict[str, Any]:
    """The body of an error answer, as recorded from the service."""
    about = {
        "ComponentName": "managementfrontend",
        "Correlation": {"operation": correlation, "request": correlation[:16]},
        "Environment": location,
        "Location": location,
        "Time": now.isoformat(),
    }
    details = [
        {"code": code, "message": message, "details": [], "additionalInfo": []}
        for code, message in error.details
    ]
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "details": details,
            "additionalInfo": [
                {"type": type_, "info": {"value": value}}
                for type_, value in about.items()
            ],
        }
    }


def invalid(problems: list[str]) -> None:
    """Raise the 400 that names every problem; do nothing where there is none."""
    if problems:
        details = [("ValidationError", problem) for problem in problems]
        raise AzureError(400, "BadRequest", " ".join(problems), details)


NAME = re.compile(r"[a-zA-Z](-?[a-zA-Z0-9])*")


def name_problems(noun: str, name: str) -> list[str]:
    """Why Azure refuses this endpoint or deployment name; [] where it doesn't.

    Azure: how-to-manage-quotas, "Azure Machine Learning online endpoints".
    """
    if 3 <= len(name) <= 32 and NAME.fullmatch(name):
        return []
    return [
        f"{noun} name '{name}' is invalid: it must begin with a letter, be 3 to 32 "
        "characters long and consist of letters, digits and single hyphens between "
        "them."
    ]


def missing(type_: str, name: str) -> AzureError:
    """The 404 of a resource that isn't there, such as ("onlineEndpoints", "iris")."""
    message = f"The Resource '{PROVIDER}/workspaces/{type_}/{name}' was not found."
    return AzureError(404, "ResourceNotFound", message)


def existing(call: Call, type_: str) -> Resource:
    """The resource of this type in the call's path; a 404 where there is none."""
    path = call.id.split("/")
    end = path.index(type_) + 2
    resource = call.state.resource("/".join(path[:end]))
    if resource is None:
        raise missing(type_, path[end - 1])
    return resource


def deleting(resource: Resource) -> bool:
    return bool(resource.properties["provisioningState"] == "Deleting")


def refuse_while_deleting(resource: Resource) -> None:
    if deleting(resource):
        message = f"'{resource.name}' is being deleted; no change can be made to it."
        raise AzureError(409, "Conflict", message)


def tags(body: dict[str, Any]) -> dict[str, str]:
    """The tags of a request's body, which must be text to text."""
    found = body.get("tags") or {}
    if not isinstance(found, dict) or not all(
        isinstance(value, str) for value in found.values()
    ):
        raise AzureError(400, "BadRequest", "tags must map names to strings.")
    return found


def document(resource: Resource, **properties: Any) -> dict[str, Any]:
    """A resource as a GET shows it; `properties` are those known only now."""
    return {
        **resource.body,
        "systemData": {
            "createdAt": resource.created.isoformat(),
            "createdBy": resource.created_by,
            "createdByType": "User",
            "lastModifiedAt": resource.modified.isoformat(),
            "lastModifiedBy": resource.modified_by,
            "lastModifiedByType": "User",
        },
        "properties": {**resource.properties, **properties},
    }


def page(
    call: Call, items: list[dict[str, Any]], *, newest_first: bool = False
) -> Answer:
    """One page of a list: `$top` or `count` items from where `$skip` points.

    `items` come oldest first; `$orderBy=createdtime desc` or `asc` orders them else.
    """
    if unknown := sorted(set(call.query) - LIST_PARAMETERS):
        message = f"localcloud can't list by {', '.join(unknown)}."
        raise AzureError(501, "NotImplemented", message)
    order = call.query.get("$orderBy", "").lower()
    if order not in ("", "createdtime", "createdtime asc", "createdtime desc"):
        raise AzureError(400, "BadRequest", f"There is no order '{order}'.")
    if order.endswith("desc") or (newest_first and not order):
        items = items[::-1]
    wanted = call.query.get("$top") or call.query.get("count")
    if wanted is not None and (not wanted.isdecimal() or int(wanted) < 1):
        raise AzureError(400, "BadRequest", f"'{wanted}' is not a number of items.")
    return cut(call, items, min(int(wanted or PAGE), PAGE))


def cut(call: Call, items: list[dict[str, Any]], most: int) -> Answer:
    """The items from where `$skip` points, and a link to the rest."""
    start = _skipped(call.query.get("$skip"))
    end = start + most
    answer: dict[str, Any] = {"value": items[start:end]}
    if end < len(items):
        token = base64.urlsafe_b64encode(f"skip:{end}".encode()).decode()
        query = urlencode({**call.query, "$skip": token})
        answer["nextLink"] = f"{call.cloud.url}{call.id}?{query}"
    return Answer(body=answer)


def _skipped(token: str | None) -> int:
    """How many items a `$skip` passes over: our own token, or a plain number."""
    if not token:
        return 0
    if token.isdecimal():
        return int(token)
    try:
        text = base64.urlsafe_b64decode(token).decode()
        return int(text.removeprefix("skip:"))
    except (binascii.Error, ValueError):
        raise AzureError(400, "BadRequest", "The $skip token is invalid.") from None


def operation_path(cloud: Cloud, operation: Operation, noun: str) -> str:
    return (
        f"{cloud.url}/subscriptions/{cloud.subscription_id}/providers/{PROVIDER}"
        f"/locations/{cloud.location}/{noun}"
        f"/{operation.kind}:{cloud.workspace_id}:{operation.id}"
    )


def begun(call: Call, operation: Operation, *, status: int, body: Any = None) -> Answer:
    """The answer that opens a long-running operation.

    201 and 200 are a PUT's and point to the resource, 202 points to the result.
    `x-ms-retry-after-ms` sets the SDKs' polling; a Retry-After of 0 they ignore.
    """
    query = f"?api-version={call.api_version}"
    poll = operation_path(call.cloud, operation, "mfeOperationsStatus") + query
    result = operation_path(call.cloud, operation, "mfeOperationResults") + query
    return Answer(
        status=status,
        body=body,
        headers={
            "Azure-AsyncOperation": poll,
            "Location": result if status == 202 else call.cloud.url + call.id + query,
            "x-ms-async-operation-timeout": "PT1H",
            **retry_after(operation, call.now),
        },
        operation=operation.id,
    )


def retry_after(operation: Operation, now: datetime) -> dict[str, str]:
    """Poll fast while it may end any moment, slower once it is clearly a long one."""
    young = now - operation.started < timedelta(seconds=5)
    return {"x-ms-retry-after-ms": "50" if young else "250"}


def customer_id(workspace_id: str) -> str:
    """The log workspace's GUID: another than the workspace's own, and lasting."""
    return str(uuid.uuid5(uuid.UUID(workspace_id), LOG_WORKSPACE))


def to_json(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def new_guid() -> str:
    return str(uuid.uuid4())
