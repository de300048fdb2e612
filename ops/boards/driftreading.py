"""Panels of drift: what deployments are asked, beside what their models learned."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ops import endpoints, specs
from ops.boards.sources import SOURCES
from ops.boards.tables import Asked, Table, table
from ops.drifting import asking, baseline
from ops.drifting.asking import Measured, Question
from ops.drifting.baseline import Baseline, Column
from ops.errors import OpsError
from ops.readings import first_line
from ops.times import Span

if TYPE_CHECKING:
    from ops.clients import Workspace

BASELINE = "baseline"
METRICS = {
    "PopulationStability": "PopulationStabilityIndex",
    "JensenShannon": "JensenShannonDistance",
    "Wasserstein": "NormalizedWassersteinDistance",
}
Found = list[tuple[Baseline, tuple[Measured, ...]]]


def drift(asked: Asked) -> Table:
    """How far each column of each deployment is from its baseline, in all the time."""
    return _read(asked, measured)


def days(asked: Asked) -> Table:
    """The same day by day."""
    return _read(asked, daily)


def cells(asked: Asked) -> Table:
    """Which share of a column's values lies in each cell, now and in training."""
    return _read(asked, shares)


def _read(asked: Asked, told: Callable[[Found], Iterable[dict[str, Any]]]) -> Table:
    found, notes = _ask(asked)
    return table(asked, told(found), SOURCES[asked.panel.source].columns, notes)


def _ask(asked: Asked) -> tuple[Found, list[str]]:
    """Deployment by deployment: one without a baseline leaves the others be."""
    workspace, name = asked.workspace, asked.endpoint
    spec = specs.load(name, workspace.stage)
    found: Found = []
    failures: list[OpsError] = []
    notes = []
    for each in endpoints.get(workspace, name).deployments.values():
        if not asked.wants(each.name):
            continue
        try:
            base = baseline.of(spec, each)
            question = Question(
                baseline=base,
                deployments=(each.name,),
                versions=(base.version,),
            )
            rows = _answer(workspace, name, question, asked.window.span)
        except OpsError as error:
            failures.append(error)
            notes.append(f"{each.name}: {first_line(error)}")
            continue
        found.append((base, rows))
    if failures and not found:
        raise failures[0]
    return found, notes


@lru_cache(maxsize=32)
def _answer(
    workspace: "Workspace", endpoint: str, question: Question, span: Span
) -> tuple[Measured, ...]:
    """One answer has all that the panels of a dashboard show of the same time."""
    return tuple(asking.ask(workspace, endpoint, question, span))


def measured(found: Found) -> Iterator[dict[str, Any]]:
    for base, rows in found:
        known = {column.name for column in base.columns}
        for row in rows:
            if row.day is None and row.column in known and row.rows:
                yield _record(row) | {
                    "DeploymentName": row.deployment,
                    "Column": row.column,
                    "Missing": row.missing + row.not_numbers,
                    "OutOfRange": row.out_of_range,
                }


def daily(found: Found) -> Iterator[dict[str, Any]]:
    """By day; a line is a deployment's column."""
    records = [
        _record(row)
        | {
            "At": row.day,
            "DeploymentName": row.deployment,
            "What": f"{row.deployment} {row.column}",
        }
        for base, rows in found
        for row in rows
        if row.day is not None
        and row.rows
        and row.column in {column.name for column in base.columns}
    ]
    yield from sorted(records, key=lambda each: (each["At"], each["What"]))


def _record(row: Measured) -> dict[str, Any]:
    metrics = {name: row.metrics.get(own) for name, own in METRICS.items()}
    return {"Rows": row.rows, "Evidence": row.evidence, **metrics}


def shares(found: Found) -> Iterator[dict[str, Any]]:
    """Feature by feature; a baseline that deployments share is told once."""
    names = dict.fromkeys(each.name for base, _ in found for each in base.features)
    for name in names:
        told: set[tuple[int, ...]] = set()
        for column, row in _of(name, found):
            if row.baseline_counts not in told:
                yield from _cells(column, BASELINE, row.baseline_counts)
            told.add(row.baseline_counts)
            yield from _cells(column, row.deployment, row.counts)


def _of(name: str, found: Found) -> Iterator[tuple[Column, Measured]]:
    """One feature of every deployment that has been asked anything, in all the time."""
    for base, rows in found:
        column = next((each for each in base.features if each.name == name), None)
        for row in rows:
            if column and row.day is None and row.column == name:
                yield column, row


def _cells(
    column: Column, deployment: str, counts: tuple[int, ...]
) -> Iterator[dict[str, Any]]:
    edges = bounds(column.edges)
    whole = sum(counts)
    for index, count in enumerate(counts):
        yield {
            "Column": column.name,
            "FromValue": edges[index],
            "ToValue": edges[index + 1],
            "DeploymentName": deployment,
            "SharePercent": 100.0 * count / whole if whole else None,
        }


def bounds(edges: tuple[float, ...]) -> list[float]:
    """Where cells begin and end: the outermost, which have no end, as wide as the
    next."""
    first, last = edges[1] - edges[0], edges[-1] - edges[-2]
    return [edges[0] - first, *edges, edges[-1] + last]
