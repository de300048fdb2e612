"""Times as ISO 8601 writes them in requests: intervals, durations and moments."""

import re
from datetime import UTC, datetime, timedelta

DURATION = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.IGNORECASE,
)


def timespan(
    text: object, now: datetime
) -> tuple[datetime | None, datetime | None] | None:
    """An ISO 8601 interval: a duration up to now, start/end, start/duration...

    Raises ValueError with a sentence for the client.
    """
    if text is None or text == "":
        return None
    first, slash, second = str(text).partition("/")
    try:
        if not slash:
            return now - duration(first), now
        if first.upper().startswith("P"):
            end = moment(second)
            return end - duration(first), end
        start = moment(first)
        if second.upper().startswith("P"):
            return start, start + duration(second)
        return start, moment(second)
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is not a valid timespan.") from None


def duration(text: str) -> timedelta:
    """An ISO 8601 duration of weeks, days, hours, minutes and seconds."""
    found = DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        raise ValueError(text)
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(
        weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds
    )


def moment(text: str) -> datetime:
    """A time of ISO 8601; one without a zone is in UTC, as on Azure."""
    found = datetime.fromisoformat(text.strip())
    return found if found.tzinfo else found.replace(tzinfo=UTC)
