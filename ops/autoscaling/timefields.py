"""How times are read from autoscale.yaml: `weekdays 7-19 at least 4`, or in fields."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ops import fields
from ops.autoscaling.rulefields import rules
from ops.autoscaling.schedules import DAY, NAMES, Dates, Given, Window
from ops.fields import Known, Mistake

GROUPS = {"weekdays": range(5), "weekends": (5, 6), "daily": range(7)}
LONGEST = timedelta(days=365)
WORDS = re.compile(r"(\S+)\s+([\d:]+)-([\d:]+)\s+(.+)")
BOUND = re.compile(r"(at least|at most|exactly)\s+(\d+)")
EXAMPLE = "weekdays 7-19 at least 4"


def windows(data: Any, at: str, mistakes: list[Mistake]) -> tuple[Window, ...]:
    """The windows of a list, each in words or in fields; those that are right."""
    if not isinstance(data, list):
        mistakes.append(Mistake(field=at, text=f"must be a list, such as - {EXAMPLE}"))
        return ()
    found = [_window(each, f"{at}[{i}]", mistakes) for i, each in enumerate(data)]
    kept = tuple(window for window in found if window)
    mistakes += [Mistake(field=at, text=text) for text in _clashes(kept)]
    return kept


def _clashes(windows: tuple[Window, ...]) -> Iterator[str]:
    for i, one in enumerate(windows):
        for other in windows[i + 1 :]:
            if one.name == other.name:
                yield f"two are named {one.name!r}: give one of them a name"
            elif None not in (one.end, other.end) and one.overlaps(other):
                yield f"{one.name!r} and {other.name!r} overlap: only one could rule"


def _window(data: Any, at: str, mistakes: list[Mistake]) -> Window | None:
    if isinstance(data, str):
        try:
            return worded(data)
        except ValueError as error:
            mistakes.append(Mistake(field=at, text=f"{data!r} {error}"))
            return None
    values = _read(data, at, WINDOW, mistakes, needed=("days", "start"))
    if values is None:
        return None
    days, start, end = values["days"], values["start"], values.get("end")
    if start == DAY or end == 0:
        text = "begins at 0:00 at the earliest and ends at 24:00 at the latest"
        mistakes.append(Mistake(field=at, text=text))
        return None
    name = values.pop("name", None) or str(data.get("days"))
    return Window(**{"end": None, **values, "name": name, "days": tuple(sorted(days))})


def worded(text: str) -> Window:
    """`sat,sun 9-17:30 at least 2 and at most 4`; raise ValueError."""
    found = WORDS.fullmatch(text.strip())
    if not found:
        raise ValueError(f"must read like: {EXAMPLE}")
    bounds: dict[str, int] = {}
    for part in re.split(r"\s+and\s+|\s*,\s*", found[4]):
        bound = BOUND.fullmatch(part)
        if not bound:
            raise ValueError(
                f"{part!r} must be: at least N, at most N or exactly N ({EXAMPLE})"
            )
        number = int(bound[2])
        if not 1 <= number <= MOST:
            raise ValueError(f"must have 1 to {MOST} instances")
        sides = {"at least": ("minimum",), "at most": ("maximum",)}
        for side in sides.get(bound[1], ("minimum", "maximum")):
            bounds[side] = number
    start, end = minute(found[2]), minute(found[3])
    return Window(
        name=f"{found[1]} {found[2]}-{found[3]}",
        days=tuple(sorted(days(found[1]))),
        start=start % DAY,
        end=end or DAY,
        bounds=Given(**bounds),
    )


def dates(data: Any, at: str, zone: str, mistakes: list[Mistake]) -> tuple[Dates, ...]:
    """The fixed dates of a list; those that are right."""
    if not isinstance(data, list):
        text = "must be a list of {name, from, to, minimum...}"
        mistakes.append(Mistake(field=at, text=text))
        return ()
    found = []
    for i, each in enumerate(data):
        values = _read(each, f"{at}[{i}]", DATES, mistakes, needed=("start", "end"))
        if values is None:
            continue
        for key in ("start", "end"):
            if values[key].tzinfo is None:
                values[key] = values[key].replace(tzinfo=ZoneInfo(zone))
        length = values["end"] - values["start"]
        if not timedelta(0) < length <= LONGEST:
            text = "from must be before to, by 365 days at most (Azure's limit)"
            mistakes.append(Mistake(field=f"{at}[{i}]", text=text))
            continue
        name = values.pop("name", None) or f"{values['start']:%Y-%m-%d %H:%M}"
        found.append(Dates(name=name, **values))
    return tuple(found)


def _read(
    data: Any, at: str, known: Known, mistakes: list[Mistake], needed: Iterable[str]
) -> dict[str, Any] | None:
    """The values of an entry, its bounds and rules made; None where it is wrong."""
    before = len(mistakes)
    values = fields.read(data, at, known, mistakes)
    if "rules" in values:
        values["rules"] = rules(values["rules"], f"{at}.rules", mistakes)
    if len(mistakes) == before:
        words = {attribute: key for key, (attribute, _) in known.items()}
        for attribute in needed:
            if attribute not in values:
                text = f"needs {words[attribute]}"
                mistakes.append(Mistake(field=at, text=text))
    if len(mistakes) > before:
        return None
    names = ("minimum", "maximum", "default")
    bounds = Given(**{name: values.pop(name, None) for name in names})
    return {**values, "bounds": bounds}


# How fields are read


def days(value: Any) -> set[int]:
    """weekdays, weekends, daily, mon-fri, sat,sun or a list of names."""
    parts = value if isinstance(value, list) else str(value).split(",")
    found: set[int] = set()
    for part in parts:
        text = str(part).strip().lower()
        first, dash, last = text.partition("-")
        if text in GROUPS:
            found |= set(GROUPS[text])
        elif dash:
            start, end = _day(first), _day(last)
            found |= {(start + i) % 7 for i in range((end - start) % 7 + 1)}
        else:
            found.add(_day(text))
    return found


def _day(text: str) -> int:
    for number, name in enumerate(NAMES):
        if len(text) >= 2 and name.lower().startswith(text):
            return number
    raise ValueError("must be days: weekdays, weekends, daily, mon-fri, sat,sun")


def minute(value: Any) -> int:
    """7, 7:30 or 24:00 as the minute of the day."""
    found = re.fullmatch(r"(\d{1,2})(?::(\d{2}))?", str(value))
    minutes = int(found[1]) * 60 + int(found[2] or 0) if found else -1
    if not found or int(found[2] or 0) > 59 or not 0 <= minutes <= DAY:
        raise ValueError("must be a time of day from 0:00 to 24:00, such as 7 or 7:30")
    return minutes


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError("must be a time such as 2026-11-27 00:00") from None


def _label(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise ValueError("must be a name of at most 100 characters")
    return value


MOST = 50  # instances of a deployment; Azure: how-to-manage-quotas
COUNT = fields.whole(1, MOST)
BOUNDS: dict[str, Any] = {
    name: (name, COUNT) for name in ("minimum", "maximum", "default")
}
WINDOW: Known = {
    "name": ("name", _label),
    "days": ("days", days),
    "from": ("start", minute),
    "to": ("end", minute),
    **BOUNDS,
    "rules": ("rules", lambda value: value),
}
DATES: Known = {
    "name": ("name", _label),
    "from": ("start", _moment),
    "to": ("end", _moment),
    **BOUNDS,
    "rules": ("rules", lambda value: value),
}
