"""Reads the body of a request, up to a limit."""

from aiohttp import HttpVersion11, web

from ops.localcloud.gateway import refusal
from ops.localcloud.gateway.refusal import Refused

# Azure's pages know a 413 but give no figure that holds today; ours bounds memory.
BODY_BYTES = 10 * 1024 * 1024


async def receive(request: web.BaseRequest) -> bytes:
    """The whole body as it came (compressed, if it was); Refused when there is none.

    A body whose announced length is too large isn't read at all.
    """
    if (request.content_length or 0) > BODY_BYTES:
        raise Refused(refusal.too_large(BODY_BYTES))
    if request.headers.get("Expect", "").lower() == "100-continue":
        await _continue(request)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise Refused(refusal.too_large(BODY_BYTES)) from error
    except web.RequestPayloadError as error:
        raise Refused(refusal.unreadable()) from error
    except ConnectionError as error:
        raise Refused(refusal.client_left()) from error


async def _continue(request: web.BaseRequest) -> None:
    """Tell a caller that waits for it (curl, above 1 MB) to send the body."""
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the response proper hasn't begun
