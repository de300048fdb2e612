"""What request rows tell of two deployments, for a rollout to judge them by.

A row counts as an error if its caller got no answer of the model's: 5xx, 408 (too
slow), 424 (the model failed, or said no) and 429 (the deployment had no place for it).
Any other 4xx is the caller's own doing. A retry, which is a try whose last try with the
same client request id failed, does not count: it is there because of a failure that
has been counted, and where it ends is not independent of that (ops/queries/canary.kql).
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops import kql
from ops.clients import Workspace
from ops.errors import OpsError
from ops.measures import NEEDED
from ops.readings import aware
from ops.rollouts.evidence import Bin, Side
from ops.rollouts.policy import Policy
from ops.times import Span

RETRIED_WITHIN = timedelta(minutes=10)
Rows = list[dict[str, Any]]
NEVER = 1e9  # milliseconds: a threshold that nothing is over


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """How many milliseconds stable's answers took, frozen before the rollout."""

    requests: int = 0  # of so many
    p50: float = NEVER
    p90: float = NEVER
    p99: float = NEVER


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The deployment that is judged, and the one it is judged by."""

    canary: str
    stable: str


def thresholds(
    workspace: Workspace, endpoint: str, stable: str, span: Span
) -> Thresholds:
    """What stable's answers took; a percentile that too few could tell is NEVER."""
    values = {"stable": stable}
    (row,) = _run(workspace, "canary_baseline", values, endpoint, span)
    count = row["Requests"]
    told = {
        f"p{percent}": float(row[f"P{percent}"])
        for percent in (50, 90, 99)
        if count >= NEEDED[percent]
    }
    return Thresholds(requests=count, **told)


def newest(workspace: Workspace, endpoint: str, span: Span) -> datetime | None:
    """The time of the newest request row that has arrived; None of none."""
    (row,) = _run(workspace, "newest", {}, endpoint, span)
    return aware(row["Newest"]) if row["Newest"] else None


def arrived(
    workspace: Workspace, endpoint: str, run: str, span: Span
) -> dict[str, datetime]:
    """The times of a runner's probes whose rows have arrived, by client request id."""
    rows = _run(workspace, "probes", {"run": run}, endpoint, span)
    return {row["RequestId"]: aware(row["At"]) for row in rows}


def bins(
    workspace: Workspace,
    endpoint: str,
    pair: Pair,
    span: Span,
    grain: timedelta,
    limits: Thresholds,
    policy: Policy,
) -> list[Bin]:
    """The bins of a span that is some whole number of grains; empty ones are left out.

    Every row before its end must have arrived: no bin is read twice.
    """
    values = asked(pair, span, grain, limits, policy)
    read = Span(start=span.start - RETRIED_WITHIN, end=span.end)
    return to_bins(_run(workspace, "canary", values, endpoint, read), pair, grain)


def asked(
    pair: Pair,
    span: Span,
    grain: timedelta,
    limits: Thresholds,
    policy: Policy,
) -> dict[str, str]:
    """The parameters of the query."""
    over = policy.guardrails.over_ms
    return {
        "canary": pair.canary,
        "stable": pair.stable,
        "since": span.start.isoformat(),
        "until": span.end.isoformat(),
        "grain": f"{grain.total_seconds():g}s",
        "over50": str(limits.p50),
        "over90": str(limits.p90),
        "over99": str(limits.p99),
        "slack_ratio": str(policy.judge.slack_ratio),
        "slack_ms": str(policy.judge.slack_ms),
        "over": str(NEVER if over is None else over),
        "retried_within": f"{RETRIED_WITHIN.total_seconds():g}s",
    }


def to_bins(rows: Rows, pair: Pair, grain: timedelta) -> list[Bin]:
    sides: dict[datetime, dict[str, Side]] = defaultdict(dict)
    for row in rows:
        sides[aware(row["At"])][row["DeploymentName"]] = Side(
            requests=row["Requests"],
            errors=row["Errors"],
            slow=(row["Slow50"], row["Slow90"], row["Slow99"]),
            over=row["Over"],
        )
    return [
        Bin(
            at=at + grain,
            canary=found.get(pair.canary, Side()),
            stable=found.get(pair.stable, Side()),
        )
        for at, found in sorted(sides.items())
    ]


def whole(start: datetime, end: datetime, grain: timedelta) -> datetime:
    """The end of the last whole grain from `start` that is over by `end`."""
    return start + max((end - start) // grain, 0) * grain


def _run(
    workspace: Workspace, name: str, values: dict[str, str], endpoint: str, span: Span
) -> Rows:
    found = kql.run(workspace, name, values, span=span, endpoint=endpoint)
    if found.partial:  # an answer of which rows are missing can't be judged by
        raise OpsError(f"The request rows of {endpoint} are cut off: {found.partial}")
    return found.records()
