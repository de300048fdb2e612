"""What the evaluator remembers of an alert rule from one evaluation to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops.localcloud.alerting.evaluation import Key
from ops.localcloud.alerting.machine import Series, series
from ops.localcloud.state import State

SUFFIX = "/evaluation"  # of the owner of a memory, behind the rule's id


@dataclass(frozen=True, kw_only=True)
class Status:
    """How one target and combination stood at the last evaluation."""

    target: str
    dimensions: Mapping[str, str]
    status: str  # Healthy, Unhealthy, Unknown
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The last evaluation of a rule, and what is fired since."""

    at: datetime  # the time that it was of
    generation: int  # of the rule, as it was then
    series: Mapping[Key, Series] = field(default_factory=dict)
    statuses: tuple[Status, ...] = ()  # of a metric rule
    problem: str = ""  # why it could not be made
    body: Mapping[str, Any] | None = None  # of the rule, while something is fired


def last(state: State, rule: str) -> Evaluation | None:
    """The last evaluation of a rule, given by its id."""
    told = state.memories.get(rule + SUFFIX)
    return _read(told) if told else None


def keep(state: State, rule: str, evaluation: Evaluation) -> None:
    statuses = [
        {**vars(each), "at": each.at.isoformat()} for each in evaluation.statuses
    ]
    told = {
        "at": evaluation.at.isoformat(),
        "generation": evaluation.generation,
        "series": [
            {"target": target, "dimensions": dimensions, **each.to_json()}
            for (target, dimensions), each in evaluation.series.items()
        ],
        "statuses": statuses,
        "problem": evaluation.problem,
        "body": evaluation.body,
    }
    state.memories.set(rule + SUFFIX, told)


def forget(state: State, rule: str) -> None:
    state.memories.forget(rule + SUFFIX)


def evaluated(state: State) -> list[str]:
    """The ids of all rules that were ever evaluated and are not forgotten."""
    owners = state.memories.owners(SUFFIX)
    return [owner.removesuffix(SUFFIX) for owner in owners]


def _read(told: Mapping[str, Any]) -> Evaluation:
    return Evaluation(
        at=datetime.fromisoformat(told["at"]),
        generation=int(told["generation"]),
        series={
            (each["target"], tuple(map(tuple, each["dimensions"]))): series(each)
            for each in told["series"]
        },
        statuses=tuple(
            Status(**{**each, "at": datetime.fromisoformat(each["at"])})
            for each in told["statuses"]
        ),
        problem=told["problem"],
        body=told["body"],
    )
