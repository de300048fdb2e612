"""The edge of the gateway: which request is whose, and what every response carries."""

import asyncio
import hmac
import json
import logging
import re
import uuid

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
from ops.localcloud.gateway.request import Request
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
        self.closing = False

    async def handle(self, request: Request) -> Answer:
        self._active += 1
        try:
            return await self._handle(request)
        finally:
            self._active -= 1
            if self.closing and not self._active:
                self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Return when nothing is in flight any more, or after `seconds`.

        Connections that callers keep open are closed with their next answer.
        """
        self.closing = True
        try:
            async with asyncio.timeout(seconds):
                while self._active:
                    self._idle.clear()
                    await self._idle.wait()
                await self._scoring.copies_done()
        except TimeoutError:
            log.warning("stopped with %s requests in flight", self._active)

    async def _handle(self, request: Request) -> Answer:
        table = self._follower.current()
        path, _, query = request.target.partition("?")
        if path == ADMIN:
            return self._admin(request, table)
        address = ADDRESS.fullmatch(path)
        endpoint = table.endpoints.get(address[1].lower()) if address else None
        if not address or not endpoint:
            # No row either: on Azure such a host name doesn't even resolve.
            return refusal.not_found()
        exchange = self._exchange(request, endpoint, address[2])
        answer = await self._scoring.answer(request, query, exchange)
        headers = to_client(
            answer.headers,
            exchange.deployment,
            exchange.request_id,
            exchange.client_request_id,
        )
        return Answer(
            status=answer.status,
            reason=answer.reason,
            body=answer.body,
            headers=headers,
        )

    def _exchange(self, request: Request, endpoint: Endpoint, path: str) -> Exchange:
        headers = request.headers
        return Exchange(
            endpoint=endpoint,
            method=request.method,
            path=path,
            protocol=f"HTTP/{request.version}",
            user_agent=headers.get("User-Agent", ""),
            client_request_id=client_request_id(headers.get(CLIENT_REQUEST_ID)),
            request_id=str(uuid.uuid4()),
            started=self._clock(),
        )

    def _admin(self, request: Request, table: Table) -> Answer:
        """Which table is in force, and what each instance has in flight.

        Without the token of gateway.json there is nothing at this address.
        """
        given = request.headers.get("Authorization", "")
        wanted = b"Bearer " + self._admin_token
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted):
            return refusal.not_found()
        body = {"version": table.version, "in_flight": self._load.counts}
        return Answer(
            status=200,
            reason="OK",
            body=json.dumps(body).encode(),
            headers=CIMultiDict({"Content-Type": "application/json"}),
        )
