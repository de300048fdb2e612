"""An endpoint on an in-process localcloud, its rows, and runners that take turns."""

import json
from datetime import timedelta
from pathlib import Path

from ops import diagnostics, endpoints, rollout
from ops.clock import RealTime
from ops.localcloud.logstore import Batch
from ops.localcloud.trafficrows import request
from ops.rollouts import preflight, standing
from tests.local_transport import InProcess

POLICY = """
steps:
- {weight: 10, bake: 2m, requests: 0}
- {weight: 50, bake: 2m, requests: 0}
promote: {when: bake}
missing_data: {after: 30d}
probes_per_second: 0
look: 20s
heartbeat: 3m
"""
BLUE = {"blue": 100}


class Moments(RealTime):
    """Locks and deadlines on a time that passes at once where somebody waits for it."""

    def __init__(self):
        self._seconds = 0.0

    def seconds(self):
        return self._seconds

    def pause(self, seconds):
        self._seconds += seconds


class Rig(InProcess):
    """Two deployments, rows that flow, and a clock that only goes while one waits."""

    def __init__(self, folder):
        (folder / "cloud").mkdir()
        super().__init__(folder / "cloud")
        self._folder, self._rows = folder, 0
        self._runners = []
        self.put_endpoint(traffic=BLUE)
        diagnostics.turn_on(self.workspace("setup"), "iris")
        self.clock.move(rate=0)

    def workspace(self, who="ana@laptop"):
        workspace = super().workspace(who)
        workspace.real_time = Moments()
        vars(workspace)["wait"] = self.wait
        vars(workspace)["wait_until"] = self.wait_until
        return workspace

    def wait(self, seconds, stop=None):
        """Nobody waits: the clock is set ahead."""
        self.clock.move(advance=seconds)

    def wait_until(self, moment, stop=None):
        self.wait(max((moment - self.clock.now()).total_seconds(), 0.0))

    def begin(self, policy=POLICY, who="ana@laptop"):
        """A rollout that has begun; each next() of it is what happens then."""
        path = Path(self._folder / "policy.yaml")
        path.write_text(policy)
        workspace = self.workspace(who)
        events = rollout.start(
            workspace, preflight.ready(workspace, "iris", policy=str(path))
        )
        assert next(events).what == "started"
        return self.running(events)

    def running(self, events):
        """A runner that is stopped, in this thread, when the test is over."""
        self._runners.append(events)
        return events

    def close(self):
        for events in self._runners:
            events.close()
        super().close()

    @property
    def endpoint(self):
        return endpoints.get(self.workspace("test"), "iris")

    @property
    def here(self):
        return standing.read(self.endpoint.tags)

    def served(self, deployment, count, status=200, ms=10, seconds_ago=90):
        """Rows of requests that a deployment has answered."""
        at = self.clock.now() - timedelta(seconds=seconds_ago)
        id_ = f"{self.cloud.workspace}/onlineEndpoints/iris".lower()
        rows = []
        for _ in range(count):
            self._rows += 1
            told = {
                "TimeGenerated": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "_ResourceId": id_,
                "DeploymentName": deployment,
                "OperationName": "score",
                "ResponseCode": status,
                "TotalDurationMs": ms,
                "XRequestId": f"request-{self._rows}",
                "UserAgent": "client",
            }
            rows.append(request(json.dumps(told).encode()))
        batch = Batch()
        batch.add("AmlOnlineEndpointTrafficLog", rows)
        self.store.append(batch)


def until(events, *wanted):
    """The next event that is one of these, past all looks; None where it ends first."""
    return next((each for each in events if each.what in wanted), None)
