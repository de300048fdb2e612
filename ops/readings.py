"""What was measured of an endpoint, read from where it is: request rows or metrics."""

from datetime import UTC, datetime
from typing import Any

from ops import diagnostics, kql, platform
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import OpsError
from ops.hints import led
from ops.measures import (
    Event,
    Latency,
    Metrics,
    Outcome,
    Point,
    Usage,
    Window,
    measure,
    too_few,
)

REQUESTS = "AmlOnlineEndpointTrafficLog"
EVENTS = "AmlOnlineEndpointEventLog"


def off() -> str:
    on = led("invoke diagnostics.on")
    return (
        "diagnostics are off: counts and percentiles come from Azure Monitor's "
        f"metrics, where a percentile is at most that of the worst minute (try: {on})"
    )


def metrics(
    workspace: Workspace, endpoint: Endpoint, window: Window, flowing: set[str]
) -> Metrics:
    """Every deployment's numbers; from request rows, where they are kept."""
    rows = REQUESTS in flowing
    name = endpoint.name
    if rows:
        ended = outcomes(workspace, name, window)
        latency = latencies(workspace, name, window)
        points = series(workspace, name, window)
    else:
        ended = platform.outcomes(workspace, name, window)
        latency = platform.latencies(workspace, name, window, served(ended))
        points = platform.points(workspace, name, window)
    try:
        used, unread = usage(workspace, endpoint, window), []
    except OpsError as error:  # the requests' rows may be read by others than metrics
        used, unread = {}, [f"no CPU, memory, instances: {first_line(error)}"]
    names = sorted({*endpoint.deployments, *(each.deployment for each in ended)} - {""})
    if any(not each.deployment for each in ended):
        names.append("")  # what was refused before it got to one
    measures = [
        measure(each, ended, latency.get(each), used.get(each), window)
        for each in names
    ]
    return Metrics(
        endpoint=name,
        window=window,
        source="requests" if rows else "platform",
        deployments=measures,
        notes=[*([] if rows else [off()]), *unread, *too_few(measures)],
        points=points,
    )


def flowing(workspace: Workspace, endpoint: str) -> set[str]:
    """The log categories of an endpoint that reach a log workspace."""
    return diagnostics.flowing(diagnostics.show(workspace, endpoint))


def outcomes(workspace: Workspace, endpoint: str, window: Window) -> list[Outcome]:
    return [to_outcome(row) for row in _run(workspace, "outcomes", endpoint, window)]


def to_outcome(row: dict[str, Any]) -> Outcome:
    return Outcome(
        deployment=row["DeploymentName"],
        status=row["ResponseCode"] or 0,
        count=row["Requests"],
        model_status=row["ModelStatusCode"] or 0,
        reason=row["ResponseCodeReason"] or "",
        mirrored=bool(row["Mirrored"]),
        first=aware(row["First"]),
        last=aware(row["Last"]),
        request_id=row["RequestId"] or "",
    )


def latencies(
    workspace: Workspace, endpoint: str, window: Window
) -> dict[str, Latency]:
    return {
        row["DeploymentName"]: Latency(
            count=row["Requests"],
            percentiles={p: float(row[f"P{p}"]) for p in (50, 90, 95, 99)},
        )
        for row in _run(workspace, "latency", endpoint, window)
    }


def series(workspace: Workspace, endpoint: str, window: Window) -> list[Point]:
    values = {"grain": f"{window.grain.total_seconds():.0f}s"}
    return [
        Point(
            at=aware(row["At"]),
            deployment=row["DeploymentName"],
            requests=row["Requests"],
            errors=row["Errors"],
            live=row["Live"],
            p95=float(row["P95"]) if row["Timed"] else None,
        )
        for row in _run(workspace, "series", endpoint, window, values)
    ]


def events(workspace: Workspace, endpoint: str, window: Window) -> list[Event]:
    """What befell the instances, oldest first."""
    found = _run(workspace, "events", endpoint, window)
    return [to_event(row) for row in reversed(found)]


def to_event(row: dict[str, Any]) -> Event:
    return Event(
        at=aware(row["TimeGenerated"]),
        deployment=row["DeploymentName"],
        instance=row["InstanceId"] or "",
        name=row["Name"],
        message=row["Message"] or "",
    )


def usage(workspace: Workspace, endpoint: Endpoint, window: Window) -> dict[str, Usage]:
    return {
        each: platform.usage(workspace, endpoint.name, each, window)
        for each in endpoint.deployments
    }


def served(outcomes: list[Outcome]) -> dict[str, int]:
    """How many requests of each deployment have a latency."""
    counts: dict[str, int] = {}
    for each in outcomes:
        counts[each.deployment] = counts.get(each.deployment, 0) + each.count
    return counts


def first_line(error: OpsError) -> str:
    return error.problem.splitlines()[0]


def aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _run(
    workspace: Workspace,
    name: str,
    endpoint: str,
    window: Window,
    values: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    found = kql.run(workspace, name, values, span=window.span, endpoint=endpoint)
    return found.records()
