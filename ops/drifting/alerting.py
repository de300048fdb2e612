"""What a `drift` block of an alert rule means: the query, and how much must be seen.

The query's value is the evidence of each column, -log10 of the chance of so different
a window without drift (drift.kql). The threshold spends `alpha` over all columns,
deployments and evaluations of thirty days, whatever these have in common (Bonferroni).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ops import fields, specs
from ops.drifting import asking, baseline
from ops.drifting.asking import Question
from ops.drifting.baseline import Baseline, Column
from ops.errors import InvalidSpec, NotFound, Refused
from ops.fields import Known, Mistake

if TYPE_CHECKING:
    from ops.alerting.rules import Expanded

WINDOW, EVERY = timedelta(minutes=15), timedelta(minutes=5)
EVALUATIONS = 30 * 24 * 60  # of thirty days, if there is one each minute
MOST_BYTES = 60_000  # Azure: 64 KB a rule, all of it

KINDS = {
    "features": ("feature",),
    "predictions": ("prediction", "score"),
    "quality": ("feature",),
}
# By what a block is about: the column that is compared.
VALUES = {
    "features": "Evidence",
    "predictions": "Evidence",
    "quality": "max_of(OutEvidence, FaultyEvidence)",
}


@dataclass(frozen=True, kw_only=True)
class Drifting:
    """A `drift` block."""

    what: str  # of KINDS
    alpha: float = 0.05  # the chance of any false alarm in thirty days
    columns: tuple[str, ...] = ()  # only these; none: all


def check(given: Any, at: str = "drift") -> tuple[Drifting | None, list[Mistake]]:
    """What a block means, or all that is wrong with it, whatever the endpoint."""
    mistakes: list[Mistake] = []
    values = fields.read(given, at, BLOCK, mistakes)
    if isinstance(given, dict) and "what" not in given:
        mistakes.append(Mistake(field=f"{at}.what", text="must be given"))
    return (None if mistakes else Drifting(**values)), mistakes


def expand(endpoint: str, given: Any) -> "Expanded":
    """The query and its condition for one endpoint; raise InvalidSpec or NotFound."""
    from ops.alerting.rules import Expanded

    block, mistakes = check(given)
    if block is None:
        raise InvalidSpec(f"{mistake}" for mistake in mistakes)
    found = _baselines(endpoint)
    columns = _columns(block, found[0])
    query = _query(block, found, columns)
    watched = len(columns) * len(specs.load(endpoint).deployments)
    if block.what == "quality":
        watched *= 2  # missing or no number, and out of range
    threshold = math.log10(watched * EVALUATIONS / block.alpha)
    return Expanded(
        query=query,
        measure="Evidence",
        dimensions=("DeploymentName", "Feature"),
        operator="GreaterThan",
        threshold=round(threshold, 3),
        window=WINDOW,
        every=EVERY,
        unit=" evidence",
        notes=(
            f"{watched} comparisons each time; at most {100 * block.alpha:g} % of "
            "months without drift have a false alarm",
        ),
    )


def _baselines(endpoint: str) -> list[Baseline]:
    """One of each version of the model that the files deploy."""
    try:
        by_deployment = baseline.in_files(specs.load(endpoint))
    except Refused as error:
        raise InvalidSpec([f"drift: {error.problem}"]) from None
    found = list({each.version: each for each in by_deployment.values()}.values())
    if not found:
        raise NotFound(f"No file of {endpoint} registers a model, with a baseline.")
    shapes = {tuple(column.name for column in each.columns) for each in found}
    if len(shapes) > 1:
        listed = ", ".join(f"{each.model}:{each.version}" for each in found)
        text = f"drift: {listed} have other columns: one rule can't watch them all"
        raise InvalidSpec([text])
    return found


def _columns(block: Drifting, base: Baseline) -> list[Column]:
    there = [each for each in base.columns if each.kind in KINDS[block.what]]
    names = [each.name for each in there]
    if unknown := [name for name in block.columns if name not in names]:
        text = f"drift.columns: {unknown[0]} is none of {', '.join(names) or 'none'}"
        raise InvalidSpec([text])
    if not there:
        raise NotFound(f"The baseline of {base.model} has no {block.what}.")
    return [each for each in there if not block.columns or each.name in block.columns]


def _query(
    block: Drifting, baselines: Sequence[Baseline], columns: Sequence[Column]
) -> str:
    names = {each.name for each in columns}
    question = Question(
        baseline=baselines[0],
        others=tuple(baselines[1:]),
        deployments=(),
        versions=tuple(each.version for each in baselines),
        by_day=False,
    )
    value = f"| where Column !in ({_listed((asking.ODD, asking.STRANGE))})"
    text = "\n".join(
        [
            asking.lets(question, names),
            asking.parts("rule", "evidence"),
            value,
            "| project DeploymentName, Feature = Column, "
            f"Evidence = {VALUES[block.what]}, Rows = N, Share = Faulty",
        ]
    )
    if len(text.encode()) > MOST_BYTES:
        limit = f"{MOST_BYTES // 1000} KB"
        told = f"drift: the baseline of {len(columns)} columns makes the rule larger "
        raise InvalidSpec([f"{told}than {limit}: name fewer in drift.columns"])
    return text


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _names(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(n, str) for n in listed):
        raise ValueError("must be a list of columns of the baseline")
    return tuple(listed)


BLOCK: Known = {
    "what": ("what", fields.choice(*KINDS)),
    "alpha": ("alpha", fields.number(1e-9, 0.5)),
    "columns": ("columns", _names),
}
