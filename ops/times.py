"""Times as a person types and reads them: `2h`, `--from 14:05`, `1h 42m`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ops.errors import UsageError

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|[smhdw])")
LONGEST = timedelta(days=4383)  # twelve years: as long as Log Analytics keeps anything


@dataclass(frozen=True, kw_only=True)
class Span:
    """From `start` up to, not including, `end`; aware UTC."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


def span(
    since: str | None,
    from_: str | None,
    to: str | None,
    *,
    now: datetime,
    default: timedelta = timedelta(hours=1),
) -> Span:
    """What --since, --from and --to mean together; raise UsageError if nothing."""
    if since and from_:
        raise UsageError("Say either --since or --from, not both.")
    end = moment(to, "--to", now) if to else now
    if from_:
        start = moment(from_, "--from", now)
    else:
        start = end - (duration(since, "--since") if since else default)
    if start >= end:
        raise UsageError(f"--from {start:%F %T} does not lie before --to {end:%F %T}.")
    return Span(start=start, end=end)


def duration(text: str, flag: str) -> timedelta:
    """`500ms`, `30s`, `2h30m`, `1d`; raise UsageError naming the flag."""
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"{flag} takes a time such as 30s, 15m, 2h30m, not {text!r}.")
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if not 0 < seconds <= LONGEST.total_seconds():
        raise UsageError(f"{flag} takes more than nothing and up to 12 years.")
    return timedelta(seconds=seconds)


def length(time: timedelta) -> str:
    """`1.5s`, `45s`, `4m 5s`, `1h 42m`, `2d 3h`: the two largest units of a time."""
    seconds = max(time.total_seconds(), 0.0)
    if seconds < 10:
        return f"{round(seconds, 3):.2g}s"
    least = 1 if seconds < 3600 else 60 if seconds < 86400 else 3600
    left, parts = round(seconds / least) * least, []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts)


def moment(text: str, flag: str, now: datetime) -> datetime:
    """ISO 8601, UTC where it doesn't say; or a time of day, the last one that was.

    Raise UsageError naming the flag.
    """
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?", text):
        return _last(text, flag, now)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{flag} takes a time such as 14:05 or 2026-11-23T14:05, not {text!r}."
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _last(text: str, flag: str, now: datetime) -> datetime:
    hours, minutes, *seconds = (int(part) for part in text.split(":"))
    try:
        today = now.replace(
            hour=hours, minute=minutes, second=sum(seconds), microsecond=0
        )
    except ValueError:
        raise UsageError(f"{flag}: {text!r} is no time of day.") from None
    return today if today <= now else today - timedelta(days=1)
