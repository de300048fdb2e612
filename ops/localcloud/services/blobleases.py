"""Leases of blobs: who alone may write to one for a while (REST reference, Lease Blob).

They run on real time, whatever clock a drill has set: they guard real processes.
"""

import math
import uuid
from dataclasses import replace
from typing import Any

from aiohttp import web

from ops.localcloud.records import Lease
from ops.localcloud.services.blobheaders import BlobError, version
from ops.localcloud.wire import Cloud

INFINITE = -1
SHORTEST, LONGEST = 15, 60  # seconds
LEASE_ID = "x-ms-lease-id"
OTHERS = "The lease ID specified did not match the lease ID for the blob."
NONE = "There is currently no lease on the blob."


def change(
    request: web.Request, cloud: Cloud, container: str, row: dict[str, Any]
) -> web.Response:
    """Answer a PUT with comp=lease for the blob of this row."""
    held = cloud.state.lease(container, row["name"])
    now = cloud.state.clock.real()
    action = request.headers.get("x-ms-lease-action", "").lower()
    status, told = 200, version(row)
    after: Lease | None
    match action:
        case "acquire":
            status, after = 201, _acquired(held, _proposed(request), request, now)
        case "renew":
            after = _renewed(held, _sent(request), now)
        case "change":
            proposed = _proposed(request) or _lacking("x-ms-proposed-lease-id")
            after = _changed(held, _sent(request), proposed, now)
        case "release":
            _theirs(held, _sent(request))
            after = None
        case "break":
            after = _broken(held, _break_seconds(request), now)
            left = math.ceil(max((after.breaks or 0) - now, 0))
            status, told = 202, {**told, "x-ms-lease-time": str(left)}
        case _:
            raise _bad_header("x-ms-lease-action")
    cloud.state.set_lease(container, row["name"], after)
    if after and action != "break":
        told[LEASE_ID] = after.id
    return web.Response(status=status, headers=told)


def check_write(request: web.Request, held: Lease | None, now: float) -> None:
    """Refuse a write to a blob by one who does not hold its lease.

    Asked again when the content has arrived: the lease may be lost meanwhile.
    """
    sent = request.headers.get(LEASE_ID, "").lower()
    if held and held.held(now):
        if not sent:
            message = (
                "There is currently a lease on the blob and no lease ID was "
                "specified in the request."
            )
            raise BlobError(412, "LeaseIdMissing", message)
        if sent != held.id:
            raise BlobError(412, "LeaseIdMismatchWithBlobOperation", OTHERS)
    elif sent and held is None:
        raise BlobError(412, "LeaseNotPresentWithBlobOperation", NONE)
    elif sent and held and sent != held.id:
        raise BlobError(412, "LeaseIdMismatchWithBlobOperation", OTHERS)
    elif sent:
        message = "A lease ID was specified, but the lease for the blob has expired."
        raise BlobError(412, "LeaseLost", message)


def check_read(request: web.Request, held: Lease | None, now: float) -> None:
    """Anybody may read; who names a lease must hold it."""
    if LEASE_ID in request.headers:
        check_write(request, held, now)


def forget_ended(cloud: Cloud, container: str, name: str) -> None:
    """After a write a lease that is over can't be renewed any more."""
    held = cloud.state.lease(container, name)
    if held and not held.held(cloud.state.clock.real()):
        cloud.state.set_lease(container, name, None)


def facts(held: Lease | None, now: float) -> dict[str, str]:
    """A lease as the properties of a blob tell it: LeaseStatus, LeaseState, ..."""
    found = {
        "status": "locked" if held and held.held(now) else "unlocked",
        "state": held.state(now) if held else "available",
    }
    if held and found["state"] == "leased":
        found["duration"] = "infinite" if held.ends is None else "fixed"
    return found


def _acquired(
    held: Lease | None, proposed: str | None, request: web.Request, now: float
) -> Lease:
    seconds = _duration(request)
    if held and held.held(now):
        if held.id != proposed:
            message = "There is already a lease present."
            raise BlobError(409, "LeaseAlreadyPresent", message)
        _refuse_breaking(held, "acquired until it is broken", now)
    return Lease(
        id=proposed or str(uuid.uuid4()), seconds=seconds, ends=_end(seconds, now)
    )


def _renewed(held: Lease | None, sent: str, now: float) -> Lease:
    held = _theirs(held, sent)
    if held.breaks is not None:
        message = (
            "The lease ID matched, but the lease has been broken explicitly and "
            "cannot be renewed."
        )
        raise BlobError(409, "LeaseIsBrokenAndCannotBeRenewed", message)
    return replace(held, ends=_end(held.seconds, now))


def _changed(held: Lease | None, sent: str, proposed: str, now: float) -> Lease:
    if held is None or not held.held(now):
        raise BlobError(409, "LeaseNotPresentWithLeaseOperation", NONE)
    if held.id not in (sent, proposed):
        raise BlobError(409, "LeaseIdMismatchWithLeaseOperation", OTHERS)
    _refuse_breaking(held, "changed", now)
    return replace(held, id=proposed)


def _broken(held: Lease | None, seconds: int | None, now: float) -> Lease:
    """Broken at once, or when the shorter of `seconds` and what is left is over."""
    if held is None:
        raise BlobError(409, "LeaseNotPresentWithLeaseOperation", NONE)
    end = held.ends if held.breaks is None else held.breaks
    if seconds is None:
        return replace(held, breaks=now if end is None else end)
    return replace(held, breaks=min(now + seconds, math.inf if end is None else end))


def _theirs(held: Lease | None, sent: str) -> Lease:
    if held is None:
        raise BlobError(409, "LeaseNotPresentWithLeaseOperation", NONE)
    if held.id != sent:
        raise BlobError(409, "LeaseIdMismatchWithLeaseOperation", OTHERS)
    return held


def _refuse_breaking(held: Lease, what: str, now: float) -> None:
    if held.state(now) == "breaking":
        message = (
            "The lease ID matched, but the lease is currently in breaking state and "
            f"cannot be {what}."
        )
        code = f"LeaseIsBreakingAndCannotBe{what.split()[0].title()}"
        raise BlobError(409, code, message)


def _end(seconds: int, now: float) -> float | None:
    return None if seconds == INFINITE else now + seconds


def _duration(request: web.Request) -> int:
    text = request.headers.get("x-ms-lease-duration") or _lacking("x-ms-lease-duration")
    allowed = [INFINITE, *range(SHORTEST, LONGEST + 1)]
    if text not in map(str, allowed):
        raise _bad_header("x-ms-lease-duration")
    return int(text)


def _break_seconds(request: web.Request) -> int | None:
    text = request.headers.get("x-ms-lease-break-period")
    if text is not None and text not in map(str, range(LONGEST + 1)):
        raise _bad_header("x-ms-lease-break-period")
    return None if text is None else int(text)


def _sent(request: web.Request) -> str:
    return (request.headers.get(LEASE_ID) or _lacking(LEASE_ID)).lower()


def _proposed(request: web.Request) -> str | None:
    text = request.headers.get("x-ms-proposed-lease-id")
    try:
        return None if text is None else str(uuid.UUID(text))
    except ValueError:
        raise _bad_header("x-ms-proposed-lease-id") from None


def _bad_header(name: str) -> BlobError:
    message = (
        f"The value for one of the HTTP headers is not in the correct format: {name}."
    )
    return BlobError(400, "InvalidHeaderValue", message)


def _lacking(name: str) -> str:
    message = (
        f"An HTTP header that's mandatory for this request is not specified: {name}."
    )
    raise BlobError(400, "MissingRequiredHeader", message)
