"""The clock that people read: real time, unless a drill has moved it.

All that localcloud stamps follows it: rows, metrics, operations, events, the expiry of
tokens and signatures. What guards real processes does not: leases, probes, restarts,
timeouts. It never goes back. Each process reads it from `clock.json`.
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.localcloud.directory import write_secret

FILE = "clock.json"
KEPT = 200  # earlier settings, by which what was written under them is dated


@dataclass(frozen=True, kw_only=True)
class Setting:
    """From the moment `real` on the clock shows `clock`, and goes so fast."""

    real: float  # seconds since the epoch
    clock: float
    rate: float = 1.0  # 0: it stands still

    def at(self, real: float) -> float:
        return self.clock + (real - self.real) * self.rate


REAL_TIME = Setting(real=0.0, clock=0.0)


class Clock:
    """The clock of a state directory. Costs one os.stat when nobody has moved it."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE
        self._seen: tuple[int, int] | None = None
        self._settings: tuple[Setting, ...] = (REAL_TIME,)  # oldest first

    def now(self) -> datetime:
        return _moment(self.setting().at(self.real()))

    def real(self) -> float:
        """Seconds of real time since the epoch, which no drill moves."""
        return time.time()

    def shown(self, real: datetime) -> datetime:
        """What the clock showed at a moment of real time."""
        stamp = real.timestamp()
        self.setting()
        then = [each for each in self._settings if each.real <= stamp]
        return _moment((then or self._settings[:1])[-1].at(stamp))

    def setting(self) -> Setting:
        """By what it goes now."""
        try:
            facts = os.stat(self._file)
        except FileNotFoundError:
            return self._settings[-1]
        if (facts.st_mtime_ns, facts.st_ino) != self._seen:
            told = json.loads(self._file.read_text())
            earlier = told.pop("earlier", [])
            self._settings = tuple(Setting(**each) for each in [*earlier, told])
            self._seen = (facts.st_mtime_ns, facts.st_ino)
        return self._settings[-1]

    def move(self, *, advance: float = 0.0, rate: float | None = None) -> Setting:
        """Set it `advance` seconds ahead, let it go at `rate`; return the setting."""
        if advance < 0 or (rate is not None and rate < 0):
            raise ValueError("the clock never goes back")
        before, real = self.setting(), self.real()
        after = Setting(
            real=real,
            clock=before.at(real) + advance,
            rate=before.rate if rate is None else rate,
        )
        earlier = [asdict(each) for each in self._settings[-KEPT:]]
        content = {**asdict(after), "earlier": earlier}
        write_secret(self._file, json.dumps(content).encode())
        return self.setting()


def real_time() -> datetime:
    return datetime.now(UTC)


def _moment(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)
