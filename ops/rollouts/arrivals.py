"""Up to when an endpoint's request rows are complete, told by the probes among them.

Rows reach Log Analytics late (Azure: 20 s to 3 min), and nothing there says that some
are still to come. But who sends a probe each second knows which rows there must be:
rows are complete up to the last probe before the first that is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LOST_SECONDS = 600.0  # a row that is so late isn't waited for any more
UNPROBED = timedelta(seconds=60)  # what is allowed for where there are no probes


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One that the endpoint has answered, so that it has a row."""

    id: str
    answered: float  # seconds of this machine's monotonic clock


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Which probes are waited for, in the order of their answers."""

    pending: tuple[Probe, ...] = ()
    complete: datetime | None = None  # rows before this are there

    def sent(self, probes: list[Probe]) -> "Arrivals":
        return replace(self, pending=(*self.pending, *probes))

    def seen(self, rows: Mapping[str, datetime], seconds: float) -> "Arrivals":
        """What is known now that these rows have arrived, by probe id."""
        complete, count = self.complete, 0
        for probe in self.pending:
            at = rows.get(probe.id)
            if at is None and seconds - probe.answered < LOST_SECONDS:
                break
            complete = max(filter(None, (complete, at)), default=None)
            count += 1
        return Arrivals(pending=self.pending[count:], complete=complete)


def unprobed(newest: datetime | None, before: datetime | None) -> datetime | None:
    """The same where nothing is sent: all but the latest minute of what has arrived."""
    known = newest - UNPROBED if newest else None
    return max(filter(None, (known, before)), default=None)
