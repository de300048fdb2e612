"""When an alert processing rule applies: from, until, and recurrences in a time zone.

Azure: alert processing rules, "When should this rule apply?", and the Schedule of
actionRules 2021-08-08.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from ops.localcloud.autoscaling.zones import zone

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MIDNIGHT = time()


def active(schedule: Mapping[str, Any] | None, at: datetime) -> bool:
    """Whether a schedule holds at a time; one that says nothing always does."""
    if not schedule:
        return True
    local = at.astimezone(zone(schedule.get("timeZone") or "UTC")).replace(tzinfo=None)
    start, end = schedule.get("effectiveFrom"), schedule.get("effectiveUntil")
    if start and local < _local(start):
        return False
    if end and local >= _local(end):
        return False
    recurrences = schedule.get("recurrences") or ()
    return not recurrences or any(_recurs(each, local) for each in recurrences)


def _local(text: str) -> datetime:
    """A time of the schedule's own zone: Azure writes it without an offset."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _recurs(told: Mapping[str, Any], local: datetime) -> bool:
    """One that ends before it starts goes over midnight, from the day that it names."""
    start = time.fromisoformat(told.get("startTime") or "00:00:00")
    end = time.fromisoformat(told.get("endTime") or "00:00:00")
    if start < end:
        return _on_day(told, local) and start <= local.time() < end
    if start == end == MIDNIGHT:
        return _on_day(told, local)
    since_start = _on_day(told, local) and local.time() >= start
    yesterday = local - timedelta(days=1)
    return since_start or (_on_day(told, yesterday) and local.time() < end)


def _on_day(told: Mapping[str, Any], local: datetime) -> bool:
    kind = str(told["recurrenceType"]).lower()
    if kind == "weekly":
        return DAYS[local.weekday()] in [str(day).lower() for day in told["daysOfWeek"]]
    if kind == "monthly":  # -1 is the last day of the month
        last = monthrange(local.year, local.month)[1]
        return bool({local.day, local.day - last - 1} & set(told["daysOfMonth"]))
    return True
