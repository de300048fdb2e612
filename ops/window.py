"""What of a log was shown already, so that a follower shows each row once.

Rows have no number, arrive out of order, and may be equal. So each look reads a while
back (`overlap`), and what counts is how often an identity is there: a row that is
found three times and was shown twice is shown once more.
"""

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from ops.logrecords import Record


class Window:
    """Which rows were shown since some time, and from when to read next."""

    def __init__(self, start: datetime, overlap: timedelta) -> None:
        self.overlap = overlap  # how late a row may come
        self._start = start
        self._shown: Counter[tuple[str, ...]] = Counter()
        self._times: dict[tuple[str, ...], datetime] = {}
        self._looks: deque[datetime] = deque()

    @property
    def start(self) -> datetime:
        """From when to read: any row before it was shown or is too late."""
        return self._start

    def fresh(self, records: Iterable[Record]) -> list[Record]:
        """Those records that were not shown yet, in time order; they count as shown.

        `records` holds every row of some stretch of time: what it holds of one
        identity, it holds all of, unless more of it comes later.
        """
        found: Counter[tuple[str, ...]] = Counter()
        new = []
        for record in records:
            identity = record.identity
            found[identity] += 1
            if record.time >= self._start and found[identity] > self._shown[identity]:
                self._shown[identity] += 1
                self._times[identity] = record.time
                new.append(record)
        return sorted(new, key=lambda record: record.time)

    def looked(self, now: datetime) -> None:
        """A look at `now` has succeeded: move the start, and forget what is before it.

        The start follows a look only when it is `overlap` ago. So after a time without
        an answer the next looks read from before it, for as long as rows of that time
        may still arrive.
        """
        self._looks.append(now)
        while self._looks and self._looks[0] <= now - self.overlap:
            self._start = max(self._start, self._looks.popleft() - self.overlap)
        gone = [key for key, at in self._times.items() if at < self._start]
        for key in gone:
            del self._times[key], self._shown[key]
