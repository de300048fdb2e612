"""The way of a scoring request: who asks, which deployment, may it, what came back."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime

from ops.localcloud.gateway import refusal
from ops.localcloud.gateway.accesslog import AccessLog
from ops.localcloud.gateway.choice import choose, mirrored
from ops.localcloud.gateway.credentials import authenticate
from ops.localcloud.gateway.exchange import Call, Exchange, copy_of
from ops.localcloud.gateway.forward import Forwarder
from ops.localcloud.gateway.headers import DEPLOYMENT, to_instance
from ops.localcloud.gateway.inflight import Load
from ops.localcloud.gateway.refusal import Answer, Refused
from ops.localcloud.gateway.request import Request
from ops.localcloud.gateway.table import Deployment, Endpoint

log = logging.getLogger(__name__)

# What the inference server offers: scoring, its description, and whether it is alive.
METHODS = {"/score": ("POST", "GET"), "/swagger.json": ("GET",), "/": ("GET",)}


class Scoring:
    """Answers requests to endpoints, and writes the row of each."""

    def __init__(
        self,
        *,
        forwarder: Forwarder,
        access_log: AccessLog,
        draws: random.Random,
        now: Callable[[], datetime],
    ) -> None:
        self._forwarder = forwarder
        self._access_log = access_log
        self._draws = draws
        self._now = now  # when tokens expire
        self._load = Load()  # by "endpoint/deployment"
        self._clock = asyncio.get_running_loop().time
        self._copies: set[asyncio.Task[Answer]] = set()

    async def answer(self, request: Request, query: str, exchange: Exchange) -> Answer:
        return await self._noted(exchange, self._live(request, query, exchange))

    async def copies_done(self) -> None:
        """Return when no mirrored request is in flight any more."""
        while self._copies:
            await asyncio.wait(self._copies)

    async def _noted(
        self, exchange: Exchange, work: Coroutine[None, None, Answer]
    ) -> Answer:
        """What the work comes to. Its row is written before the caller hears of it."""
        try:
            answer = await work
        except Refused as refused:
            answer = refused.answer
        except Exception:  # the edge of the process: a bug fails one request only
            log.exception("request %s failed", exchange.request_id)
            answer = refusal.broken()
        except asyncio.CancelledError:
            answer = refusal.client_left()
            raise
        finally:
            self._access_log.write(exchange, answer, self._clock())
        return answer

    async def _live(self, request: Request, query: str, exchange: Exchange) -> Answer:
        self._let_in(request, exchange)
        pinned = request.headers.get(DEPLOYMENT, "")
        deployment = self._route(exchange, pinned)
        with self._place(deployment, exchange) as time:
            async with time:
                body = await request.body()
                exchange.received, exchange.request_size = self._clock(), len(body)
                call = Call(
                    method=request.method,
                    path=exchange.path,
                    query=query,
                    headers=to_instance(
                        request.headers, exchange.request_id, exchange.client_request_id
                    ),
                    body=body,
                )
                try:
                    return await self._forwarder.send(deployment, call, exchange)
                finally:
                    if not pinned and exchange.path == "/score":
                        self._mirror(call, exchange)

    def _let_in(self, request: Request, exchange: Exchange) -> None:
        credential = request.headers.get("Authorization")
        verdict = authenticate(exchange.endpoint, credential, self._now())
        if verdict.reason:
            raise Refused(refusal.unauthorized(verdict.reason))
        exchange.identity = verdict.identity
        methods = METHODS[exchange.path]
        if request.method not in methods:
            raise Refused(refusal.method_not_allowed(", ".join(methods)))

    def _route(self, exchange: Exchange, pinned: str) -> Deployment:
        """The deployment that the caller asked for, else one by traffic weight.

        Azure: how-to-safely-rollout-online-endpoints (the header bypasses traffic).
        A deployment that has weight and nothing to serve it fails its share.
        """
        endpoint = exchange.endpoint
        if pinned and pinned not in endpoint.deployments:
            raise Refused(refusal.no_such_deployment(pinned))
        name = pinned or choose(endpoint.traffic, self._draws.random())
        if name is None:
            raise Refused(refusal.no_positive_weight())
        exchange.deployment = name
        if name not in endpoint.deployments:
            raise Refused(refusal.not_ready(name))
        return endpoint.deployments[name]

    @contextmanager
    def _place(
        self, deployment: Deployment, exchange: Exchange
    ) -> Iterator[asyncio.Timeout]:
        """A place among the deployment's requests in flight, and the time it has.

        The time runs from the request's start, so a slow upload counts.
        """
        if not deployment.instances:
            raise Refused(refusal.not_ready(deployment.name))
        key = _key(exchange.endpoint, deployment)
        if self._load.of(key) >= deployment.limit:
            raise Refused(refusal.too_many(deployment.name, deployment.limit))
        seconds = deployment.timeout_seconds
        try:
            with self._load.one(key):
                yield asyncio.timeout_at(exchange.started + seconds)
        except TimeoutError as error:
            raise Refused(refusal.too_slow(deployment.name, seconds)) from error

    def _mirror(self, call: Call, exchange: Exchange) -> None:
        """Send a copy if the draw falls so, now that the live answer is at hand.

        Azure: how-to-safely-rollout-online-endpoints (the answers are dropped).
        """
        endpoint = exchange.endpoint
        name = mirrored(endpoint.mirror, self._draws.random())
        if name is None or name not in endpoint.deployments:
            return
        copy = copy_of(exchange, name, self._clock())
        work = self._copied(endpoint.deployments[name], call, copy)
        task = asyncio.create_task(self._noted(copy, work))
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)

    async def _copied(
        self, deployment: Deployment, call: Call, exchange: Exchange
    ) -> Answer:
        with self._place(deployment, exchange) as time:
            async with time:
                return await self._forwarder.send(deployment, call, exchange)


def _key(endpoint: Endpoint, deployment: Deployment) -> str:
    return f"{endpoint.name}/{deployment.name}"
