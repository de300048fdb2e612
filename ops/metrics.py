"""How blue and green do beside each other: rate, errors, latency, CPU, memory."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime

from ops import endpoints, readings, render
from ops.clients import Workspace
from ops.measures import Metrics, dense, window


def looker(
    workspace: Workspace, name: str, since: str, grain: str
) -> Callable[[], Metrics]:
    """What reads the last `since` whenever it is called; raise UsageError at once."""
    window(since, grain, datetime.now(UTC))

    def look() -> Metrics:
        endpoint = endpoints.get(workspace, name)
        span = window(since, grain, datetime.now(UTC))
        flowing = readings.flowing(workspace, name)
        return readings.metrics(workspace, endpoint, span, flowing)

    return look


def print_csv(metrics: Metrics) -> None:
    render.line(to_csv(metrics).rstrip())


def to_csv(metrics: Metrics) -> str:
    """One line a point and deployment, gaps included; then it loads as it is."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", "deployment", "requests", "live", "errors", "p95_ms"])
    for name in sorted({each.deployment for each in metrics.points}):
        for at, _, point in dense(metrics.points, name, metrics.window):
            row = [point.requests, point.live, point.errors] if point else [0, 0, 0]
            p95 = point.p95 if point and point.p95 is not None else ""
            writer.writerow([at.strftime("%Y-%m-%dT%H:%M:%SZ"), name, *row, p95])
    return out.getvalue()
