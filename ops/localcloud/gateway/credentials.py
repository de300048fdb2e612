"""Who may score: the Authorization header against what its endpoint accepts."""

import hmac
from dataclasses import dataclass
from datetime import datetime

import jwt

from ops.localcloud.gateway.table import Endpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    reason: str  # empty: let in
    identity: str = ""  # the caller's object id, where a token names one


def authenticate(endpoint: Endpoint, header: str | None, now: datetime) -> Verdict:
    """Judge an Authorization header by the endpoint's auth_mode.

    The `key_auth_` reasons are the texts that Azure's gateway is known to answer
    (MicrosoftDocs/azure-docs issue 98265); those of tokens are named after them.
    """
    kind = "key" if endpoint.auth_mode == "Key" else "token"
    scheme, _, credential = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        return Verdict(reason=f"{kind}_auth_bad_header_forbidden")
    if endpoint.auth_mode == "AMLToken":
        return _token(endpoint, credential.strip(), now)
    if endpoint.auth_mode == "AADToken":
        # The control plane's token, behind whose `~` the caller may have a name.
        credential = credential.partition("~")[0]
    if _accepted(endpoint.credentials, credential.strip()):
        return Verdict(reason="")
    return Verdict(reason=f"{kind}_auth_access_denied")


def _accepted(credentials: tuple[bytes, ...], credential: str) -> bool:
    """Compare with each in constant time: how long it takes must tell nothing."""
    given = credential.encode("utf-8", "surrogateescape")
    accepted = False
    for one in credentials:
        accepted |= hmac.compare_digest(one, given)
    return accepted and given != b""


def _token(endpoint: Endpoint, token: str, now: datetime) -> Verdict:
    """Judge an Azure ML token: signed with our secret, for this endpoint, not expired.

    Azure: concept-endpoints-online-auth. `exp` is held against `now` here, for PyJWT
    knows the system's clock only.
    """
    try:
        claims = jwt.decode(
            token,
            endpoint.token_secret,
            algorithms=["HS256"],
            audience="azureml",
            issuer="azureml",
            options={"require": ["exp", "endpointName"], "verify_exp": False},
        )
    except (jwt.InvalidTokenError, UnicodeError):
        return Verdict(reason="token_auth_access_denied")
    expiry, name = claims["exp"], claims["endpointName"]
    if not isinstance(expiry, int) or not isinstance(name, str):
        return Verdict(reason="token_auth_access_denied")
    if name.lower() != endpoint.name.lower():
        return Verdict(reason="token_auth_access_denied")
    if expiry <= now.timestamp():
        return Verdict(reason="token_auth_expired")
    return Verdict(reason="", identity=str(claims.get("oid", "")))
