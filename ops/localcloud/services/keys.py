"""How callers of an endpoint prove who they are: two keys, or tokens that expire."""

import secrets

from ops.localcloud.records import Resource
from ops.localcloud.wire import (
    PROVIDER,
    Answer,
    AzureError,
    Call,
    begun,
    existing,
    refuse_while_deleting,
)

TYPE = "onlineEndpoints"
TOKEN_SECONDS = 12 * 3600
KEYS = {"Primary": "primaryKey", "Secondary": "secondaryKey"}


def list_keys(call: Call) -> Answer:
    endpoint = existing(call, TYPE)
    _require_mode(endpoint, "Key", "has no keys")
    found = {name: call.state.secret(endpoint.id, name) for name in KEYS.values()}
    return Answer(body=found)


def regenerate_keys(call: Call) -> Answer:
    """Replace one key: by `keyValue`, or by a new one where that changes nothing.

    The SDK sends the present key as keyValue when it wants another one.
    """
    endpoint = existing(call, TYPE)
    refuse_while_deleting(endpoint)
    _require_mode(endpoint, "Key", "has no keys")
    name = KEYS.get(str(call.body.get("keyType")).capitalize())
    if name is None:
        raise AzureError(400, "BadRequest", "keyType must be Primary or Secondary.")
    value = call.body.get("keyValue")
    if value is not None and not isinstance(value, str):
        raise AzureError(400, "BadRequest", "keyValue must be a string.")
    old = [call.state.secret(endpoint.id, known) for known in KEYS.values()]
    with call.state.transaction():
        new = value if value and value not in old else secrets.token_hex(32)
        call.state.set_secret(endpoint.id, name, new)
        operation = call.state.begin("oe", endpoint)
    call.cloud.ring()
    return begun(call, operation, status=202)


def token(call: Call) -> Answer:
    """A signed token that is good for 12 hours, for endpoints in AMLToken mode."""
    import jwt  # only this verb needs it

    endpoint = existing(call, TYPE)
    _require_mode(endpoint, "AMLToken", "issues no tokens")
    now = int(call.now.timestamp())
    claims = {
        "canRefresh": "False",
        "workspaceId": call.cloud.workspace_id,
        "tid": call.cloud.subscription_id,
        "oid": call.cloud.workspace_id,
        "actions": f'["{PROVIDER}/workspaces/onlineEndpoints/score/action"]',
        "endpointName": endpoint.name,
        "serviceId": endpoint.name,
        "exp": now + TOKEN_SECONDS,
        "iss": "azureml",
        "aud": "azureml",
    }
    secret = call.state.secret(endpoint.id, "tokenSecret") or ""
    return Answer(
        body={
            "accessToken": jwt.encode(claims, secret, algorithm="HS256"),
            "tokenType": "Bearer",
            "expiryTimeUtc": now + TOKEN_SECONDS,
            "refreshAfterTimeUtc": now + TOKEN_SECONDS // 2,
        }
    )


def _require_mode(endpoint: Resource, mode: str, otherwise: str) -> None:
    if (found := endpoint.properties["authMode"]) != mode:
        message = f"Endpoint '{endpoint.name}' is in auth mode {found}: it {otherwise}."
        raise AzureError(400, "BadRequest", message)
