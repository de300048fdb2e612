"""Gives a request to one instance of a deployment and brings its answer back."""

import asyncio
import random

from ops.localcloud.gateway import upstream
from ops.localcloud.gateway.choice import fewest
from ops.localcloud.gateway.exchange import Call, Exchange
from ops.localcloud.gateway.headers import MODEL_REASON, MODEL_STATUS
from ops.localcloud.gateway.inflight import Load
from ops.localcloud.gateway.refusal import Answer, Refused, lost, not_ready
from ops.localcloud.gateway.table import Deployment
from ops.localcloud.gateway.upstream import Lost, Reply, Unreachable


class Forwarder:
    def __init__(self, load: Load, draws: random.Random) -> None:
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
                    if instance.delay_seconds:
                        await asyncio.sleep(instance.delay_seconds)
                    reply = await upstream.ask(instance.port, call)
            except Unreachable:
                candidates.remove(instance)
            except Lost as error:
                raise Refused(lost(deployment.name)) from error
            else:
                return _answer(reply, exchange)
        raise Refused(not_ready(deployment.name))


def _answer(reply: Reply, exchange: Exchange) -> Answer:
    """The reply as the caller gets it, and what the row will say of it.

    Azure (how-to-troubleshoot-online-endpoints): when the container's response isn't
    200 the caller gets 424, with the model's status and the reason in two headers; the
    body stays the model's.
    """
    exchange.answered = reply.began
    exchange.model_status = reply.status
    exchange.model_reason = reply.reason
    headers = reply.headers
    if reply.status == 200:
        return Answer(status=200, reason="OK", body=reply.body, headers=headers)
    headers[MODEL_STATUS] = str(reply.status)
    headers[MODEL_REASON] = "model_error"
    return Answer(status=424, reason="model_error", body=reply.body, headers=headers)
