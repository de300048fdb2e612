"""Whether a panel has what its kind needs to be drawn: columns of the right types."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ops import fields, kql, literals
from ops.boards import metrics
from ops.boards.model import Panel
from ops.boards.sources import SOURCES
from ops.errors import UsageError
from ops.kql import Column

NUMBERS = {"int", "long", "real", "decimal"}
OWN = {"grain", "deployments"}  # parameters that whoever shows the panel fills in


def columns(source: str, values: Mapping[str, Any]) -> tuple[Column, ...]:
    """What a source gives to be shown."""
    if source == "logs":
        return kql.named(values["query"]).gives
    if source == "metrics":
        return metrics.COLUMNS
    return SOURCES[source].columns if source in SOURCES else ()


def wrong(panel: Panel, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong between a panel's keys and the columns there are."""
    if (panel.kind == "text") != (panel.source == "text"):
        yield "kind", "text goes with the key text, and nothing else does"
        return
    if panel.params and panel.source != "logs":
        yield "params", "only a query has parameters"
    if panel.source == "logs":
        yield from _parameters(panel)
    named = {
        "by": (panel.by,) if panel.by else (),
        "each": (panel.each,) if panel.each else (),
        "axis": panel.axis,
    }
    for field, names in {**named, "show": panel.show}.items():
        for name in names:
            if name not in given:
                yield field, f"{name!r} is no column of it ({near(name, given)})"
    yield from _shape(panel, given)
    for threshold in panel.thresholds:
        if threshold.objective and panel.unit not in ("percent", "ms", "times"):
            yield "thresholds", "an objective's limit is in percent, ms or times"


def _parameters(panel: Panel) -> Iterator[tuple[str, str]]:
    query = kql.named(panel.query)
    known = {each.name: each.kind for each in query.parameters}
    for name, value in panel.params.items():
        if name not in known or name in OWN:
            free = [each for each in known if each not in OWN]
            yield f"params.{name}", f"{query.name} has none ({near(name, free)})"
            continue
        try:
            literals.literal(known[name], value, name)
        except UsageError as error:
            yield f"params.{name}", error.problem


def _shape(panel: Panel, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Whether the kind of panel has what it needs to be drawn."""
    axes = {"bar": 1, "histogram": 2}.get(panel.kind, 0)
    if len(panel.axis) != axes:
        yield "axis", f"a {panel.kind} takes {('none', 'one', 'two: from, to')[axes]}"
    if panel.each and panel.kind != "histogram":
        yield "each", f"a {panel.kind} is one picture"
    if panel.kind == "timeseries" and not _over_time(panel):
        yield "kind", "it gives no column of times, or takes no grain"
    if panel.kind == "stat" and panel.source == "metrics":
        yield "kind", "a metric is a timeseries"
    if panel.kind in ("text", "table"):
        return
    if not panel.show:
        numbers = [name for name, kind in given.items() if kind in NUMBERS]
        yield "show", f"must name what is drawn, of: {', '.join(numbers)}"
    for name in (*panel.show, *(panel.axis if axes == 2 else ())):
        if given.get(name, "long") not in NUMBERS:
            yield "show", f"{name!r} is {given[name]}, not a number"


def _over_time(panel: Panel) -> bool:
    if panel.source != "logs":
        return bool(panel.time)
    known = {each.name for each in kql.named(panel.query).parameters}
    return bool(panel.time) and "grain" in known


def near(name: str, known: Iterable[str]) -> str:
    names = list(known)
    return fields.near(name, names, "allowed: " + (", ".join(names) or "none"))
