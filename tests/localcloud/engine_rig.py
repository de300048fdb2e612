"""The engines over a state directory, and wishes written as handlers write them."""

import http.client
import json
import time
from datetime import UTC, datetime

from ops.localcloud import console, processes
from ops.localcloud.blobstore import BlobStore
from ops.localcloud.gatewayprocess import GatewayProcess
from ops.localcloud.instances import identity
from ops.localcloud.router import Router
from ops.localcloud.shutdown import shut_down
from ops.localcloud.state import State
from ops.localcloud.supervisor import Supervisor

WORKSPACE = (
    "/subscriptions/s/resourceGroups/rg/providers"
    "/Microsoft.MachineLearningServices/workspaces/ws"
)
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/iris"
SERVER = "azureml-inference-server-http==1.5.1"
CONDA = f"""
name: scoring
channels: [conda-forge]
dependencies:
- python>=3.11
- pip
- pip:
  - {SERVER}
"""
# Answers who it is, and what it was given.
SCORE = """
import json, os, time

def init():
    global version
    version = os.environ.get("VERSION", "1")

def run(data):
    wish = json.loads(data or "{}")
    time.sleep(wish.get("seconds", 0))
    return {"version": version, "model": os.environ.get("AZUREML_MODEL_DIR"),
            "parent": os.getppid(), "value": os.environ.get(wish.get("show", ""))}
"""
QUICK = {
    "initialDelay": "PT0.1S",
    "period": "PT0.2S",
    "timeout": "PT2S",
    "failureThreshold": 100,
    "successThreshold": 1,
}


class Rig:
    """A localcloud without its HTTP: state, engines and the real gateway."""

    def __init__(self, directory, cache=None):
        self.directory = directory
        self.cache = cache
        self.state = State(directory / "state.db")
        self.blobs = BlobStore(directory / "blobs", self.state)
        self.gateway = GatewayProcess(directory)
        self.gateway.ensure()
        self.codes = 0
        self.state.put(
            body(WORKSPACE, location="eastus", workspaceId="guid-of-the-workspace")
        )
        self.begin_engines()

    def begin_engines(self):
        self.router = Router(self.state, self.directory)
        self.supervisor = Supervisor(
            self.state, self.blobs, self.directory, self.router, cache=self.cache
        )

    def restart_engines(self):
        """As a new control plane over the same state directory."""
        self.supervisor.close()
        self.state.close()
        self.state = State(self.directory / "state.db")
        self.blobs = BlobStore(self.directory / "blobs", self.state)
        self.begin_engines()

    def close(self):
        self.supervisor.close()
        self.state.close()
        shut_down(self.directory)
        self.gateway.close()
        assert not list(processes.marked(self.directory))

    def step(self):
        self.supervisor.step(datetime.now(UTC))
        self.router.step(datetime.now(UTC))

    def until(self, true, what="it", seconds=60):
        deadline = time.monotonic() + seconds
        while not (value := true()):
            assert time.monotonic() < deadline, f"{what} did not happen in time"
            self.step()
            time.sleep(0.01)
        return value

    # What handlers write

    def put_endpoint(self, **properties):
        wish = {"authMode": "Key", "provisioningState": "Creating", **properties}
        endpoint = self.state.put(body(ENDPOINT, location="eastus", **wish))
        self.state.set_secret(ENDPOINT, "primaryKey", "first-key")
        self.state.set_secret(ENDPOINT, "secondaryKey", "second-key")
        self.state.set_secret(ENDPOINT, "tokenSecret", "00ff")
        return self.state.begin("oe", endpoint)

    def put_blob(self, container, name, content):
        file = self.blobs.new_file()
        file.write_text(content)
        self.blobs.commit(container, name, file, content_type="text/plain", metadata={})

    def put_code(self, files):
        self.codes += 1
        for name, content in files.items():
            self.put_blob(f"upload-{self.codes}", f"src/{name}", content)
        uri = f"https://127.0.0.1:1/devstore.blob.azlocal/upload-{self.codes}/src"
        id_ = f"{WORKSPACE}/codes/c{self.codes}/versions/1"
        return self.state.put(body(id_, codeUri=uri)).body["id"]

    def put_model(self, name="iris", version="7"):
        path = "LocalUpload/abc/model"
        self.put_blob(
            "azureml-blobstore-guid-of-the-workspace", f"{path}/weights.txt", "1 2 3"
        )
        uri = f"azureml:/{WORKSPACE}/datastores/workspaceblobstore/paths/{path}"
        id_ = f"{WORKSPACE}/models/{name}/versions/{version}"
        return self.state.put(body(id_, modelUri=uri.replace("//", "/"))).body["id"]

    def put_environment(self, conda=CONDA, **properties):
        id_ = f"{WORKSPACE}/environments/scoring/versions/1"
        return self.state.put(body(id_, condaFile=conda, **properties)).body["id"]

    def deploy(
        self,
        name="blue",
        *,
        score=SCORE,
        script="score.py",
        conda=CONDA,
        capacity=1,
        model=None,
        variables=None,
        probe=QUICK,
        **properties,
    ):
        """Write a deployment and open its operation."""
        wish = {
            "model": model,
            "codeConfiguration": {
                "codeId": self.put_code({"score.py": score}),
                "scoringScript": script,
            },
            "environmentId": self.put_environment(conda),
            "environmentVariables": variables or {},
            "readinessProbe": probe,
            "livenessProbe": probe,
            "requestSettings": {
                "maxConcurrentRequestsPerInstance": 4,
                "requestTimeout": "PT30S",
            },
            "provisioningState": "Creating",
            **properties,
        }
        id_ = f"{ENDPOINT}/deployments/{name}"
        return self.rewrite(body(id_, location="eastus", **wish), capacity)

    def rewrite(self, deployment, capacity):
        sku = {"name": "Default", "capacity": capacity}
        resource = self.state.put({**deployment, "sku": sku})
        return self.state.begin("od", resource)

    def scale(self, capacity, name="blue"):
        deployment = self.deployment(name).body
        deployment["properties"]["provisioningState"] = "Scaling"
        return self.rewrite(deployment, capacity)

    def change_variables(self, name="blue", **variables):
        deployment = self.deployment(name).body
        deployment["properties"]["environmentVariables"] = variables
        deployment["properties"]["provisioningState"] = "Updating"
        return self.rewrite(deployment, deployment["sku"]["capacity"])

    def delete(self, id_, kind):
        self.state.observe(id_, provisioningState="Deleting")
        return self.state.begin(kind, self.state.resource(id_))

    # What is to be seen

    def deployment(self, name="blue"):
        return self.state.resource(f"{ENDPOINT}/deployments/{name}")

    def outcome(self, operation, seconds=90):
        """Step until an operation is over; return it."""
        return self.until(
            lambda: over(self.state.operation(operation.id)), "the outcome", seconds
        )

    def succeed(self, operation):
        ended = self.outcome(operation)
        assert ended.status == "Succeeded", (ended.error, self.build_log())

    def refusal(self, operation):
        ended = self.outcome(operation)
        assert ended.status == "Failed"
        return ended.error

    def live(self, name="blue", state="Ready"):
        instances = self.state.instances(f"{ENDPOINT}/deployments/{name}")
        return [instance for instance in instances if instance.state == state]

    def events(self, name="blue"):
        return [e["name"] for e in self.state.events(f"{ENDPOINT}/deployments/{name}")]

    def build_log(self, name="blue"):
        return self.logs("StorageInitializer", name)

    def logs(self, container, name="blue", tail=1000):
        id_ = f"{ENDPOINT}/deployments/{name}"
        return console.logs(self.state, self.directory, id_, container, tail)

    def score(self, wish=None, name="blue", timeout=60):
        """POST to the gateway; return status and answer."""
        port = int(self.gateway.url.rsplit(":", 1)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        headers = {
            "Authorization": "Bearer first-key",
            "Content-Type": "application/json",
            "azureml-model-deployment": name,
        }
        try:
            connection.request("POST", "/iris/score", json.dumps(wish or {}), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        return response.status, json.loads(text) if response.status == 200 else text


def body(id_, *, location=None, **properties):
    return {
        "id": id_,
        "name": id_.rsplit("/", 1)[1],
        "location": location,
        "properties": properties,
    }


def over(operation):
    return operation if operation.status != "InProgress" else None


def alive(instances):
    return [i for i in instances if processes.running(identity(i))]
