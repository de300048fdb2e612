"""Whatever a client does with localcloud, nobody but this machine hears of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from sdk import SCORE

FLOW = """
import json, os, sys

asked = set()

def listen(event, arguments):
    if event == "socket.connect" and not isinstance(arguments[1], str | bytes):
        asked.add(str(arguments[1][0]))
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        asked.add(str(arguments[0]))

sys.addaudithook(listen)

from azure.ai.ml.entities import Environment, ManagedOnlineEndpoint, Model
from cloud_rig import Cloud
from pathlib import Path
from sdk import SERVER, conda_of, connect, deployment_of

cloud = Cloud(Path(sys.argv[1]))
ml = connect(cloud)
folder = Path(sys.argv[2])
model = ml.models.create_or_update(
    Model(name="quiet", version="1", path=folder / "score.py"))
environment = ml.environments.create_or_update(
    Environment(name="quiet", version="1", image="image", conda_file=conda_of(SERVER)))
ml.online_endpoints.begin_create_or_update(
    ManagedOnlineEndpoint(name="quiet", auth_mode="key")).result()
ml.online_deployments.begin_create_or_update(
    deployment_of("blue", "quiet", model, environment, folder)).result()
endpoint = ml.online_endpoints.get("quiet")
endpoint.traffic = {"blue": 100}
ml.online_endpoints.begin_create_or_update(endpoint).result()
request = folder / "request.json"
request.write_text("{}")
ml.online_endpoints.invoke("quiet", request_file=str(request))
ml.online_deployments.get_logs("blue", "quiet", lines=10)
ml.models.download("quiet", version="1", download_path=folder / "back")
ml.online_endpoints.begin_delete("quiet").result()
print(json.dumps(sorted(asked)), file=sys.stderr)
"""


def test_a_whole_flow_speaks_to_loopback_only(cloud, tmp_path):
    (tmp_path / "score.py").write_text(SCORE)
    here = Path(__file__).parent
    inherited = dict(os.environ)
    # An MLClient leaves its cloud's name here, and no other process knows that cloud.
    inherited.pop("AZUREML_CURRENT_CLOUD", None)
    done = subprocess.run(
        [sys.executable, "-c", FLOW, str(cloud.directory), str(tmp_path)],
        env={
            **inherited,
            "REQUESTS_CA_BUNDLE": str(cloud.directory / "bundle.pem"),
            "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)]),
        },
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == ["127.0.0.1"]
