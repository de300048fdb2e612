"""Values as KQL literals, by type: no value can end the literal it stands in.

Azure Monitor knows no query parameters (Azure: declare query_parameters statement), so
a value reaches a query as a `let` statement in front of it, spelled by these rules.
"""

import json
import math
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ops import times
from ops.errors import UsageError

ESCAPES = str.maketrans(
    {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
)
# Of the control characters Kusto spells only these three alike in every reader.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
INTEGERS = {"int": 31, "long": 63}
MOST_CHARACTERS = 10_000
MOST_ROWS = 500_000  # of one answer; Azure: query limits of Log Analytics


def literal(kind: str, text: str, flag: str) -> str:
    """The KQL literal of a typed text; raise UsageError naming the flag.

    Kinds: string, strings (comma between), int, long, real, bool, datetime, timespan,
    guid, and count: how many rows `take` lets through, digits alone.
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"{flag} is longer than {MOST_CHARACTERS} characters.")
    return WRITERS[kind](text, flag)


def quoted(text: str, flag: str) -> str:
    """A string literal: the text itself, whatever is in it."""
    if found := CONTROL.search(text):
        raise UsageError(f"{flag} can't hold the character {found.group()!r}.")
    return '"' + text.translate(ESCAPES) + '"'


def _strings(text: str, flag: str) -> str:
    parts = [part.strip() for part in text.split(",")] if text else []
    for part in parts:
        quoted(part, flag)  # the same characters are refused
    return f"dynamic({json.dumps(parts, ensure_ascii=False)})"


def _whole(kind: str) -> Callable[[str, str], str]:
    def write(text: str, flag: str) -> str:
        if not re.fullmatch(r"-?[0-9]{1,19}", text):
            raise UsageError(f"{flag} takes a whole number, not {text!r}.")
        if not -(2 ** INTEGERS[kind]) <= int(text) < 2 ** INTEGERS[kind]:
            raise UsageError(f"{flag}: {text} does not fit {kind}.")
        return f"{kind}({int(text)})"

    return write


def _count(text: str, flag: str) -> str:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MOST_ROWS:
        raise UsageError(f"{flag} takes a number from 1 to {MOST_ROWS}, not {text!r}.")
    return str(int(text))


def _real(text: str, flag: str) -> str:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{flag} takes a number, not {text!r}.")
    return f"real({value!r})"


def _bool(text: str, flag: str) -> str:
    if text.lower() not in ("true", "false"):
        raise UsageError(f"{flag} takes true or false, not {text!r}.")
    return text.lower()


def _datetime(text: str, flag: str) -> str:
    found = times.moment(text, flag, datetime.now(UTC))
    return f"datetime({found:%Y-%m-%dT%H:%M:%S.%fZ})"


def _timespan(text: str, flag: str) -> str:
    return timespan(times.duration(text, flag))


def timespan(value: timedelta) -> str:
    """`timespan(1.02:03:04.500000)`, as Kusto spells a length of time."""
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours:02}:{minutes:02}:{seconds:02}.{value.microseconds:06}"
    return f"timespan({value.days}.{clock})"


def _guid(text: str, flag: str) -> str:
    try:
        return f"guid({uuid.UUID(text)})"
    except ValueError:
        raise UsageError(f"{flag} takes a GUID, not {text!r}.") from None


WRITERS: dict[str, Callable[[str, str], str]] = {
    "string": quoted,
    "strings": _strings,
    "int": _whole("int"),
    "long": _whole("long"),
    "count": _count,
    "real": _real,
    "bool": _bool,
    "datetime": _datetime,
    "timespan": _timespan,
    "guid": _guid,
}
