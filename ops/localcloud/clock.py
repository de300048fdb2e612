"""The clock that people read: real time, unless a drill has moved it.

All that localcloud stamps follows it: rows, metrics, operations, events, the expiry of
tokens and signatures. What guards real processes does not: leases, probes, restarts,
timeouts. It never goes back. Each process reads it from `clock.json`.
"""

import json
import logging
import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.localcloud.directory import set_aside, write_secret

log = logging.getLogger(__name__)

FILE = "clock.json"
LATEST = datetime(3000, 1, 1, tzinfo=UTC).timestamp()
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
        self.spoiled = False

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
        except OSError:
            return self._settings[-1]
        if (facts.st_mtime_ns, facts.st_ino) != self._seen:
            self._seen = (facts.st_mtime_ns, facts.st_ino)
            self._read()
        return self._settings[-1]

    def _read(self) -> None:
        """Take over what the file says; what makes no sense changes nothing."""
        try:
            self._settings = settings(self._file.read_text())
        except (OSError, ValueError, TypeError, RecursionError) as problem:
            log.warning("%s is passed over: %s", FILE, problem)
            self.spoiled = True

    def keep(self) -> bool:
        """Write the file anew where it was deleted or spoiled; tell whether it was."""
        self.setting()
        moved = self._settings != (REAL_TIME,)
        if not self.spoiled and (self._file.is_file() or not moved):
            return False
        self.spoiled = False
        if moved:
            self._write(self._settings)
        else:
            set_aside(self._file)
        return True

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
        if after.clock > LATEST:
            raise ValueError("the clock goes to the year 3000 and no further")
        self._write((*self._settings[-KEPT:], after))
        return self.setting()

    def _write(self, settings: tuple[Setting, ...]) -> None:
        if self._file.is_dir():
            set_aside(self._file)
        *earlier, last = map(asdict, settings)
        content = json.dumps({**last, "earlier": earlier})
        write_secret(self._file, content.encode())


def settings(text: str) -> tuple[Setting, ...]:
    """The settings in a file, oldest first; ValueError for what can't be meant."""
    last = json.loads(text)
    if not isinstance(last, dict):
        raise ValueError("it holds no object")
    rows = [*_rows(last.pop("earlier", [])), last]
    return tuple(_setting(row) for row in rows)


def _rows(earlier: object) -> list[object]:
    if not isinstance(earlier, list):
        raise ValueError("earlier is no list")
    return earlier


def _setting(row: object) -> Setting:
    names = set(Setting.__dataclass_fields__)
    if not isinstance(row, dict) or set(row) != names:
        raise ValueError(f"a setting holds {', '.join(sorted(names))}")
    numbers = {name: float(value) for name, value in row.items()}
    if not all(0 <= value <= LATEST for value in numbers.values()):
        raise ValueError("a time lies beyond the year 3000, or before 1970")
    return Setting(**numbers)


def real_time() -> datetime:
    return datetime.now(UTC)


def _moment(stamp: float) -> datetime:
    return datetime.fromtimestamp(min(stamp, LATEST), UTC)
