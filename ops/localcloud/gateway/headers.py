"""Which headers cross the gateway, in each direction."""

import re
from collections.abc import Set

from multidict import CIMultiDict, MultiMapping

CLIENT_REQUEST_ID = "x-ms-client-request-id"
DEPLOYMENT = "azureml-model-deployment"
MODEL_REASON = "ms-azureml-model-error-reason"
MODEL_STATUS = "ms-azureml-model-error-statuscode"
REQUEST_ID = "x-request-id"
SERVER = "azureml-frontdoor"

# RFC 9110, 7.6.1, and what each hop writes anew for the body it sends.
HOP = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
# The gateway sets these itself, or keeps them to itself.
NOT_TO_INSTANCE = HOP | {"authorization", "host", REQUEST_ID, CLIENT_REQUEST_ID}
NOT_TO_CLIENT = HOP | {"server", "date", REQUEST_ID, CLIENT_REQUEST_ID, DEPLOYMENT}

OF_NO_REQUEST_ID = re.compile(r"[^A-Za-z0-9_-]")
MAX_REQUEST_ID = 40


def client_request_id(value: str | None) -> str:
    """The id that a caller gave its request, as far as it is a valid one.

    Azure: how-to-monitor-online-endpoints allows letters, digits, hyphen and
    underscore, 40 characters at most.
    """
    return OF_NO_REQUEST_ID.sub("", value or "")[:MAX_REQUEST_ID]


def to_instance(
    given: MultiMapping[str], request_id: str, client_id: str
) -> CIMultiDict[str]:
    """The caller's headers as the instance gets them; the credential stops here.

    The inference server writes `x-request-id` to its log.
    """
    # What the Connection header names is meant for this hop too.
    named = {name.strip().lower() for name in given.get("Connection", "").split(",")}
    passed = _without(given, NOT_TO_INSTANCE | named)
    passed[REQUEST_ID] = request_id
    if client_id:
        passed[CLIENT_REQUEST_ID] = client_id
    return passed


def to_client(
    given: MultiMapping[str], deployment: str, request_id: str, client_id: str
) -> CIMultiDict[str]:
    """The headers of an answer: the instance's, and those that Azure's gateway sets."""
    passed = _without(given, NOT_TO_CLIENT)
    passed["Server"] = SERVER
    passed[REQUEST_ID] = request_id
    if deployment:
        passed[DEPLOYMENT] = deployment
    if client_id:
        passed[CLIENT_REQUEST_ID] = client_id
    return passed


def _without(given: MultiMapping[str], names: Set[str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value)
        for name, value in given.items()
        if name.lower() not in names and (value.isascii() or _is_utf8(value))
    )


def _is_utf8(value: str) -> bool:
    """Whether a header can be sent on: one with other bytes can't be written again."""
    return not any("\ud800" <= letter <= "\udfff" for letter in value)
