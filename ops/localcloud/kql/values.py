"""Values as the Log Analytics API writes them in JSON.

Azure: the types of Kusto's v1 results. Dynamic values travel as JSON text, a string
is never null, and what JSON has no number for is a string.
"""

import json
import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

MICROSECOND = timedelta(microseconds=1)
MOST_LONG = 2**63 - 1


def written(values: Sequence[Any], kind: str) -> Sequence[Any]:
    """A column of DuckDB's values, of one Kusto type, as JSON would carry them."""
    if kind in ("int", "bool") or (kind in PLAIN and PLAIN[kind](values)):
        return values
    write = WRITERS.get(kind, same)
    nothing = "" if kind == "string" else None
    return [nothing if value is None else write(value) for value in values]


def same(value: Any) -> Any:
    return value


def text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def moment(value: datetime | date) -> str:
    """`2026-11-22T01:02:03.456789Z`, without trailing zeros."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if value.tzinfo:
        value = value.replace(tzinfo=None)
    text = value.isoformat()
    return (text.rstrip("0") if value.microsecond else text) + "Z"


def timespan(value: timedelta | time | Any) -> str:
    """`1.02:03:04.5000000`: days and the seven digits of ticks only where needed."""
    if isinstance(value, time):
        since = timedelta(hours=value.hour, minutes=value.minute)
        value = since + timedelta(0, value.second, value.microsecond)
    microseconds = value // MICROSECOND
    sign = "-" if microseconds < 0 else ""
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    ticks = f".{fraction:06}0" if fraction else ""
    return f"{sign}{f'{days}.' if days else ''}{clock}{ticks}"


def real(value: Any) -> float | str:
    number = float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def long(value: Any) -> int | str:
    return value if -MOST_LONG <= value <= MOST_LONG else str(value)


def dynamic(value: Any) -> str | None:
    """JSON text; a lone string goes without its quotes, a lone null is null."""
    if not isinstance(value, str):
        return json.dumps(value, default=element, separators=(",", ":"))
    try:
        parsed = json.loads(value)
    except ValueError:
        return value
    if isinstance(parsed, str) or parsed is None:
        return parsed
    return json.dumps(parsed, separators=(",", ":"), ensure_ascii=False)


def element(value: Any) -> Any:
    """What a list or bag may hold beside JSON's own types."""
    if isinstance(value, datetime | date):
        return moment(value)
    if isinstance(value, timedelta | time):
        return timespan(value)
    return str(value)


# Whether all of a column may go as it is, tried as fast as Python can.
PLAIN: dict[str, Callable[[Sequence[Any]], bool]] = {
    "string": lambda values: set(map(type, values)) <= {str},
    "real": lambda values: (
        set(map(type, values)) <= {float} and all(map(math.isfinite, values))
    ),
    "long": lambda values: (
        set(map(type, values)) <= {int}
        and min(values) >= -MOST_LONG
        and max(values) <= MOST_LONG
    ),
}
WRITERS: dict[str, Callable[[Any], Any]] = {
    "string": text,
    "datetime": moment,
    "timespan": timespan,
    "real": real,
    "long": long,
    "dynamic": dynamic,
    "guid": str,
    "decimal": str,
}
