"""Gives a request to one instance of a deployment and brings its answer back."""

import asyncio
import random
from functools import lru_cache

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from ops.localcloud.gateway.choice import fewest
from ops.localcloud.gateway.exchange import Call, Exchange
from ops.localcloud.gateway.headers import MODEL_REASON, MODEL_STATUS
from ops.localcloud.gateway.inflight import Load
from ops.localcloud.gateway.refusal import Answer, Refused, lost, not_ready
from ops.localcloud.gateway.table import Deployment, Instance


def open_session() -> aiohttp.ClientSession:
    """The one client session of the gateway; the caller closes it.

    A connection serves one request. The inference server runs gunicorn's sync worker,
    which closes after each answer anyway, and a pooled connection that a server has
    just closed would lose a POST: nobody could tell whether it had been processed, so
    it could not be sent again (RFC 9110, 9.2.2).
    """
    connector = aiohttp.TCPConnector(
        force_close=True, limit=0, use_dns_cache=False, happy_eyeballs_delay=None
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
    )


class Forwarder:
    def __init__(
        self, session: aiohttp.ClientSession, load: Load, draws: random.Random
    ) -> None:
        self._session = session
        self._load = load  # by instance id
        self._draws = draws

    async def send(
        self, deployment: Deployment, call: Call, exchange: Exchange
    ) -> Answer:
        """The model's answer; one that isn't 200 comes back as Azure's 424.

        An instance that refuses the connection has seen nothing of the request, so
        another one gets it. Once it may have been received it isn't sent again.
        """
        candidates = list(deployment.instances)
        while candidates:
            draw = self._draws.random()
            instance = fewest(candidates, self._load.counts, draw)
            try:
                with self._load.one(instance.id):
                    return await self._ask(instance, call, exchange)
            except aiohttp.ClientConnectorError:
                candidates.remove(instance)
            except aiohttp.ClientError as error:
                raise Refused(lost(deployment.name)) from error
        raise Refused(not_ready(deployment.name))

    async def _ask(self, instance: Instance, call: Call, exchange: Exchange) -> Answer:
        async with self._session.request(
            call.method,
            _url(instance.port, call.path, call.query),
            data=call.body or None,
            headers=call.headers,
            allow_redirects=False,
        ) as reply:
            exchange.answered = asyncio.get_running_loop().time()
            body = await reply.read()
        exchange.model_status = reply.status
        exchange.model_reason = reply.reason or ""
        return _answer(reply, body)


@lru_cache(maxsize=256)
def _url(port: int, path: str, query: str) -> URL:
    return URL.build(
        scheme="http",
        host="127.0.0.1",
        port=port,
        path=path,
        query_string=query,
        encoded=True,
    )


def _answer(reply: aiohttp.ClientResponse, body: bytes) -> Answer:
    """The reply as the caller gets it.

    Azure (how-to-troubleshoot-online-endpoints): when the container's response isn't
    200 the caller gets 424, with the model's status and the reason in two headers; the
    body stays the model's.
    """
    headers = CIMultiDict(reply.headers)
    if reply.status == 200:
        return Answer(status=200, reason="OK", body=body, headers=headers)
    headers[MODEL_STATUS] = str(reply.status)
    headers[MODEL_REASON] = "model_error"
    return Answer(status=424, reason="model_error", body=body, headers=headers)
