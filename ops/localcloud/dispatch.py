"""From an HTTP request to the handler of its route, and from refusals to errors."""

import asyncio
import errno
import hmac
import logging
import re
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from functools import cached_property
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from aiohttp import ClientError, web

from ops.localcloud import documents
from ops.localcloud.decoration import decorated
from ops.localcloud.faults import Fault
from ops.localcloud.handling import answered
from ops.localcloud.hindrance import hinder
from ops.localcloud.records import SERVICE
from ops.localcloud.services import blobs
from ops.localcloud.services.blobheaders import BlobError
from ops.localcloud.wire import (
    Answer,
    AzureError,
    Call,
    Cloud,
    envelope,
    new_guid,
    to_json,
)

log = logging.getLogger(__name__)

MOST_BYTES = 4 << 20  # Azure Resource Manager's limit on a request's body
DRILLS = "/-/drills"
MOST_NAME = 200  # characters of a caller's name
MOST_SLOW = 4  # requests that are worked on at once in threads of their own
FULL_STATUS = 507  # Insufficient Storage
FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Route:
    """A method, an ARM path with {placeholders}, and who answers.

    What is slow has threads of its own, so that nothing else waits for it.
    """

    method: str
    path: str
    handler: Callable[[Call], Answer]
    slow: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        # Azure compares ARM paths without regard to case.
        parts = re.split(r"\{(\w+)\}", self.path)
        for i in range(0, len(parts), 2):
            parts[i] = re.escape(parts[i])
        parts[1::2] = [f"(?P<{name}>[^/]+)" for name in parts[1::2]]
        return re.compile("".join(parts), re.IGNORECASE)


class Dispatcher:
    """All that is asked of the control plane, answered."""

    def __init__(self, cloud: Cloud, token: str, routes: Sequence[Route]) -> None:
        self._cloud = cloud
        self._bearer = f"Bearer {token}".encode()
        self._routes = routes
        self._threads = ThreadPoolExecutor(MOST_SLOW, "slow")

    def close(self) -> None:
        """Take no more slow requests; those in hand end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, at the time that the clock shows."""
        response = await self._respond(request)
        if not response.prepared:
            response.headers["Date"] = format_datetime(self._now(), usegmt=True)
        return response

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        """The response; for a bug a 500, whose traceback is in the log only."""
        correlation = _correlation(request)
        blob = blobs.is_blob_path(request.path, self._cloud)
        try:
            struck = self._striking(request)
            await hinder(request, self._cloud.faults, struck, late=False)
            if blob:
                response = await blobs.handle(request, self._cloud)
                response.headers.setdefault("x-ms-request-id", correlation)
            else:
                answer = await self._answer(request, correlation, struck)
                response = _response(answer, correlation, "standard")
            await hinder(request, self._cloud.faults, struck, late=True)
            return response
        except (AzureError, BlobError) as refusal:
            error: AzureError | BlobError = refusal
        except (ConnectionError, ClientError):
            log.info("%s %s: the client has gone", request.method, request.path)
            return web.Response(status=400)  # which nobody will read
        except Exception as bug:  # the last one who can still answer
            error = _failure(bug, f"{request.method} {request.path}", correlation)
        if blob:
            return _xml_error(error, correlation, self._now())
        assert isinstance(error, AzureError)
        return self._json_error(error, correlation)

    def _now(self) -> datetime:
        return self._cloud.state.clock.now()

    def _striking(self, request: web.Request) -> list[Fault]:
        """The faults that strike it; no drill can lock itself in."""
        if request.path.startswith(DRILLS):
            return []
        faults = self._cloud.faults
        return faults.striking(request.method, request.path, request.query_string)

    async def _answer(
        self, request: web.Request, correlation: str, struck: Sequence[Fault]
    ) -> Answer:
        caller = self._caller(request)
        route, names = self._find(request.method, request.rel_url.raw_path)
        call = Call(
            cloud=self._cloud,
            method=request.method,
            id=self._spelled(route, names),
            names=names,
            query=dict(request.query),
            body=await _body(request),
            headers=request.headers,
            caller=caller,
            correlation=correlation,
        )
        if not route.slow:
            answer = answered(call, route.handler, struck, lambda: self._reader(call))
            return self._decorated(answer)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, route.handler, call)

    def _decorated(self, answer: Answer) -> Answer:
        if not self._cloud.faults.decorating:
            return answer
        return replace(answer, body=decorated(answer.body))

    def _reader(self, call: Call) -> Callable[[Call], Answer] | None:
        """Who answers a GET of the same path; None where there is none."""
        for route in self._routes:
            if route.method == "GET" and route.pattern.fullmatch(call.id):
                return route.handler
        return None

    def _caller(self, request: web.Request) -> str:
        """Whom the bearer token names behind its `~`; a 401 for any other token."""
        given, _, name = request.headers.get("Authorization", "").partition("~")
        if not hmac.compare_digest(
            given.encode("utf-8", "surrogateescape"), self._bearer
        ):
            message = "The access token is missing or invalid."
            raise AzureError(401, "InvalidAuthenticationToken", message)
        return unquote(name)[:MOST_NAME] or SERVICE

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        path = path.rstrip("/")
        for route in self._routes:
            if route.method == method and (match := route.pattern.fullmatch(path)):
                names = {key: unquote(text) for key, text in match.groupdict().items()}
                self._require_place(names)
                return route, names
        message = f"localcloud does not speak {method} {path}."
        raise AzureError(501, "NotImplemented", message)

    def _require_place(self, names: dict[str, str]) -> None:
        """A 404 for any subscription, group and workspace but the one there is."""
        cloud = self._cloud
        there = {
            "subscription": cloud.subscription_id,
            "group": cloud.resource_group,
            "workspace": cloud.workspace_name,
        }
        for place, name in there.items():
            if names.get(place, name).lower() != name.lower():
                message = f"The {place} '{names[place]}' was not found."
                raise AzureError(404, "ResourceNotFound", message)
            if place in names:
                names[place] = name
        if bad := [name for name in names.values() if "/" in name or name in "..."]:
            raise AzureError(400, "BadRequest", f"'{bad[0]}' is no resource's name.")

    def _spelled(self, route: Route, names: dict[str, str]) -> str:
        return route.path.format(**names)

    def _json_error(self, error: AzureError, correlation: str) -> web.Response:
        body = envelope(error, self._cloud.location, correlation, self._now())
        headers = dict(error.headers)
        if error.status == 401:
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        answer = Answer(status=error.status, body=body, headers=headers)
        return _response(answer, correlation, "error")


def _correlation(request: web.Request) -> str:
    """The GUID that the client has chosen, else a new one."""
    try:
        return str(uuid.UUID(request.headers["x-ms-correlation-request-id"]))
    except (KeyError, ValueError):
        return new_guid()


async def _body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; {} where there is no body."""
    content = bytearray()
    async for chunk in request.content.iter_chunked(1 << 16):
        content += chunk
        if len(content) > MOST_BYTES:
            message = f"The request content exceeds {MOST_BYTES} bytes."
            raise AzureError(413, "RequestEntityTooLarge", message)
    if not content:
        return {}
    try:
        body = documents.parse(bytes(content))
    except ValueError as problem:
        message = f"The request content was not valid JSON: {problem}."
        raise AzureError(400, "InvalidRequestContent", message) from None
    if not isinstance(body, dict):
        message = "The request content must be a JSON object."
        raise AzureError(400, "InvalidRequestContent", message)
    return body


def _failure(bug: Exception, what: str, correlation: str) -> AzureError:
    """The answer to what is not the client's fault: a full disk, or a bug."""
    full = isinstance(bug, OSError) and bug.errno in FULL
    if full or (isinstance(bug, sqlite3.Error) and "full" in str(bug)):
        log.error("%s: the disk is full", what)
        message = "localcloud's disk is full; nothing was changed."
        return AzureError(FULL_STATUS, "InsufficientStorage", message)
    log.error("%s failed (%s)", what, correlation, exc_info=bug)
    message = f"localcloud has failed; its log says why under {correlation}."
    return AzureError(500, "InternalServerError", message)


def _response(answer: Answer, correlation: str, type_: str) -> web.Response:
    headers = {
        "Cache-Control": "no-cache",
        "x-ms-request-id": correlation,
        "x-ms-correlation-request-id": correlation,
        "x-ms-response-type": type_,
        **answer.headers,
    }
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    headers["Content-Type"] = "application/json; charset=utf-8"
    made = isinstance(answer.body, bytes)
    body = answer.body if made else to_json(answer.body)
    return web.Response(status=answer.status, headers=headers, body=body)


def _xml_error(
    error: AzureError | BlobError, correlation: str, now: datetime
) -> web.Response:
    """An error as blob storage says it."""
    text = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}\n"
        f"RequestId:{correlation}\nTime:{now.isoformat()}</Message></Error>"
    )
    headers = {"x-ms-error-code": error.code, "x-ms-request-id": correlation}
    headers |= getattr(error, "headers", {})
    # The blob client repeats every 5xx for minutes, and a full disk stays full.
    status = 413 if error.status == FULL_STATUS else error.status
    return web.Response(
        status=status, headers=headers, text=text, content_type="application/xml"
    )
