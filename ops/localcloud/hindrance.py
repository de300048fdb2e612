"""What faults do to a request on its way, before its work and after it."""

import asyncio
import time
from collections.abc import Iterable

from aiohttp import web

from ops.localcloud.faults import Fault, Faults
from ops.localcloud.wire import AzureError

LOOK_SECONDS = 0.02  # how late a held request notices that it is let go


async def hinder(
    request: web.BaseRequest, faults: Faults, struck: Iterable[Fault], *, late: bool
) -> None:
    """Hold, refuse or cut off a request; ConnectionError where nobody waits for it."""
    for fault in struck:
        if fault.late != late:
            continue
        match fault.do:
            case "delay":
                await _hold(request, faults, fault)
            case "status":
                code = fault.code or "InternalServerError"
                raise AzureError(fault.status, code, _reason(fault))
            case "throttle":
                seconds = str(max(round(fault.seconds), 1))
                raise AzureError(
                    *(429, "TooManyRequests", _reason(fault)),
                    headers={"Retry-After": seconds},
                )
            case "reset":
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionResetError(_reason(fault))


async def _hold(request: web.BaseRequest, faults: Faults, fault: Fault) -> None:
    """Wait; a client that gives up meanwhile has asked for nothing."""
    end = time.monotonic() + fault.seconds
    while (left := end - time.monotonic()) > 0 and faults.has(fault):
        await asyncio.sleep(min(left, LOOK_SECONDS))
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the client has gone while it was held")


def _reason(fault: Fault) -> str:
    return f"Fault {fault.number} of a drill has struck this request."
