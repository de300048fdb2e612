"""Read the keys of a YAML mapping, and gather all that is wrong with them."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops import times
from ops.errors import UsageError

Reader = Callable[[Any], Any]  # raises ValueError, which says what the value must be
Known = Mapping[str, "tuple[str, Reader] | Known"]
"""By key: the attribute and how its value is read, or the keys of a mapping."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One wrong field: `steps[2].bake`, and what is wrong with it."""

    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


def read(data: Any, at: str, known: Known, mistakes: list[Mistake]) -> dict[str, Any]:
    """The values that are right, by attribute; a mapping within adds to its parent."""
    if not isinstance(data, dict):
        text = f"{data!r} must hold keys and values ({', '.join(known)})"
        mistakes.append(Mistake(field=at, text=text))
        return {}
    found: dict[str, Any] = {}
    for key, value in data.items():
        field = f"{at}.{key}" if at else str(key)
        if key not in known:
            mistakes.append(Mistake(field=field, text=unknown(str(key), known)))
            continue
        entry = known[key]
        if isinstance(entry, Mapping):
            found |= read(value, field, entry, mistakes)
            continue
        attribute, reader = entry
        try:
            found[attribute] = reader(value)
        except ValueError as error:
            mistakes.append(Mistake(field=field, text=f"{value!r} {error}"))
    return found


def unknown(key: str, known: Iterable[str]) -> str:
    allowed = f"allowed: {', '.join(known)}"
    return f"unknown key ({near(key, known, allowed)})"


def near(word: str, known: Iterable[str], otherwise: str) -> str:
    """What may have been meant, as a question; or what to say for want of it."""
    found = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {found[0]}?" if found else otherwise


def whole(least: int, most: int) -> Reader:
    def reader(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return reader


def number(least: float, most: float) -> Reader:
    def reader(value: Any) -> float:
        if type(value) not in (int, float) or not least <= value <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return float(value)

    return reader


def percent(least: float, most: float) -> Reader:
    """A percentage, as the ratio it means."""
    read_number = number(least, most)
    return lambda value: read_number(value) / 100


def seconds(value: Any) -> float:
    """A time with its unit: 30s, 10m, 2h."""
    try:
        return times.duration(str(value), "").total_seconds()
    except UsageError:
        raise ValueError("must be a time with its unit, such as 30s, 10m, 2h") from None


def seconds_or_none(value: Any) -> float:
    """A time with its unit, or 0, with a unit or without, for no time at all."""
    return 0.0 if str(value) in {"0", "0s", "0m", "0h"} else seconds(value)


def choice(*words: str) -> Reader:
    def reader(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of: {', '.join(words)}")
        return str(value)

    return reader


def flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value
