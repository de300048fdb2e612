"""A log store and what it ingests, over a state that tests write themselves."""

import json
import sys
from datetime import UTC, datetime, timedelta

from ops.localcloud.console import console_log
from ops.localcloud.flows import CONSOLE, EVENTS, METRICS, TRAFFIC
from ops.localcloud.ingest import Ingest
from ops.localcloud.logstore import LogStore
from ops.localcloud.records import Instance
from ops.localcloud.state import State

TENANT = "00000000-0000-4000-8000-000000000001"
WORKSPACE = (
    "/subscriptions/s/resourceGroups/rg/providers"
    "/Microsoft.MachineLearningServices/workspaces/ws"
)
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/iris"
BLUE = f"{ENDPOINT}/deployments/blue"
SETTING = f"{ENDPOINT}/providers/Microsoft.Insights/diagnosticSettings/all"


class LogRig:
    """State, store and ingest of a directory; one endpoint, blue, and its instance."""

    def __init__(self, directory):
        self.directory = directory
        self.state = State(directory / "state.db")
        self.store = LogStore(directory / "logs.duckdb", TENANT, self.state.clock.now)
        self.ingest = Ingest(self.state, self.store, directory)
        (directory / "gateway").mkdir(exist_ok=True)
        self.traffic = directory / "gateway" / "traffic.jsonl"
        if not self.state.of_type("workspaces"):
            self.put(WORKSPACE, workspaceId=TENANT)
            self.put(ENDPOINT)
            self.put(BLUE)

    def put(self, id_, **properties):
        body = {"id": id_, "name": id_.rsplit("/", 1)[1], "properties": properties}
        return self.state.put(body)

    def let_flow(self, *categories, since=None):
        since = (since or datetime.now(UTC)).isoformat()
        names = categories or (CONSOLE, TRAFFIC, EVENTS, METRICS)
        body = {"id": SETTING, "name": "all", "properties": {}}
        self.state.put({**body, "since": dict.fromkeys(names, since)})

    def instance(self, name="blue-1", **values):
        made = Instance(
            id=name,
            deployment=BLUE.lower(),
            fingerprint="f",
            state="Ready",
            **{
                "started": datetime.now(UTC),
                "pid": 1,
                "process_created": 1.0,
                **values,
            },
        )
        self.state.save_instance(made)
        console_log(self.directory, name).parent.mkdir(parents=True, exist_ok=True)
        return made

    def prints(self, content, instance="blue-1"):
        with console_log(self.directory, instance).open("ab") as log:
            log.write(content)

    def request(self, number=0, **columns):
        """Write a row of the access log, as the gateway does."""
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        row = {
            "TimeGenerated": at,
            "_ResourceId": ENDPOINT,
            "_SubscriptionId": "s",
            "EndpointName": "iris",
            "DeploymentName": "blue",
            "ResponseCode": 200,
            "ModelStatusCode": 200,
            "TotalDurationMs": 10,
            "XRequestId": f"request-{number}",
            **columns,
        }
        with self.traffic.open("ab") as log:
            log.write(json.dumps(row).encode() + b"\n")

    def step(self):
        self.ingest.step(datetime.now(UTC))

    def restart(self):
        """As a new control plane over the same directory."""
        self.close()
        self.__init__(self.directory)

    def close(self):
        self.store.close()
        self.state.close()

    def ask(self, kql):
        """The rows of a query, as dicts."""
        table = self.store.query(kql, now=datetime.now(UTC)).tables[0]
        names = [name for name, _ in table.columns]
        return [dict(zip(names, row, strict=True)) for row in table.rows]

    def column(self, name, table, more=""):
        """One column of a table, in order of time, read without KQL."""
        sql = f'SELECT "{name}" FROM "{table}" {more} ORDER BY "TimeGenerated"'
        return [row[0] for row in self.store.read(sql)]

    @property
    def messages(self):
        return self.column("Message", CONSOLE)


def hours_ago(hours):
    return datetime.now(UTC) - timedelta(hours=hours)


if __name__ == "__main__":  # a control plane's ingest, to be killed
    from pathlib import Path

    rig = LogRig(Path(sys.argv[1]))
    while True:
        rig.step()
