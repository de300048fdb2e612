"""The question to the log engine, which counts and computes, and what it answers.

drift.kql goes once over the lines that scoring scripts log, counts the rows in each
cell of each column, and computes on the counts; the baseline stands in it as a table.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ops import kql
from ops.clients import Workspace
from ops.drifting.baseline import MOST_EDGES, Baseline, Column
from ops.errors import OpsError
from ops.literals import quoted
from ops.readings import aware
from ops.times import Span

FOLDER = Path(__file__).parent
WHOLE = datetime(2000, 1, 1)  # noqa: DTZ001 - stands for no day: the whole time
TOLERATED = 0.01  # of the values may be missing or no number
TERMS = 200  # of the series of two distribution functions
NOWHERE = 1e300  # an edge that no value is above
ODD, STRANGE = "(width)", "(version)"  # rows that can't be placed
METRICS = (
    "PopulationStabilityIndex",
    "JensenShannonDistance",
    "NormalizedWassersteinDistance",
    "TwoSampleKolmogorovSmirnovTest",
    "PearsonsChiSquaredTest",
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One column in one stretch of time, beside what it is measured against."""

    deployment: str
    day: datetime | None  # None: the whole time
    column: str
    rows: int  # with a value
    effective: float  # as many independent ones: rows of one request are alike
    baseline_rows: int
    baseline_effective: float
    missing: int
    not_numbers: int  # NaN and infinities
    out_of_range: int
    metrics: Mapping[str, float | None]  # by Azure ML's names; the tests as p-values
    evidence: float  # -log10 of the chance of this much difference without drift
    split: int  # where it is: a cell, or -1 - a cell up to which
    out_evidence: float
    faulty_evidence: float
    counts: tuple[int, ...]
    baseline_counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Question:
    """Whose rows are measured, and against what."""

    baseline: Baseline  # its edges and, without `against`, its counts
    deployments: tuple[str, ...]
    versions: tuple[str, ...]  # of the model, as the lines name it
    against: str = ""  # a deployment
    by_day: bool = True
    others: tuple[Baseline, ...] = ()  # of other versions, of the same columns

    @property
    def baselines(self) -> tuple[Baseline, ...]:
        return (self.baseline, *self.others)


def ask(
    workspace: Workspace, endpoint: str, question: Question, span: Span
) -> list[Measured]:
    """Ask for the rows of an endpoint; raise OpsError where the answer is cut off."""
    found = kql.rows(
        workspace, text(question), span=span, endpoint=endpoint, seconds=600
    )
    if found.partial:
        raise OpsError(f"The rows of {endpoint} are cut off: {found.partial}")
    columns = {each.name: each for each in question.baseline.columns}
    return [
        to_measured(row, columns.get(row["Column"]), question.against)
        for row in found.records()
    ]


def text(question: Question) -> str:
    """The KQL of a question, whole."""
    return "\n".join(
        [
            lets(question),
            f"let steps = dynamic({list(range(TERMS + 1))});",
            parts("metrics", "evidence", "tests"),
        ]
    )


def parts(*names: str) -> str:
    """drift.kql, which counts and compares, and what goes on from there."""
    files = ("drift", *(f"drift_{name}" for name in names))
    return "\n".join((FOLDER / f"{each}.kql").read_text().rstrip() for each in files)


def lets(question: Question, columns: Collection[str] | None = None) -> str:
    """What drift.kql reads by name; of the baseline's columns only these, or all."""
    base = question.baseline
    names = list(question.deployments)
    if question.against:
        names.append(question.against)
    parts = [0, 1] if question.by_day else [0]
    return "\n".join(
        [
            f"let deployments = {strings(names)};",
            f"let judged = {quoted(names[0] if names else '', 'deployment')};",
            f"let against = {quoted(question.against, 'against')};",
            f"let versions = {strings(question.versions)};",
            f"let edges = {quoted(base.version if question.against else '', 'edges')};",
            f"let classes = {strings(base.classes)};",
            f"let width = {len(base.features)};",
            f"let scores = {len(base.scores)};",
            f"let parts = dynamic({parts});",
            f"let tolerated = {TOLERATED};",
            f"let whole = datetime({WHOLE:%Y-%m-%d});",
            table(question.baselines, columns),
            CHOOSE,
        ]
    )


def table(baselines: Sequence[Baseline], columns: Collection[str] | None) -> str:
    """The baselines as KQL: where a column stands in a row, its cells and counts."""
    edges = ", ".join(f"E{index}: real" for index in range(MOST_EDGES))
    nothing = _cells((), (0,), (0,))
    lines = [f'"", -1, "{STRANGE}", false, 1, {nothing}']
    for base in baselines:
        version = quoted(base.version, "version")
        lines.append(f'{version}, -1, "{ODD}", false, 1, {nothing}')
        for place, column in enumerate(_in_order(base)):
            if column.counts and (columns is None or column.name in columns):
                name, ordered = quoted(column.name, "column"), column.ordered
                lines.append(
                    f"{version}, {place}, {name}, {str(ordered).lower()}, "
                    f"{column.deviation:.9g}, "
                    f"{_cells(column.edges, column.counts, column.means)}"
                )
    body = ",\n".join(lines)
    return (
        "let Baseline = datatable(Version: string, At: long, Column: string, "
        f"Ordered: bool, Deviation: real, {edges}, Bases: dynamic, Middles: dynamic) "
        f"[\n{body}];"
    )


def to_measured(
    row: Mapping[str, Any], column: Column | None, against: str
) -> Measured:
    """A row of the answer."""
    size = len(column.counts) if column else 1
    counts = _bag(row["Counts"], size)
    other = _bag(row["OtherCounts"], size)
    day = aware(row["Day"])
    return Measured(
        deployment=row["DeploymentName"],
        day=None if day.replace(tzinfo=None) == WHOLE else day,
        column=row["Column"],
        rows=row["Rows"],
        effective=row["Effective"],
        baseline_rows=row["BaselineRows"],
        baseline_effective=row["BaselineEffective"],
        missing=row["Missing"],
        not_numbers=row["NotNumbers"],
        out_of_range=row["OutOfRange"],
        metrics={name: row[name] for name in METRICS},
        evidence=row["Evidence"],
        split=row["Split"],
        out_evidence=row["OutEvidence"],
        faulty_evidence=row["FaultyEvidence"],
        counts=counts,
        baseline_counts=other if against or column is None else column.counts,
    )


def strings(values: Sequence[str]) -> str:
    return f"dynamic([{', '.join(quoted(each, 'name') for each in values)}])"


def _in_order(baseline: Baseline) -> list[Column]:
    """The columns as drift.kql puts the values of a row together."""
    first = Column(name="", kind="prediction", edges=(), counts=(), means=())
    predicted = [each for each in baseline.columns if each.kind == "prediction"]
    return [*(predicted or [first]), *baseline.scores, *baseline.features]


def _cells(
    edges: Sequence[float], counts: Sequence[int], means: Sequence[float]
) -> str:
    padded = [*edges, *[NOWHERE] * (MOST_EDGES - len(edges))]
    numbers = ", ".join(f"{edge:.12g}" for edge in padded)
    listed = ",".join(f"{mean:.9g}" for mean in means)
    return f"{numbers}, dynamic([{','.join(map(str, counts))}]), dynamic([{listed}])"


def _bag(text: str, size: int) -> tuple[int, ...]:
    found = json.loads(text or "{}")
    return tuple(int(found.get(str(index), 0)) for index in range(size))


# The chance of x or more of n here, where y of m were seen there, if there were no
# difference, is hypergeometric (Fisher). Its terms fall by at least the ratio of the
# first two, which bounds their sum; `surprise` is -log10 of that bound.
CHOOSE = """let choose = (total: real, chosen: real) {
    loggamma(total + 1) - loggamma(chosen + 1) - loggamma(total - chosen + 1)
};
let surprise = (high: real, ofhigh: real, low: real, oflow: real) {
    iff((ofhigh - high) * low >= (high + 1) * (oflow - low + 1), 0.0, max_of(0.0,
        choose(ofhigh + oflow, high + low) - choose(ofhigh, high) - choose(oflow, low)
        + log(1 - (ofhigh - high) * low / ((high + 1) * (oflow - low + 1))))) / log(10)
};"""
