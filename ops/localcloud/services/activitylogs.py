"""Microsoft.Insights/eventtypes: who did what on a resource (2015-04-01).

Azure: activity-log-schema, "Administrative category". A change is two events, Started
and its outcome; a long-running one is Accepted first, and a third event says how it
ended. Reads leave no event.
"""

import base64
import binascii
import json
import re
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from ops.localcloud.activity import Recorded
from ops.localcloud.wire import Answer, AzureError, Call, new_guid

PAGE = 200
VERBS = {"PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}
TELLING = ("listsecrets", "listkeys", "token", "getlogs")
CLAUSE = re.compile(r"(\w+) (ge|le|eq) '([^']*)'")
EXACT = ("resourceUri", "resourceGroupName", "resourceProvider", "correlationId")
EPOCH = datetime(1, 1, 1, tzinfo=UTC)  # of the ticks in an event's id


def is_change(call: Call) -> bool:
    """Whether it is one of the requests that Azure keeps in the activity log."""
    return call.method in VERBS and call.id.startswith("/subscriptions/")


def only_tells(call: Call) -> bool:
    """Whether it is an action that answers with something and changes nothing."""
    return call.method == "POST" and call.id.rsplit("/", 1)[1].lower() in TELLING


def record(call: Call, began: datetime, outcome: Answer | AzureError) -> None:
    """Keep the two events of a change that was answered just now."""
    add, resource = call.state.activity.add, _resource(call)
    start = _event(call, began, status="Started", http_status=0)
    now = max(call.now, began)
    if isinstance(outcome, AzureError):
        error = {"code": outcome.code, "message": outcome.message}
        add(began, resource, start)
        end = _event(call, now, status="Failed", http_status=outcome.status)
        add(now, resource, _failed(end, error))
        return
    operation = outcome.operation
    status = "Accepted" if operation else "Succeeded"
    add(began, resource, start)
    end = _event(call, now, status=status, http_status=outcome.status)
    add(now, resource, end, operation)


def list_events(call: Call) -> Answer:
    """The events that $filter asks for, newest first, as far as $select wants them."""
    asked = _asked(call.query.get("$filter", ""))
    until, skip = _cursor(call)
    start = _moment(asked["ge"])
    end = min(_moment(asked["le"]), until) if "le" in asked else until
    found = [
        event
        for each in call.state.activity.between(
            start, end, asked.get("resourceUri", "")
        )
        if _matches(event := _told(each), asked)
    ]
    body: dict[str, Any] = {
        "value": [_selected(call, event) for event in found[skip : skip + PAGE]]
    }
    if skip + PAGE < len(found):
        mark = f"{end.isoformat()}|{skip + PAGE}".encode()
        token = base64.urlsafe_b64encode(mark).decode()
        query = urlencode({**call.query, "$skiptoken": token})
        body["nextLink"] = f"{call.cloud.url}{call.id}?{query}"
    return Answer(body=body)


def _event(
    call: Call, at: datetime, *, status: str, http_status: int
) -> dict[str, Any]:
    resource, operation = _resource(call), _operation_name(call)
    name = "BeginRequest" if status == "Started" else "EndRequest"
    kind = operation.removesuffix("/action").rsplit("/", 1)[0]
    event = {
        "authorization": {"action": operation, "scope": resource},
        "caller": call.caller,
        "channels": "Operation",
        "claims": {},
        "correlationId": call.correlation,
        "description": "",
        "eventName": _pair(name, f"{name[:-7]} request"),
        "category": _pair("Administrative"),
        "httpRequest": {
            "clientRequestId": call.headers.get("x-ms-client-request-id", ""),
            "clientIpAddress": "127.0.0.1",
            "method": call.method,
            "uri": f"{call.cloud.url}{call.id}",
        },
        "level": "Informational",
        "resourceGroupName": call.cloud.resource_group,
        "resourceProviderName": _pair(kind.split("/")[0]),
        "resourceType": _pair(kind),
        "resourceId": resource,
        "operationId": call.correlation,
        "operationName": _pair(operation),
        "properties": {
            "eventCategory": "Administrative",
            "entity": resource,
            "message": operation,
        },
        "subscriptionId": call.cloud.subscription_id,
    }
    return _stamped(event, new_guid(), at, status, http_status)


def _stamped(
    event: dict[str, Any], id_: str, at: datetime, status: str, http_status: int
) -> dict[str, Any]:
    """The event as another one: of this id, time and outcome."""
    properties = dict(event["properties"])
    sub = _pair("")
    if http_status:
        code = _status_code(http_status)
        properties["statusCode"] = code
        sub = _pair(code, f"{code} (HTTP Status Code: {http_status})")
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
    ticks = int((at - EPOCH).total_seconds() * 10_000_000)
    return {
        **event,
        "eventDataId": id_,
        "id": f"{event['resourceId']}/events/{id_}/ticks/{ticks}",
        "status": _pair(status),
        "subStatus": sub,
        "eventTimestamp": stamp,
        "submissionTimestamp": stamp,
        "properties": properties,
    }


def _failed(event: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    message = json.dumps({"error": error})
    properties = {**event["properties"], "statusMessage": message}
    return {**event, "level": "Error", "properties": properties}


def _told(recorded: Recorded) -> dict[str, Any]:
    """The event as it was kept, or the one that its operation's end has become."""
    if not recorded.ended:
        return recorded.event
    id_ = str(uuid.uuid5(uuid.UUID(recorded.event["eventDataId"]), recorded.ended))
    if recorded.ended == "Succeeded":
        return _stamped(recorded.event, id_, recorded.at, "Succeeded", 200)
    code = {"code": "OperationCanceled", "message": "A later operation has begun."}
    status = 409 if recorded.ended == "Canceled" else 400
    event = _stamped(recorded.event, id_, recorded.at, "Failed", status)
    return _failed(event, recorded.error or code)


def _resource(call: Call) -> str:
    """The resource that is acted on: a POST's path has the action behind it."""
    return call.id.rsplit("/", 1)[0] if call.method == "POST" else call.id


def _operation_name(call: Call) -> str:
    """The RBAC operation, such as Microsoft.X/workspaces/onlineEndpoints/write."""
    provider, *parts = call.id.rsplit("/providers/", 1)[1].split("/")
    names = [provider, *parts[::2], VERBS[call.method]]
    return "/".join(names)


def _status_code(http_status: int) -> str:
    """Such as NotFound: the names that .NET gives them."""
    if http_status == HTTPStatus.OK:
        return "OK"
    return HTTPStatus(http_status).phrase.title().replace(" ", "")


def _pair(value: str, shown: str | None = None) -> dict[str, str]:
    return {"value": value, "localizedValue": value if shown is None else shown}


def _asked(text: str) -> dict[str, str]:
    """The clauses of $filter; a 400 for any that the service doesn't take."""
    asked = {}
    for part in re.split(r"\s+and\s+", text.strip()) if text.strip() else []:
        clause = CLAUSE.fullmatch(part.strip())
        name, how, value = clause.groups() if clause else ("", "", "")
        if name == "eventTimestamp" and how != "eq":
            asked[how] = value
        elif name in EXACT and how == "eq":
            asked[name] = value
        else:
            raise AzureError(400, "BadRequest", f"$filter can't ask for '{part}'.")
    if "ge" not in asked:
        message = "$filter needs the start of the time: eventTimestamp ge '...'."
        raise AzureError(400, "BadRequest", message)
    return asked


def _matches(event: dict[str, Any], asked: dict[str, str]) -> bool:
    found = {
        "resourceUri": event["resourceId"],
        "resourceGroupName": event["resourceGroupName"],
        "resourceProvider": event["resourceProviderName"]["value"],
        "correlationId": event["correlationId"],
    }
    return all(
        found[name].lower() == asked[name].lower() for name in EXACT if name in asked
    )


def _selected(call: Call, event: dict[str, Any]) -> dict[str, Any]:
    wanted = [name.strip() for name in call.query.get("$select", "").split(",")]
    if wanted == [""]:
        return event
    if unknown := [name for name in wanted if name not in event]:
        message = f"$select can't ask for '{unknown[0]}'."
        raise AzureError(400, "BadRequest", message)
    return {name: event[name] for name in wanted}


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"'{text}' is no time of the form 2026-11-25T00:00:00Z."
        raise AzureError(400, "BadRequest", message) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _cursor(call: Call) -> tuple[datetime, int]:
    """Up to when, so that pages stay as they are, and how many events are past."""
    token = call.query.get("$skiptoken")
    if not token:
        return call.now, 0
    try:
        until, _, skip = base64.urlsafe_b64decode(token).decode().partition("|")
        return datetime.fromisoformat(until), int(skip)
    except (binascii.Error, ValueError):
        message = "The $skiptoken is invalid."
        raise AzureError(400, "BadRequest", message) from None
