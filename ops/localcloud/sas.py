"""Shared access signatures: who holds one may use one container until it expires."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode


def issue(key: str, container: str, *, now: datetime, lasts: timedelta) -> str:
    """A query string that may read, write, list and delete in the container."""
    fields = {
        "sv": "2021-08-06",
        "sr": "c",
        "sp": "rcwdl",
        "spr": "https",
        "se": (now + lasts).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return urlencode({**fields, "sig": _signature(key, container, fields)})


def refusal(
    key: str, container: str, query: Mapping[str, str], permission: str, now: datetime
) -> str | None:
    """Why these query parameters don't grant `permission`, or None where they do."""
    if "sig" not in query:
        return "No shared access signature was given."
    signature = _signature(key, container, query)
    if not hmac.compare_digest(query["sig"].encode(), signature.encode()):
        return "Signature did not match."
    if now >= datetime.fromisoformat(query["se"]):
        return (
            f"Signature not valid in the specified time frame: it ended {query['se']}"
        )
    if permission not in query["sp"]:
        return f"The signature does not grant permission '{permission}'."
    return None


def _signature(key: str, container: str, fields: Mapping[str, str]) -> str:
    signed = [fields.get(name, "") for name in ("sv", "sr", "sp", "spr", "se")]
    text = "\n".join([*signed, f"/blob/devstore/{container}"])
    digest = hmac.digest(key.encode(), text.encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()
