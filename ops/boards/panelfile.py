"""One panel of a dashboard's file: its keys, and how each is read."""

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from ops import fields, kql
from ops.boards import metrics, shapes
from ops.boards.limits import objectives
from ops.boards.model import KINDS, LEVELS, UNITS, WIDE, Metric, Panel, Threshold
from ops.boards.sources import SOURCES
from ops.errors import OpsError
from ops.fields import Known, Mistake

ID = re.compile(r"[a-z][a-z0-9-]{0,30}")
SHORT = {"deployment": "DeploymentName"}  # words for columns that most queries have
LIMITS = {"over", "under", "objective"}
ORIGINS = ("query", "metric", "from", "text")


def defined(
    board: str, data: Any, mistakes: list[Mistake]
) -> tuple[dict[str, Panel], set[str]]:
    """The panels that a file defines by their ids, and the ids of all it tries to."""
    found: dict[str, Panel] = {}
    names: set[str] = set()
    for at, item in _items(data):
        id = f"{board}.{item.get('id')}"
        if id in names:
            text = f"is defined already; to show it again, list it as {id}"
            mistakes.append(Mistake(field=f"{at}.id {item['id']!r}", text=text))
        names.add(id)
        if (panel := read(id, item, at, mistakes)) is not None:
            found.setdefault(panel.id, panel)
    return found, names


def _items(data: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each panel stands and what it says; what has no such shape is passed by."""
    rows = data.get("rows") if isinstance(data, dict) else None
    for number, row in enumerate(rows if isinstance(rows, list) else (), 1):
        listed = row.get("panels") if isinstance(row, dict) else None
        for place, item in enumerate(listed if isinstance(listed, list) else (), 1):
            if isinstance(item, dict):
                yield f"rows[{number}].panels[{place}]", item


def read(
    id: str, data: dict[str, Any], at: str, mistakes: list[Mistake]
) -> Panel | None:
    """A panel whose columns are those of its source; None where that can't be told."""
    before = len(mistakes)
    values = fields.read(data, at, keys(at, mistakes), mistakes)
    origins = [key for key in ORIGINS if key in data]
    for key in ("id", "title", "kind"):
        if key not in data:
            mistakes.append(Mistake(field=f"{at}.{key}", text="must be given"))
    if len(origins) != 1:
        told = " and ".join(origins) or "none"
        text = f"takes exactly one of {', '.join(ORIGINS)}, and has {told}"
        mistakes.append(Mistake(field=at, text=text))
    if len(mistakes) > before:
        return None
    source = {"query": "logs", "metric": "metrics", "text": "text"}.get(origins[0])
    source = values.pop("from", source)
    given = shapes.columns(source, values)
    values["by"] = SHORT.get(values.get("by", ""), values.get("by", ""))
    values["show"] = tuple(SHORT.get(each, each) for each in values.get("show", ()))
    values.pop("id")
    times = [each.name for each in given if each.type == "datetime"]
    time = times[0] if times and values["kind"] == "timeseries" else ""
    panel = Panel(id=id, source=source, time=time, **values)
    mistakes += [
        Mistake(field=f"{at}.{field}", text=text)
        for field, text in shapes.wrong(panel, {each.name: each.type for each in given})
    ]
    return panel if len(mistakes) == before else None


def length(value: Any) -> timedelta:
    return timedelta(seconds=fields.seconds(value))


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value.strip()


def keys(at: str, mistakes: list[Mistake]) -> Known:
    """How each key is read; what is nested tells its own mistakes."""
    return {
        "id": ("id", _id),
        "title": ("title", text),
        "help": ("help", text),
        "kind": ("kind", fields.choice(*KINDS)),
        "query": ("query", _query),
        "params": ("params", _params),
        "metric": ("metric", partial(_metric, at, mistakes)),
        "from": ("from", fields.choice(*SOURCES)),
        "text": ("text", text),
        "axis": ("axis", _words),
        "each": ("each", text),
        "by": ("by", text),
        "show": ("show", _words),
        "unit": ("unit", fields.choice(*(each for each in UNITS if each))),
        "thresholds": ("thresholds", partial(_thresholds, at, mistakes)),
        "width": ("width", fields.whole(2, WIDE)),
    }


def _id(value: Any) -> str:
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise ValueError("must be small letters, digits and -, up to 31")
    return value


def _query(value: Any) -> str:
    if value not in kql.names():
        raise ValueError(f"is no query ({shapes.near(str(value), kql.names())})")
    if not kql.named(value).gives:
        raise ValueError("does not tell its columns: a line // gives is missing in it")
    return str(value)


def _params(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("must map parameters to values")
    return {str(name): str(each) for name, each in value.items()}


def _words(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(each, str) for each in listed):
        raise ValueError("must name columns")
    return tuple(listed)


def _metric(at: str, mistakes: list[Mistake], data: Any) -> Metric | None:
    before = len(mistakes)
    values = fields.read(data, f"{at}.metric", metrics.KEYS, mistakes)
    if len(mistakes) == before:
        found = metrics.wrong(values)
        mistakes += [Mistake(field=f"{at}.metric", text=each) for each in found]
    return Metric(**values) if len(mistakes) == before else None


def _thresholds(at: str, mistakes: list[Mistake], data: Any) -> tuple[Threshold, ...]:
    if not isinstance(data, list):
        raise ValueError("must be a list, such as [{over: 80, level: warning}]")
    found = []
    for number, item in enumerate(data, 1):
        where, before = f"{at}.thresholds[{number}]", len(mistakes)
        values = fields.read(item, where, THRESHOLD, mistakes)
        if isinstance(item, dict) and len(item.keys() & LIMITS) != 1:
            text = "takes exactly one of over, under, objective"
            mistakes.append(Mistake(field=where, text=text))
        if len(mistakes) == before:
            found.append(Threshold(**values))
    return tuple(found)


def _objective(value: Any) -> str:
    try:
        known = objectives()
    except OpsError:
        known = {str(value)}  # what is wrong with slo.yaml is told where it is read
    if value not in known:
        raise ValueError(
            f"is no objective of any slo.yaml ({shapes.near(str(value), known)})"
        )
    return str(value)


THRESHOLD: Known = {
    "level": ("level", fields.choice(*LEVELS)),
    "over": ("over", fields.number(-1e12, 1e12)),
    "under": ("under", fields.number(-1e12, 1e12)),
    "objective": ("objective", _objective),
}
