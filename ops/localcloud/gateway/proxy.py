"""The edge of the gateway: which request is whose, and what every response carries."""

import asyncio
import hmac
import json
import logging
import re
import uuid

from aiohttp import web
from multidict import CIMultiDict

from ops.localcloud.gateway import refusal
from ops.localcloud.gateway.exchange import Exchange
from ops.localcloud.gateway.headers import (
    CLIENT_REQUEST_ID,
    client_request_id,
    to_client,
)
from ops.localcloud.gateway.inflight import Load
from ops.localcloud.gateway.refusal import Answer
from ops.localcloud.gateway.scoring import Scoring
from ops.localcloud.gateway.table import Endpoint, Follower, Table

log = logging.getLogger(__name__)

# Matched against the path as it came, so that no escape or ".." leads anywhere else.
ADDRESS = re.compile(r"/([A-Za-z][-A-Za-z0-9]{0,63})(/(?:score|swagger\.json)?)")
ADMIN = "/-/gateway"


class Gateway:
    """Answers every request to the server, and knows when none is left."""

    def __init__(
        self, *, follower: Follower, scoring: Scoring, load: Load, admin_token: str
    ) -> None:
        self._follower = follower
        self._scoring = scoring
        self._load = load  # by instance id
        self._admin_token = admin_token.encode()
        self._clock = asyncio.get_running_loop().time
        self._active = 0
        self._idle = asyncio.Event()
        self._closing = False

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._active += 1
        try:
            response = await self._handle(request)
        finally:
            self._active -= 1
            if self._closing and not self._active:
                self._idle.set()
        if self._closing:
            response.force_close()
        return response

    async def drain(self, seconds: float) -> None:
        """Return when nothing is in flight any more, or after `seconds`.

        Connections that callers keep open are closed with their next answer.
        """
        self._closing = True
        try:
            async with asyncio.timeout(seconds):
                while self._active:
                    self._idle.clear()
                    await self._idle.wait()
                await self._scoring.copies_done()
        except TimeoutError:
            log.warning("stopped with %s requests in flight", self._active)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        table = self._follower.current()
        path, _, query = request.raw_path.partition("?")
        if path == ADMIN:
            return self._admin(request, table)
        address = ADDRESS.fullmatch(path)
        endpoint = table.endpoints.get(address[1].lower()) if address else None
        if not address or not endpoint:
            # No row either: on Azure such a host name doesn't even resolve.
            return _response(refusal.not_found(), CIMultiDict())
        exchange = self._exchange(request, endpoint, address[2])
        answer = await self._scoring.answer(request, query, exchange)
        return _response(
            answer,
            to_client(
                answer.headers,
                exchange.deployment,
                exchange.request_id,
                exchange.client_request_id,
            ),
        )

    def _exchange(
        self, request: web.BaseRequest, endpoint: Endpoint, path: str
    ) -> Exchange:
        headers, version = request.headers, request.version
        return Exchange(
            endpoint=endpoint,
            method=request.method,
            path=path,
            protocol=f"HTTP/{version.major}.{version.minor}",
            user_agent=headers.get("User-Agent", ""),
            client_request_id=client_request_id(headers.get(CLIENT_REQUEST_ID)),
            request_id=str(uuid.uuid4()),
            started=self._clock(),
        )

    def _admin(self, request: web.BaseRequest, table: Table) -> web.Response:
        """Which table is in force, and what each instance has in flight.

        Without the token of gateway.json there is nothing at this address.
        """
        given = request.headers.get("Authorization", "")
        wanted = b"Bearer " + self._admin_token
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted):
            return _response(refusal.not_found(), CIMultiDict())
        body = {"version": table.version, "in_flight": self._load.counts}
        return web.Response(text=json.dumps(body), content_type="application/json")


def _response(answer: Answer, headers: CIMultiDict[str]) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers=headers)
