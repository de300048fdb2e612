"""A request of a caller: its head is there, its body comes when it is asked for."""

import asyncio
from collections.abc import Callable

from multidict import CIMultiDict

from ops.localcloud.gateway import refusal
from ops.localcloud.gateway.refusal import Refused

# Azure's pages know a 413 but give no figure that holds today; ours bounds memory.
BODY_BYTES = 10 * 1024 * 1024


class Request:
    def __init__(
        self,
        *,
        method: str,
        target: str,
        version: str,
        headers: CIMultiDict[str],
        keep_alive: bool,
        go_on: Callable[[], None],
    ) -> None:
        self.method = method
        self.target = target  # as it came, with its query
        self.version = version  # "1.1"
        self.headers = headers
        self.keep_alive = keep_alive  # another may follow on its connection
        self.whole = False  # its last byte has come
        self._go_on = go_on  # tells a caller that waits for it to send the body
        self._parts: list[bytes] | None = []  # None: what still comes is dropped
        self._size = 0
        self._refused: Refused | None = None
        self._coming: asyncio.Future[None] | None = None  # somebody waits

    async def body(self) -> bytes:
        """The whole body as it came (compressed, if it was); Refused without one.

        A body whose announced length is too large isn't waited for.
        """
        if int(self.headers.get("Content-Length", 0)) > BODY_BYTES:
            raise Refused(refusal.too_large(BODY_BYTES))
        if not self.whole and not self._refused:
            if self.headers.get("Expect", "").lower() == "100-continue":
                self._go_on()  # curl waits, above 1 MB
            self._coming = asyncio.get_running_loop().create_future()
            await self._coming
        if self._refused:
            raise self._refused
        return b"".join(self._parts or ())

    def drop(self) -> None:
        """Keep nothing of what still comes."""
        self._parts = None

    def feed(self, part: bytes) -> None:
        if self._parts is None:
            return
        self._size += len(part)
        if self._size > BODY_BYTES:
            self._refuse(refusal.too_large(BODY_BYTES))
        else:
            self._parts.append(part)

    def end(self) -> None:
        self.whole = True
        self._tell()

    def spoil(self, answer: refusal.Answer) -> None:
        """What comes can't be read, so that the rest of the body won't be known."""
        self._refuse(answer)
        self.whole = True

    def _refuse(self, answer: refusal.Answer) -> None:
        self._refused = Refused(answer)
        self.drop()
        self._tell()

    def _tell(self) -> None:
        if self._coming and not self._coming.done():
            self._coming.set_result(None)
