"""How blue and green do beside each other: rate, errors, latency, CPU, memory."""

import csv
import io
from dataclasses import dataclass, replace
from datetime import datetime

from ops import clients, endpoints, readings
from ops.clients import Workspace
from ops.errors import OpsError
from ops.measures import Metrics, dense, window
from ops.views import render


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What --watch shows: the last answer, and why there is no newer one."""

    metrics: Metrics
    looked: datetime  # when this was tried
    fresh: datetime  # when it last succeeded
    trouble: str = ""


class Looker:
    """Reads the last `since` whenever it is asked; raises UsageError at once."""

    def __init__(self, workspace: Workspace, name: str, since: str, grain: str) -> None:
        window(since, grain, workspace.now())
        self._workspace, self._name = workspace, name
        self._since, self._grain = since, grain
        self._sight: Sight | None = None

    def look(self) -> Metrics:
        endpoint = endpoints.get(self._workspace, self._name)
        span = window(self._since, self._grain, self._workspace.now())
        flowing = readings.flowing(self._workspace, self._name)
        return readings.metrics(self._workspace, endpoint, span, flowing)

    def patiently(self) -> Sight:
        """The same; once there was an answer, a time without one is only told."""
        now = self._workspace.now()
        try:
            if self._sight and self._sight.trouble:
                self._workspace = clients.again(self._workspace)
            self._sight = Sight(metrics=self.look(), looked=now, fresh=now)
        except OpsError as error:
            if not self._sight:
                raise
            trouble = error.problem.splitlines()[0]
            self._sight = replace(self._sight, looked=now, trouble=trouble)
        return self._sight


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
