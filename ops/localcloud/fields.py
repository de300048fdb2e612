"""What is wrong with the fields of a request's body, as sentences that name them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from ops.localcloud.intervals import duration

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

Told = Mapping[str, Any]
Problems = Iterator[str]


def under(at: str, name: str) -> str:
    """Where a field stands: criteria.allOf[0].operator."""
    return f"{at}.{name}" if at else name


def one_of(at: str, told: Told, name: str, known: Iterable[str]) -> Problems:
    if told.get(name) not in list(known):
        yield f"{under(at, name)} must be one of {', '.join(known)}."


def flag(at: str, told: Told, name: str, *, required: bool = False) -> Problems:
    if not isinstance(told.get(name), bool) and (required or name in told):
        yield f"{under(at, name)} must be true or false."


def whole(at: str, told: Told, name: str, least: int, most: int) -> Problems:
    """A whole number, which some clients write as 4.0."""
    value = told.get(name)
    right = type(value) in (int, float) and value in range(least, most + 1)
    if not right:
        yield f"{under(at, name)} must be a whole number from {least} to {most}."


def number(at: str, told: Told, name: str) -> Problems:
    if type(told.get(name)) not in (int, float):
        yield f"{under(at, name)} must be a number."


def given(at: str, told: Told, name: str) -> Problems:
    if not isinstance(told.get(name), str) or not told[name].strip():
        yield f"{under(at, name)} must be given."


def short(at: str, told: Told, name: str, most: int) -> Problems:
    """Text that may be missing and must not be too long."""
    value = told.get(name)
    if value is None:
        return
    if not isinstance(value, str):
        yield f"{under(at, name)} must be a string."
    elif len(value) > most:
        yield f"{under(at, name)} must be at most {most:,} characters long."


def strings(at: str, told: Told, name: str, least: int = 0) -> Problems:
    """A list of strings; one that may be empty may be missing too."""
    value = told.get(name)
    if value is None and not least:
        return
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        yield f"{under(at, name)} must be a list of strings."
    elif len(value) < least:
        yield f"{under(at, name)} must hold at least {least}."


def pairs(at: str, told: Told, name: str) -> Problems:
    """A map of strings to strings, that may be missing."""
    value = told.get(name)
    if value is None:
        return
    if not isinstance(value, dict) or not all(
        isinstance(each, str) for each in value.values()
    ):
        yield f"{under(at, name)} must map names to strings."


def objects(value: Any) -> list[dict[str, Any]] | None:
    """A list of objects as such; None for anything else."""
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return value
    return None


def length_in(at: str, told: Told, name: str, known: Iterable[str]) -> Problems:
    """One of some durations, however it is spelled."""
    if length(told.get(name)) not in [length(each) for each in known]:
        yield f"{under(at, name)} must be one of {', '.join(known)}."


def between(
    at: str, told: Told, name: str, least: timedelta, most: timedelta
) -> Problems:
    found = length(told.get(name))
    if found is None or not least <= found <= most:
        limits = f"{spelled(least)} to {spelled(most)}"
        yield f"{under(at, name)} must be a duration from {limits}."


def length(text: Any) -> timedelta | None:
    """A duration of ISO 8601; None for anything else."""
    try:
        return duration(text)
    except (TypeError, ValueError, OverflowError):
        return None


def spelled(length: timedelta) -> str:
    """As ISO 8601 writes it: PT5M, PT12H, P7D."""
    if length % DAY == timedelta(0):
        return f"P{length // DAY}D"
    if length % HOUR == timedelta(0):
        return f"PT{length // HOUR}H"
    return f"PT{length // MINUTE}M"
