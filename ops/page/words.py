"""Numbers, times and names of columns as a person reads them."""

import re
from datetime import UTC, datetime
from typing import Any

from ops.boards.model import UNITS

REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NONE = "\N{EN DASH}"
LONG = 300  # characters of a cell
BAD = ("failed", "fail", "rolled back", "roll back", "aborted", "not done", "fired")
UNEASY = ("interrupted", "cut off", "not known", "paused", "pause", "trouble")


def number(value: float | None, unit: str = "") -> str:
    """`12.4%`, `310 ms`, `1,204`; a dash for what isn't known."""
    if value is None:
        return NONE
    size = abs(value)
    places = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    shown = f"{value:,.{places}f}"
    behind = UNITS.get(unit, unit)
    return f"{shown}{behind}" if behind in ("", "%", "x") else f"{shown} {behind}"


def moment(at: datetime, now: datetime) -> str:
    """The time of day, with its date where that isn't today's."""
    at = at.astimezone(UTC)
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%d %b %H:%M:%S}"


def heading(column: str) -> str:
    """`deployment` for DeploymentName, `traffic %` for TrafficPercent."""
    name = re.sub(r"(?<=[A-Za-z])Name$", "", column)
    parts = re.findall(r"[A-Z]+\d*(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    ends = {"Percent": "%", "Ms": "ms"}
    return " ".join(ends.get(p, p if p.isupper() else p.lower()) for p in parts)


def text(value: Any) -> str:
    """What stands in a cell that is neither number nor time."""
    if value is None or value == "":
        return NONE
    said = str(value)
    return said if len(said) <= LONG else f"{said[:LONG]}…"


def mood(value: Any) -> str:
    """How a word of a cell is to be seen: bad, uneasy or "" for as any other."""
    said = str(value).lower()
    return "bad" if said in BAD else "uneasy" if said in UNEASY else ""


def aria(name: str, value: str) -> dict[str, Any]:
    """An attribute for who listens to the page."""
    return {f"aria-{name}": value}
