"""How much has flowed through an endpoint lately, read from its request rows.

What a change of weights is checked against. Log Analytics may be slow, switched off or
down, and a rollback must not wait for it: what is not known in time is not known.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any

from ops import kql
from ops.errors import OpsError
from ops.times import Span

if TYPE_CHECKING:
    from ops.clients import Workspace

WINDOW = timedelta(minutes=15)
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What one deployment was asked lately."""

    requests: int  # live and mirrored
    live: int
    errors: int  # answered with 400 and above
    mean_ms: float


@dataclass(frozen=True, kw_only=True)
class Recent:
    """The last minutes of an endpoint."""

    flows: Mapping[str, Flow] = field(default_factory=dict)
    per_second: float = 0.0  # live requests, in the busiest minute
    latest: datetime | None = None  # when the last row was written
    unknown: str = ""  # why nothing is known

    def lag_seconds(self, now: datetime) -> float:
        """How far the rows are behind, at most: nothing may have been asked since."""
        return (now - self.latest).total_seconds() if self.latest else 0.0


def recent(
    workspace: "Workspace", endpoint: str, now: datetime, window: timedelta = WINDOW
) -> Recent:
    """What the last minutes' rows say; never raises, never takes long."""
    return reading(workspace, endpoint, now, window)()


def reading(
    workspace: "Workspace", endpoint: str, now: datetime, window: timedelta = WINDOW
) -> Callable[[], Recent]:
    """Begin to read; return what waits for it, once something else has been done."""
    found = Recent(unknown=f"Log Analytics gave no answer in {PATIENCE_SECONDS:g} s")

    def read() -> None:
        nonlocal found
        try:
            span = Span(start=now - window, end=now + timedelta(minutes=1))
            rows = kql.run(workspace, "flow", span=span, endpoint=endpoint).records()
            found = to_recent(rows)
        except OpsError as error:
            found = Recent(unknown=error.problem.splitlines()[0])

    def wait() -> Recent:
        reader.join(PATIENCE_SECONDS)
        return found

    reader = Thread(target=read, daemon=True)
    reader.start()
    return wait


def to_recent(rows: list[dict[str, Any]]) -> Recent:
    """The rows of flow.kql, summed up."""
    if not rows:
        return Recent()
    minutes: dict[Any, int] = {}
    own: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        minutes[row["Minute"]] = minutes.get(row["Minute"], 0) + row["Live"]
        own.setdefault(row["DeploymentName"], []).append(row)
    return Recent(
        flows={name: _flow(each) for name, each in own.items()},
        per_second=max(minutes.values()) / 60,
        latest=max(row["Latest"] for row in rows),
    )


def together(flows: Iterable[Flow | None]) -> Flow:
    """Several deployments, or none, as one."""
    found = [flow for flow in flows if flow]
    requests = sum(flow.requests for flow in found)
    spent = sum(flow.mean_ms * flow.requests for flow in found)
    return Flow(
        requests=requests,
        live=sum(flow.live for flow in found),
        errors=sum(flow.errors for flow in found),
        mean_ms=spent / requests if requests else 0.0,
    )


def _flow(rows: list[dict[str, Any]]) -> Flow:
    requests = sum(row["Requests"] for row in rows)
    return Flow(
        requests=requests,
        live=sum(row["Live"] for row in rows),
        errors=sum(row["Errors"] for row in rows),
        mean_ms=sum(row["Ms"] or 0 for row in rows) / requests,
    )
