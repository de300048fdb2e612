"""How the gateway says no: what a caller gets when no answer of a model is at hand."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from multidict import CIMultiDict

from ops.localcloud.gateway.headers import MODEL_REASON, MODEL_STATUS

NONE: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What goes back to the caller, but for the headers that every answer has."""

    status: int
    reason: str
    body: bytes
    headers: CIMultiDict[str]


class Refused(Exception):
    """The request gets no answer of a model; `answer` says why.

    Status codes are those of Azure's table for managed endpoints
    (how-to-troubleshoot-online-endpoints), where it has one for the case.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.reason}")
        self.answer = answer


def refusal(
    status: int, reason: str, message: str, headers: Mapping[str, str] = NONE
) -> Answer:
    """An error in the shape of Azure's, its code being the reason in one word."""
    body = {"error": {"code": reason, "message": message}}
    return Answer(
        status=status,
        reason=reason,
        body=json.dumps(body).encode(),
        headers=CIMultiDict({"Content-Type": "application/json", **headers}),
    )


def unauthorized(reason: str) -> Answer:
    """401 as Azure's gateway has it: the reason alone, as plain text."""
    return Answer(
        status=401,
        reason=reason,
        body=reason.encode(),
        headers=CIMultiDict(
            {"Content-Type": "text/plain", "WWW-Authenticate": "Bearer"}
        ),
    )


def not_found() -> Answer:
    return refusal(404, "not_found", "There is nothing at this address.")


def method_not_allowed(allowed: str) -> Answer:
    return refusal(405, "method_not_allowed", f"Use {allowed}.", {"Allow": allowed})


def no_such_deployment(name: str) -> Answer:
    message = f"The endpoint has no deployment named {name!r}."
    return refusal(404, "deployment_not_found", message)


def no_positive_weight() -> Answer:
    """Azure: 404 means that no valid deployment has a positive weight."""
    message = "The endpoint has no deployment with positive traffic weight."
    return refusal(404, "no_deployment_with_traffic", message)


def unreadable() -> Answer:
    return refusal(400, "bad_request", "The request's body breaks HTTP's rules.")


def header_too_large(limit_bytes: int) -> Answer:
    """431 (RFC 6585); Azure's pages name no status of their own for it."""
    message = f"A request's headers may have {limit_bytes:,} bytes at most."
    return refusal(431, "request_header_fields_too_large", message)


def slow_head(limit_seconds: float) -> Answer:
    message = f"The request's head did not come within {limit_seconds:g} s."
    return refusal(408, "request_timeout", message)


def too_large(limit_bytes: int) -> Answer:
    message = f"A request's body may have {limit_bytes:,} bytes at most."
    return refusal(413, "request_payload_too_large", message)


def too_many(deployment: str, limit: int) -> Answer:
    """429, with the reason that Azure's own proxy gives beside it."""
    message = (
        f"{deployment} has {limit} requests in flight and takes no more: 2 x "
        "max_concurrent_requests_per_instance x instance_count."
    )
    reason = "too_many_pending_request"
    return refusal(429, reason, message, {MODEL_REASON: reason})


def too_slow(deployment: str, timeout_seconds: float) -> Answer:
    message = (
        f"{deployment} did not answer within its request_timeout_ms, "
        f"{timeout_seconds * 1000:.0f}."
    )
    return refusal(408, "request_timeout", message)


def lost(deployment: str) -> Answer:
    """The instance took the request and went away: 424, the model's status being 502.

    On a managed endpoint 502 to 504 don't occur (Azure's table has them for
    Kubernetes only): whatever a container does short of 200 is a 424.
    """
    message = f"An instance of {deployment} closed the connection without an answer."
    return refusal(
        424,
        "model_error",
        message,
        {MODEL_STATUS: "502", MODEL_REASON: "model_error"},
    )


def not_ready(deployment: str) -> Answer:
    """503: the deployment has weight or was asked for by name, and none of it is up.

    Azure's table has no row for this; 503 tells it apart from an error of the model.
    """
    message = f"No instance of {deployment} is ready."
    reason = "model_not_ready"
    return refusal(503, reason, message, {MODEL_REASON: reason})


def broken() -> Answer:
    return refusal(500, "internal_error", "The gateway failed. Its log says why.")


def client_left() -> Answer:
    """The caller is gone; only the access log will say so, with nginx's number."""
    return refusal(499, "client_closed_request", "The caller closed the connection.")
