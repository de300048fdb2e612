"""Metric series of a rule's test in a few characters: `40x10 95x20 _x5 10..90x8`.

One value a minute. 40x10 is ten minutes of 40, _ a minute without a value, and 10..90x8
climbs from 10 to 90 in eight. docs/alerts.md has the grammar.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
PART = re.compile(rf"(_|{NUMBER})(?:\.\.({NUMBER}))?(?:x([0-9]{{1,5}}))?")
NAMED = re.compile(r"(\w+) on ([\w-]+)(?: with (.+))?")
ENDPOINT = "endpoint"  # `RequestsPerMinute on endpoint`: not of a deployment
MOST_VALUES = 20_000


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric of one resource, by the minute."""

    metric: str
    where: str  # a deployment, or ENDPOINT
    start: datetime
    values: tuple[float | None, ...]
    dimensions: Mapping[str, str] = field(default_factory=dict)

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=len(self.values))

    @property
    def points(self) -> list[tuple[str, float]]:
        """The minutes that have a value."""
        return [
            ((self.start + timedelta(minutes=minute)).isoformat(), value)
            for minute, value in enumerate(self.values)
            if value is not None
        ]


def series(name: str, text: object, start: datetime) -> Series:
    """`CpuUtilizationPercentage on green with instanceId=a`; raise ValueError."""
    found = NAMED.fullmatch(name)
    if not found:
        raise ValueError(
            'the name must read "METRIC on DEPLOYMENT", "METRIC on endpoint", or end '
            'in "with DIMENSION=VALUE, ..."'
        )
    metric, where, split = found.groups()
    pairs = [part.strip().partition("=") for part in (split or "").split(",") if part]
    if not all(key and value for key, _, value in pairs):
        raise ValueError(f"{split!r} must read DIMENSION=VALUE, ...")
    return Series(
        metric=metric,
        where=where,
        start=start,
        values=tuple(values(text)),
        dimensions={key: value for key, _, value in pairs},
    )


def values(text: object) -> list[float | None]:
    found: list[float | None] = []
    for part in str(text).split():
        match = PART.fullmatch(part)
        if not match or (match[1] == "_" and match[2]):
            raise ValueError(
                f"{part!r} must be VALUExMINUTES: 40x10, _x5 (no value), 10..90x8"
            )
        first, last, count = match[1], match[2], int(match[3] or 1)
        found += _part(first, last, count)
    if not 1 <= len(found) <= MOST_VALUES:
        raise ValueError(f"must be from 1 to {MOST_VALUES} values")
    return found


def _part(first: str, last: str | None, count: int) -> list[float | None]:
    if first == "_":
        return [None] * count
    begin, end = float(first), float(last or first)
    step = (end - begin) / max(count - 1, 1)
    return [begin + step * number for number in range(count)]
