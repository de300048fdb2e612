"""What time it is where the work happens: by the service's clock, not this machine's.

Two laptops must agree on when a lock, a freeze or a bake time ends. On Azure this
machine's clock is believed until an answer's Date contradicts it; localcloud has a
clock of its own, which a drill may move.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Event, Thread

# What a Date of an answer is told to, with when it was asked for and when it came.
Heard = Callable[[str, float, float], None]

REAL_TIME = 0.0, 0.0, 1.0
LATEST = datetime(3000, 1, 1, tzinfo=UTC).timestamp()  # localcloud's goes no further
POLL_SECONDS = 0.02  # how late it is noticed that a clock was moved


class ServiceClock:
    """This machine's clock, corrected by what the service's answers say."""

    rate = 1.0

    def __init__(self) -> None:
        self._least, self._most = float("-inf"), float("inf")

    @property
    def offset_seconds(self) -> float:
        """By how much this machine is late: 0 while that may be true."""
        return min(max(0.0, self._least), self._most)

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.offset_seconds, UTC)

    def heard(self, date: str, sent: float, received: float) -> None:
        """Learn from an answer's Date, a whole second, asked for between two moments.

        Each answer narrows the offset; one that fits no earlier one begins anew, for
        then somebody has set this machine's clock.
        """
        try:
            stamp = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        least, most = stamp - received, stamp + 1 - sent
        if least > self._most or most < self._least:
            self._least, self._most = least, most
        else:
            self._least, self._most = max(least, self._least), min(most, self._most)


class LocalClock:
    """localcloud's clock, read anew each time: somebody may move it meanwhile."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock.json"

    @property
    def rate(self) -> float:
        return self._setting()[2]

    def now(self) -> datetime:
        real, clock, rate = self._setting()
        stamp = clock + (time.time() - real) * rate
        return datetime.fromtimestamp(min(stamp, LATEST), UTC)

    def _setting(self) -> tuple[float, float, float]:
        """Real time where there is none, or one that can't be meant."""
        try:
            told = json.loads(self._file.read_text())
            values = [float(told[name]) for name in ("real", "clock", "rate")]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return REAL_TIME
        if not all(0 <= value <= LATEST for value in values):
            return REAL_TIME
        return values[0], values[1], values[2]


Clock = ServiceClock | LocalClock


class RealTime:
    """What locks and deadlines run on, whatever a drill's clock shows."""

    def seconds(self) -> float:
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    @contextmanager
    def every(self, seconds: float, do: Callable[[], bool]) -> Iterator[None]:
        """Do something again and again meanwhile, until it says that this was all."""
        done = Event()

        def go_on() -> None:
            while not done.wait(seconds) and do():
                pass

        Thread(target=go_on, daemon=True).start()
        try:
            yield
        finally:
            done.set()


def wait(clock: Clock, seconds: float, stop: Event | None = None) -> None:
    """Return when the clock has gone on by so much, or when `stop` is set."""
    wait_until(clock, clock.now() + timedelta(seconds=seconds), stop)


def wait_until(clock: Clock, moment: datetime, stop: Event | None = None) -> None:
    """Return when the clock shows that moment or a later one, or when `stop` is set."""
    stop = stop or Event()
    end = moment.timestamp()
    while (left := end - clock.now().timestamp()) > 0 and not stop.is_set():
        real = left / clock.rate if clock.rate else POLL_SECONDS
        stop.wait(real if isinstance(clock, ServiceClock) else min(real, POLL_SECONDS))
