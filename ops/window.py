"""What of a log was shown already, so that a follower shows each row once.

A follower asks for what was taken in since it last looked, whatever time the rows have:
one that comes an hour late is as new as any other. Rows have no number, arrive out of
order, may be equal, and can be read only a while after they were taken in. So each look
reads a while back, and what counts is how often an identity is there: a row that is
found three times and was shown twice is shown once more.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from ops.logrecords import Record


class Window:
    """Which rows were shown of those taken in since some time."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        # When the rows of an identity that were shown were taken in.
        self._shown: dict[tuple[str, ...], list[datetime]] = {}

    @property
    def start(self) -> datetime:
        """Since when to read: what was taken in before it was shown, all of it."""
        return self._start

    def fresh(self, records: Iterable[Record]) -> list[Record]:
        """Those records that were not shown yet, in time order; they count as shown.

        `records` holds every row that was taken in during some stretch of time: what
        it holds of one identity, it holds all of, unless more of it comes later.
        """
        found: dict[tuple[str, ...], list[tuple[datetime, Record]]] = defaultdict(list)
        for record in records:
            if record.arrived is not None and record.arrived >= self._start:
                found[record.identity].append((record.arrived, record))
        new = []
        for identity, rows in found.items():
            known = len(self._shown.get(identity, ()))
            if len(rows) > known:
                rows.sort(key=lambda row: row[0])
                new += [record for _, record in rows[known:]]
                self._shown[identity] = [arrived for arrived, _ in rows]
        return sorted(new, key=lambda record: record.time)

    def looked(self, now: datetime, overlap: timedelta) -> None:
        """A look at `now` has succeeded: the next ones go back from it by `overlap`.

        So long a row may take from when it was taken in until it can be read. What lies
        before is forgotten. After a time without an answer the last look is still the
        one before it.
        """
        self._start = max(self._start, now - overlap)
        left = {
            identity: [each for each in arrived if each >= self._start]
            for identity, arrived in self._shown.items()
        }
        self._shown = {
            identity: arrived for identity, arrived in left.items() if arrived
        }
