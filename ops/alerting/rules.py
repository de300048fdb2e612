"""An alert rule as its file in alerts/ says it, in Azure Monitor's own terms.

What burn and drift blocks mean is told elsewhere, as an `Expanded`: the query and its
condition, for one endpoint.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

OPERATORS = {  # the word of a file -> Azure's
    "over": "GreaterThan",
    "at_least": "GreaterThanOrEqual",
    "under": "LessThan",
    "at_most": "LessThanOrEqual",
}
SIGNS = dict(zip(OPERATORS.values(), (">", ">=", "<", "<="), strict=True))
DIMENSIONS = {  # the short word of `by` -> the column of the log tables
    "deployment": "DeploymentName",
    "instance": "InstanceId",
    "feature": "Feature",
    "status": "ResponseCode",
}
WINDOW, EVERY = timedelta(minutes=5), timedelta(minutes=1)
ELSEWHERE = math.inf  # a threshold that another file says: slo, or maximum
NEXT = "invoke diagnose"  # the command to type, but for --endpoint and --stage


@dataclass(frozen=True, kw_only=True)
class Failing:
    """Of the last `of` evaluations so many must meet the condition."""

    count: int = 1
    of: int = 1


@dataclass(frozen=True, kw_only=True)
class Log:
    """A query's rows, one column of them or their number against a threshold."""

    query: str  # KQL, its parameters bound
    name: str  # of the query in ops/queries; "" for one that is written in the file
    measure: str  # the column; "" counts rows
    aggregate: str  # Average, Minimum, Maximum, Total, Count
    operator: str  # GreaterThan ...
    threshold: float  # ELSEWHERE: the latency that slo.yaml promises, in ms
    unit: str = ""  # %, ms, requests ...: what the value is shown with


@dataclass(frozen=True, kw_only=True)
class Dynamic:
    """A threshold that Azure learns from ten days of the metric."""

    sensitivity: str  # High, Medium, Low
    operator: str  # GreaterThan, LessThan, GreaterOrLessThan


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One of Azure's metrics against a threshold, one's own or one it learns."""

    name: str
    of: str  # deployment, endpoint or autoscale: a deployment's autoscale setting
    aggregate: str
    operator: str = ""
    threshold: float = 0.0  # ELSEWHERE: of autoscale, the most instances
    dynamic: Dynamic | None = None
    where: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """Dimension, Include or Exclude, values."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A burn or a drift block as it is written; it means something for an endpoint."""

    kind: str  # burn or drift
    given: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Expanded:
    """What a burn or a drift block means for one endpoint."""

    query: str  # one row, or one a combination of dimensions, in the window
    measure: str  # the column that is compared
    dimensions: tuple[str, ...]  # columns: DeploymentName, Feature
    operator: str  # GreaterThan ...
    threshold: float
    window: timedelta | None = None  # where the file says none
    every: timedelta | None = None
    aggregate: str = "Maximum"
    unit: str = ""
    notes: tuple[str, ...] = ()  # said when the rule is planned


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One file of alerts/."""

    name: str  # the file's, without its ending
    path: Path
    summary: str  # with {deployment}, {threshold} ... to be filled in
    severity: int  # 0 (critical) to 4 (verbose)
    runbook: Path
    condition: Log | Metric | Block
    endpoints: tuple[str, ...] = ()  # none: every folder of specs/
    window: timedelta | None = None
    every: timedelta | None = None
    failing: Failing = Failing()
    by: tuple[str, ...] = ()  # columns of a query, dimensions of a metric
    resolves: bool = True
    notify: tuple[str, ...] | None = None  # none: every action group of the stage
    next: str = NEXT


def resource_name(endpoint: str, rule: str, deployment: str = "") -> str:
    """What a rule is called on Azure; `deployment` for one that watches only that."""
    return "-".join(filter(None, ("aml-ops", endpoint, rule, deployment)))


def iso(length: timedelta) -> str:
    """`PT5M`, `PT1H`, `P1D`: as Azure writes windows and frequencies."""
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    if seconds:
        return f"PT{60 * minutes + seconds}S"
    if minutes % 1440 == 0:
        return f"P{minutes // 1440}D"
    return f"PT{minutes // 60}H" if minutes % 60 == 0 else f"PT{minutes}M"


def plain(length: timedelta) -> str:
    """`5m`, `1h`, `1d`: as the files write them."""
    return iso(length).removeprefix("P").removeprefix("T").lower()
