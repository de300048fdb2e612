"""Loads to play autoscale rules over: what was measured, a CSV, or a made-up day."""

import csv
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ops import endpoints
from ops.autoscaling import sources
from ops.autoscaling.rules import SHORT
from ops.autoscaling.sources import CAPACITY, MINUTE, Values
from ops.endpoints import Deployment
from ops.errors import InvalidSpec, NotFound, Refused, UsageError
from ops.hints import again
from ops.settings import shown
from ops.times import duration

if TYPE_CHECKING:
    from ops.clients import Workspace

LONGEST = timedelta(days=31)
DAY = 1440
WEEK = 7 * DAY
PEAK_AT = 14.0  # o'clock, of a made-up day
NOISE = 0.03  # of its load, from minute to minute
SEED = 1
UTILIZATIONS = ("Percentage", "DiskUtilization")
Key = tuple[str, str]  # metric, resource


@dataclass(frozen=True, kw_only=True)
class Load:
    """Values a minute of each metric; those that instances share are summed."""

    source: str
    start: datetime
    values: Mapping[Key, Values]
    instances: int  # that there were at first
    notes: list[str] = field(default_factory=list)


def measured(
    workspace: "Workspace",
    endpoint: str,
    deployment: str,
    triggers: Mapping[Key, Mapping[str, Any]],
    since: str,
) -> Load:
    """The last days' own metrics, by the minute."""
    length = duration(since, "--since")
    if length > LONGEST:
        raise UsageError(f"--since takes up to {LONGEST.days}d, not {since}.")
    live = endpoints.require(endpoints.get(workspace, endpoint), deployment)
    end = workspace.now().replace(second=0, microsecond=0)
    span = (end - length, end)
    target = str(live.body["id"])
    owner = target.rsplit("/deployments/", 1)[0]
    found = {
        each: sources.by_minute(workspace, _placed(trigger, owner), target, span)
        for each, trigger in triggers.items()
    }
    counts = _capacity(workspace, live, span)
    values = {each: shared(each[0], found[each], counts) for each in found}
    first = _first_measured(values)
    if first is None:
        names = ", ".join(name for name, _ in values)
        raise Refused(
            f"Nothing was measured of {names} in the last {since}.",
            again("--day cpu=20-250"),
        )
    note = f"nothing was measured before {span[0] + first * MINUTE:%F %H:%M} UTC"
    return Load(
        source=f"what was measured in the last {since}",
        start=span[0] + first * MINUTE,
        values={each: kept[first:] for each, kept in values.items()},
        instances=live.instances,
        notes=[note] if first else [],
    )


def _first_measured(loads: Mapping[Key, Values]) -> int | None:
    """The first minute that anything is known of."""
    minutes = zip(*loads.values(), strict=True)
    return next(
        (i for i, each in enumerate(minutes) if any(v is not None for v in each)), None
    )


def _placed(trigger: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """A trigger of the file, whose resources have no workspace yet."""
    named = str(trigger["metricResourceUri"])
    if named.startswith("/subscriptions/"):
        return dict(trigger)
    below = named.partition("/deployments/")
    return {**trigger, "metricResourceUri": f"{owner}{below[1]}{below[2]}"}


def _capacity(
    workspace: "Workspace", live: Deployment, span: tuple[datetime, datetime]
) -> Values:
    """How many instances there were, by the minute; the present ones where unknown."""
    found = sources.series(
        workspace, str(live.body["id"]), CAPACITY, span, "PT1M", "Average"
    )
    minutes = (span[1] - span[0]) // MINUTE
    return [found.get(span[0] + i * MINUTE, live.instances) for i in range(minutes)]


def shared(metric: str, values: Values, counts: Values | None) -> Values:
    """The load behind a metric that instances share: their sum. Others stay."""
    if not utilization(metric):
        return values
    found = counts or [1.0] * len(values)
    return [
        None if value is None else value * max(count or 1.0, 1.0)
        for value, count in zip(values, found, strict=True)
    ]


def utilization(metric: str) -> bool:
    return metric.endswith(UTILIZATIONS)


def from_csv(path: Path, keys: Iterable[Key], instances: int) -> Load:
    """The columns of a file, a row a minute, by the names of metrics."""
    start, columns = table(path)
    counts = columns.get("instances")
    return Load(
        source=shown(path),
        start=start,
        values={
            each: shared(each[0], column(columns, each[0], path), counts)
            for each in keys
        },
        instances=round(counts[0] or 1) if counts else instances,
    )


def table(path: Path) -> tuple[datetime, dict[str, Values]]:
    """When it begins, and columns by name; raise InvalidSpec with what is wrong."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NotFound(f"{shown(path)} can't be read: {error}") from None
    if not rows:
        raise InvalidSpec([f"{shown(path)}: has no rows (a header, then one a minute)"])
    columns: dict[str, Values] = {}
    problems = []
    for name in rows[0]:
        if name in (None, "time"):
            continue
        try:
            columns[name] = [float(row[name]) if row[name] else None for row in rows]
        except (TypeError, ValueError):
            problems.append(f"{shown(path)}: {name}: must hold numbers, or nothing")
    start = monday("UTC", datetime.now(UTC))
    if "time" in rows[0]:
        try:
            start = datetime.fromisoformat(rows[0]["time"])
        except ValueError:
            text = f"{rows[0]['time']!r} must be a time such as 2026-11-23T00:00Z"
            problems.append(f"{shown(path)}: time: {text}")
    if problems:
        raise InvalidSpec(problems)
    return start if start.tzinfo else start.replace(tzinfo=UTC), columns


def column(columns: Mapping[str, Values], metric: str, path: Path) -> Values:
    words = [word for word, name in SHORT.items() if name == metric]
    for name in (metric, *words):
        if name in columns:
            return columns[name]
    named = " or ".join((metric, *words))
    raise InvalidSpec(
        [f"{shown(path)}: has no column {named} (it has: {', '.join(columns)})"]
    )


def made_up(
    told: Sequence[str], keys: Sequence[Key], start: datetime, instances: int
) -> Load:
    """`cpu=20-250`: a day between two loads of all instances together, seven times."""
    loads: dict[Key, Values] = {}
    for text in told:
        name, _, limits = text.rpartition("=")
        low, dash, high = limits.partition("-")
        try:
            least, most = float(low), float(high)
        except ValueError:
            least, most = 1.0, 0.0
        if not dash or not 0 <= least <= most:
            raise UsageError(f"--day takes cpu=20-250 (low-high), not {text!r}.")
        metric = SHORT.get(name, name)
        mine = [each for each in keys if each[0] == metric or not name]
        if not mine:
            there = ", ".join(sorted({each[0] for each in keys}))
            raise UsageError(f"--day: no rule looks at {name!r} (they do at: {there}).")
        loads |= {each: _days(least, most) for each in mine}
    if missing := sorted({each[0] for each in keys if each not in loads}):
        names = ", ".join(missing)
        raise UsageError(f"--day: say a load of {names} too, as NAME=LOW-HIGH.")
    source = f"a made-up day, seven times: {' '.join(told)}"
    return Load(source=source, start=start, values=loads, instances=instances)


def _days(least: float, most: float) -> Values:
    noise = random.Random(SEED)
    found: Values = []
    for minute in range(WEEK):
        hour = minute % DAY / 60
        level = (1 + math.cos(math.tau * (hour - PEAK_AT) / 24)) / 2
        found.append((least + (most - least) * level**2) * noise.gauss(1, NOISE))
    return found


def monday(zone: str, now: datetime) -> datetime:
    """The last Monday's midnight, there."""
    here = now.astimezone(ZoneInfo(zone))
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - timedelta(days=here.weekday())).astimezone(UTC)
