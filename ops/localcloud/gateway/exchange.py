"""One request on its way through the gateway: what is forwarded, what is noted."""

from dataclasses import dataclass

from multidict import CIMultiDict

from ops.localcloud.gateway.table import Endpoint

LIVE, MIRROR = "score", "mirror"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request as an instance gets it, live or as a copy."""

    method: str
    path: str  # below the endpoint: "/score"
    query: str
    headers: CIMultiDict[str]
    body: bytes


@dataclass(kw_only=True, slots=True)
class Exchange:
    """What the access log will say of a request; filled in as it becomes known.

    Times are seconds of the event loop's clock; None: it didn't come to that.
    """

    endpoint: Endpoint
    method: str
    path: str
    protocol: str
    user_agent: str
    client_request_id: str
    request_id: str
    started: float
    operation: str = LIVE
    deployment: str = ""
    identity: str = ""
    received: float | None = None  # last byte of the request
    answered: float | None = None  # first byte of the model's answer
    request_size: int = 0
    model_status: int | None = None
    model_reason: str = ""


def copy_of(live: Exchange, deployment: str, started: float) -> Exchange:
    """A mirrored request: the live one's ids, and times of its own."""
    return Exchange(
        endpoint=live.endpoint,
        method=live.method,
        path=live.path,
        protocol=live.protocol,
        user_agent=live.user_agent,
        client_request_id=live.client_request_id,
        request_id=live.request_id,
        started=started,
        operation=MIRROR,
        deployment=deployment,
        identity=live.identity,
        received=started,
        request_size=live.request_size,
    )
