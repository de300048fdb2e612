"""All that fills the log store and keeps it within bounds, as loops beside the engines.

Nothing here holds up a deployment, and a store that can't be opened stops nothing else.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from ops.localcloud.export import Export
from ops.localcloud.ingest import Ingest
from ops.localcloud.logstore import LogStore, Unavailable
from ops.localcloud.loops import Wake, every
from ops.localcloud.retention import Retention, bounds
from ops.localcloud.sampling import Sampler
from ops.localcloud.state import State

log = logging.getLogger(__name__)

HEAD_START = 0.2  # seconds; loading DuckDB takes half of that, and the interpreter
KEEP_SECONDS = 1.0  # how late it is noticed that the file was deleted
INGEST_SECONDS = 0.2  # how late a line can be queried
SAMPLE_SECONDS = 5.0
EXPORT_SECONDS = 5.0
RETENTION_SECONDS = 60.0


class Recorder:
    """Ingest, samples, exported metrics and retention of a state directory."""

    def __init__(self, state: State, store: LogStore, directory: Path) -> None:
        self._steps = (
            (KEEP_SECONDS, store.keep),
            (INGEST_SECONDS, Ingest(state, store, directory).step),
            (SAMPLE_SECONDS, Sampler(state, store, directory).step),
            (EXPORT_SECONDS, Export(state, store).step),
            (RETENTION_SECONDS, Retention(store, bounds(), state.clock.shown).step),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Step until `stop` is set, and leave without waiting a period out."""
        with suppress(TimeoutError):  # routes and instances come first
            await asyncio.wait_for(stop.wait(), HEAD_START)
        wakes = [Wake() for _ in self._steps]
        loops = [
            every(seconds, _patient(step), stop, wake)
            for (seconds, step), wake in zip(self._steps, wakes, strict=True)
        ]
        await asyncio.gather(*loops, _ring_at(stop, wakes))


def _patient(step: Callable[[datetime], None]) -> Callable[[datetime], None]:
    """The step, which says once that the store can't be written, and tries on."""
    failing = False

    def patient(now: datetime) -> None:
        nonlocal failing
        try:
            step(now)
        except Unavailable as problem:
            if not failing:
                log.error("nothing can be recorded: %s", problem)
            failing = True
        else:
            failing = False

    return patient


async def _ring_at(stop: asyncio.Event, wakes: list[Wake]) -> None:
    await stop.wait()
    for wake in wakes:
        wake.ring()
