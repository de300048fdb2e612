"""How long and how much the log store keeps: the oldest rows go first."""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ops.localcloud.logstore import LogStore, naive, tables

log = logging.getLogger(__name__)

DAYS, MEGABYTES = "LOCALCLOUD_LOG_DAYS", "LOCALCLOUD_LOG_MEGABYTES"
SLICE = 0.1  # of the time that is kept, which goes at once when there is too much


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What is kept: no older than so many days, no more than so many bytes."""

    days: float = 30
    size: int = 4_000_000_000


def bounds(environment: Mapping[str, str] = os.environ) -> Bounds:
    """The bounds that LOCALCLOUD_LOG_DAYS and LOCALCLOUD_LOG_MEGABYTES set.

    Raises ValueError naming the variable that is no positive number.
    """
    found = {}
    for name in (DAYS, MEGABYTES):
        if text := environment.get(name, ""):
            try:
                found[name] = float(text)
            except ValueError:
                found[name] = 0.0
            if not 0 < found[name] < 1_000_000:
                raise ValueError(f"{name} must be a number above 0, not {text!r}")
    usual = Bounds()
    size = found.get(MEGABYTES)
    return Bounds(
        days=found.get(DAYS, usual.days),
        size=round(size * 1_000_000) if size else usual.size,
    )


class Retention:
    """Removes what is beyond the bounds, a slice at a step."""

    def __init__(
        self,
        store: LogStore,
        bounds: Bounds,
        shown: Callable[[datetime], datetime] = lambda real: real,
    ) -> None:
        self._store = store
        self._bounds = bounds
        self._shown = shown

    def step(self, now: datetime) -> None:
        now = self._shown(now)  # what is too old is so by the clock of the rows
        before = now - timedelta(days=self._bounds.days)
        if self._used() > self._bounds.size and (oldest := self._oldest()):
            before = max(before, oldest + (now - oldest) * SLICE)
            log.info("the log store is full: removing what is before %s", before)
        self.remove(before)

    def remove(self, before: datetime) -> None:
        removed = 0
        for table, column in tables():
            sql = f'DELETE FROM {table} WHERE "{column}" < ?'
            removed += self._store.execute(sql, [naive(before)])[0][0]
        if removed:
            self._store.execute("CHECKPOINT")  # what was freed can be used again

    def _used(self) -> int:
        """The bytes in use; the file keeps its size, and fills its gaps first."""
        row = self._store.execute("SELECT * FROM pragma_database_size()")[0]
        block, used = int(row[2]), int(row[4])
        return block * used

    def _oldest(self) -> datetime | None:
        found = [
            self._store.execute(f'SELECT min("{column}") FROM {table}')[0][0]
            for table, column in tables()
        ]
        times = [time for time in found if time is not None]
        return min(times).replace(tzinfo=UTC) if times else None
