"""Microsoft.OperationalInsights: the log workspace, and the query API in front of it.

Azure: the Log Analytics query API (v1) and its swagger's examples.
"""

import gzip
import re
from dataclasses import dataclass
from typing import Any

from ops.localcloud.intervals import timespan
from ops.localcloud.kql import QueryError, Result
from ops.localcloud.logstore import Unavailable
from ops.localcloud.retention import bounds
from ops.localcloud.wire import (
    LOG_WORKSPACE,
    Answer,
    AzureError,
    Call,
    Cloud,
    new_guid,
    page,
    to_json,
)

MOST_IN_BATCH = 100
LEVEL = 1  # of gzip: fast, and still a tenth of the size
TYPE = "Microsoft.OperationalInsights/workspaces"


class Invalid(Exception):
    """A request that is refused before there is a query: code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What `Prefer` asks for."""

    seconds: float | None = None
    statistics: bool = False
    render: bool = False


def get_workspace(call: Call) -> Answer:
    if call.names["logs"].lower() != LOG_WORKSPACE:
        message = f"The Resource '{TYPE}/{call.names['logs']}' was not found."
        raise AzureError(404, "ResourceNotFound", message)
    return Answer(body=_workspace(call.cloud))


def list_workspaces(call: Call) -> Answer:
    return page(call, [_workspace(call.cloud)])


def _workspace(cloud: Cloud) -> dict[str, Any]:
    return {
        "id": cloud.log_workspace,
        "name": LOG_WORKSPACE,
        "type": TYPE,
        "location": cloud.location,
        "tags": {},
        "properties": {
            "customerId": cloud.log_customer_id,
            "provisioningState": "Succeeded",
            "sku": {"name": "PerGB2018"},
            "retentionInDays": round(bounds().days),
        },
    }


def query_workspace(call: Call) -> Answer:
    """POST /v1/workspaces/{id}/query: over everything there is."""
    try:
        _require_workspace(call.cloud, call.names["customer"])
        answer = _query(call.cloud, call.body, call.headers.get("Prefer", ""), None)
    except Invalid as refusal:
        answer = _refused(refusal)
    return _packed(call, answer)


def query_resource(call: Call) -> Answer:
    """POST /v1/{resource id}/query: over the rows of a resource and those below it."""
    scope: str | None = call.id.removeprefix("/v1").removesuffix("/query")
    if scope == call.cloud.log_workspace:
        scope = None
    try:
        answer = _query(call.cloud, call.body, call.headers.get("Prefer", ""), scope)
    except Invalid as refusal:
        answer = _refused(refusal)
    return _packed(call, answer)


def batch(call: Call) -> Answer:
    """POST /v1/$batch: up to 100 queries, each with a status of its own."""
    requests = call.body.get("requests")
    if not isinstance(requests, list) or not 0 < len(requests) <= MOST_IN_BATCH:
        message = f"requests must be a list of 1 to {MOST_IN_BATCH} queries."
        return _packed(call, _refused(Invalid(400, "BadArgumentError", message)))
    answers = []
    for number, request in enumerate(requests):
        known = request if isinstance(request, dict) else {}
        answer = _one_of_batch(call.cloud, known)
        answers.append(
            {
                "id": str(known.get("id", number)),
                "status": answer.status,
                "headers": {"Content-Type": "application/json; charset=utf-8"},
                "body": answer.body,
            }
        )
    return _packed(call, Answer(body={"responses": answers}))


def _one_of_batch(cloud: Cloud, request: dict[str, Any]) -> Answer:
    try:
        if request.get("path", "/query") != "/query":
            message = f"The path '{request['path']}' does not exist."
            raise Invalid(404, "PathNotFoundError", message)
        _require_workspace(cloud, str(request.get("workspace")))
        headers, body = request.get("headers"), request.get("body")
        headers = headers if isinstance(headers, dict) else {}
        prefer = {str(name).lower(): str(headers[name]) for name in headers}
        body = body if isinstance(body, dict) else {}
        return _query(cloud, body, prefer.get("prefer", ""), None)
    except Invalid as refusal:
        return _refused(refusal)


def _require_workspace(cloud: Cloud, name: str) -> None:
    ours = {cloud.log_customer_id, cloud.log_workspace.lower(), LOG_WORKSPACE}
    if name.lower() not in ours:
        message = f"The workspace '{name}' could not be found."
        raise Invalid(404, "WorkspaceNotFoundError", message)


def _query(
    cloud: Cloud, body: dict[str, Any], prefer: str, scope: str | None
) -> Answer:
    """Run one query of a body; raises Invalid for what is wrong about the request."""
    text = body.get("query")
    if not isinstance(text, str) or not text.strip():
        raise Invalid(400, "BadArgumentError", "The request needs a query.")
    for name in body.get("workspaces") or []:
        _require_workspace(cloud, str(name))
    now = cloud.state.clock.now()
    try:
        span = timespan(body.get("timespan"), now)
    except ValueError as problem:
        raise Invalid(400, "BadArgumentError", str(problem)) from None
    wish = preferences(prefer)
    try:
        result = cloud.store.query(
            text, now=now, timespan=span, scope=scope, seconds=wish.seconds
        )
    except QueryError as error:
        return Answer(status=_status(error), body=_explained(error))
    except Unavailable as error:
        raise Invalid(503, error.code, str(error)) from None
    return Answer(body=_told(result, wish))


def _told(result: Result, wish: Wish) -> dict[str, Any]:
    body: dict[str, Any] = {
        "tables": [
            {
                "name": table.name,
                "columns": [
                    {"name": name, "type": kind} for name, kind in table.columns
                ],
                "rows": table.rows,
            }
            for table in result.tables
        ]
    }
    if wish.statistics:
        body["statistics"] = result.statistics
    if wish.render and result.render:
        body["render"] = result.render
    if result.partial_error:
        body["error"] = result.partial_error
    return body


def _status(error: QueryError) -> int:
    return 504 if error.code == "QueryTimeout" else 400


def _explained(error: QueryError) -> dict[str, Any]:
    """A refused query: where, and in the words of the engine it is refused by."""
    inner: dict[str, Any] = {"code": error.inner_code, "message": error.message}
    if error.line is not None:
        inner |= {"line": error.line, "pos": error.position, "token": error.token}
    late = error.code == "QueryTimeout"
    return {
        "error": {
            "message": error.summary()
            if late
            else "The request had some invalid properties",
            "code": "GatewayTimeout" if late else "BadArgumentError",
            "correlationId": new_guid(),
            "innererror": {
                "code": error.code,
                "message": error.summary(),
                "innererror": inner,
            },
        }
    }


def _refused(refusal: Invalid) -> Answer:
    error = {
        "message": refusal.message,
        "code": refusal.code,
        "correlationId": new_guid(),
    }
    return Answer(status=refusal.status, body={"error": error})


def _packed(call: Call, answer: Answer) -> Answer:
    """The answer as bytes, compressed where the client takes that.

    Here, in the query's own thread: 60 MB of JSON would hold up everybody else.
    """
    content = to_json(answer.body)
    headers = {}
    if "gzip" in call.headers.get("Accept-Encoding", "") and len(content) > 1024:
        content = gzip.compress(content, LEVEL)
        headers = {"Content-Encoding": "gzip"}
    return Answer(status=answer.status, body=content, headers=headers)


def preferences(header: str) -> Wish:
    """`wait=600, include-statistics=true, include-render=true` of a Prefer header."""
    pairs = dict(
        part.strip().lower().partition("=")[::2] for part in re.split("[,;]", header)
    )
    wait = pairs.get("wait", "")
    return Wish(
        seconds=float(wait) if wait.isdecimal() and int(wait) else None,
        statistics=pairs.get("include-statistics") == "true",
        render=pairs.get("include-render") == "true",
    )
