"""Times in autoscale.yaml: `weekdays 7-19 at least 4`, in words or in fields.

On Azure a recurring profile has no end, so each window becomes two profiles: one that
begins with it, and one that goes back to the default (autoscale-multiprofile).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.autoscaling.rules import Rule

NAMES = (
    *("Monday", "Tuesday", "Wednesday", "Thursday"),
    *("Friday", "Saturday", "Sunday"),
)
DAY, WEEK = 1440, 7 * 1440  # minutes


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How far a profile may scale."""

    minimum: int
    maximum: int
    default: int  # while metrics can't be read


@dataclass(frozen=True, kw_only=True)
class Given:
    """The bounds that a time sets itself; for the others the deployment's own hold."""

    minimum: int | None = None
    maximum: int | None = None
    default: int | None = None

    def over(self, base: Bounds) -> Bounds:
        """All of them: `at most 1` lowers a minimum of 2 with it."""
        most = base.maximum if self.maximum is None else self.maximum
        least = min(base.minimum, most) if self.minimum is None else self.minimum
        default = self.default
        if default is None:
            default = max(min(base.default, most), least)
        return Bounds(minimum=least, maximum=most, default=default)


@dataclass(frozen=True, kw_only=True)
class Window:
    """A time of every week."""

    name: str
    days: tuple[int, ...]  # on which it begins; 0 is Monday
    start: int  # minute of the day
    end: int | None  # up to 1440; not after the start: of the next day; None: open
    bounds: Given
    rules: tuple[Rule, ...] | None = None  # None: the deployment's own

    @property
    def starts(self) -> set[int]:
        """The minutes of the week at which it begins."""
        return {day * DAY + self.start for day in self.days}

    @property
    def length(self) -> int:
        end = self.end if self.end is not None else self.start
        return end - self.start if end > self.start else end - self.start + DAY

    @property
    def ends(self) -> set[int]:
        if self.end is None:
            return set()
        return {(start + self.length) % WEEK for start in self.starts}

    def overlaps(self, other: "Window") -> bool:
        return any(
            (theirs - own) % WEEK < self.length or (own - theirs) % WEEK < other.length
            for own in self.starts
            for theirs in other.starts
        )


@dataclass(frozen=True, kw_only=True)
class Dates:
    """A time that comes once."""

    name: str
    start: datetime
    end: datetime
    bounds: Given
    rules: tuple[Rule, ...] | None = None


def recurrence(minutes: Iterable[int], zone: str) -> dict[str, Any]:
    """Azure's recurrence that begins at these minutes of the week, all at one time."""
    days = sorted({each // DAY for each in minutes})
    (at,) = {each % DAY for each in minutes}
    schedule = {
        "timeZone": zone,
        "days": [NAMES[day] for day in days],
        "hours": [at // 60],
        "minutes": [at % 60],
    }
    return {"frequency": "Week", "schedule": schedule}


def fixed(dates: Dates) -> dict[str, str]:
    """Azure's fixed date, in UTC: then nothing about its zone can be misread."""
    form = "%Y-%m-%dT%H:%M:%SZ"
    return {
        "timeZone": "UTC",
        "start": dates.start.astimezone(UTC).strftime(form),
        "end": dates.end.astimezone(UTC).strftime(form),
    }
