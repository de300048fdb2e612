"""The one shape that every background loop of localcloud has."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

log = logging.getLogger(__name__)


class Wake:
    """A bell that any thread may ring to have a loop take its next step at once."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()

    def ring(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> None:
        """Return when the bell rings, or after `seconds`."""
        self._loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), max(seconds, 0))
        self._event.clear()


async def every(
    seconds: float,
    step: Callable[[datetime], None],
    stop: asyncio.Event,
    wake: Wake | None = None,
) -> None:
    """Call step(now) in a thread until stop is set; a step that raises is retried.

    A late step is skipped, never bunched up. Stop waits for the step in hand (a
    thread can't be cancelled), so a step must be short or have its own deadline.
    Ring `wake` after setting `stop` to leave without waiting out the period.
    """
    wake = wake or Wake()
    clock = asyncio.get_running_loop().time
    while not stop.is_set():
        due = clock() + seconds
        try:
            await asyncio.to_thread(step, datetime.now(UTC))
        except Exception:
            log.exception("%s failed, retried in %s s", step.__qualname__, seconds)
        if not stop.is_set():
            await wake.wait(due - clock())
