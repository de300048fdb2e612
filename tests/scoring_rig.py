"""The real inference server as a test starts it: as the specs say, on the loopback."""

import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import requests
import yaml

ROOT = Path(__file__).parents[1]
SPECS = ROOT / "specs/iris"
READY_SECONDS = 60
# azmlinfsrv itself listens on every address.
LAUNCH = """
from azureml_inference_server_http import constants
constants.DEFAULT_HOST = "127.0.0.1"
from azureml_inference_server_http.amlserver import run
run()
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    process: subprocess.Popen
    port: int
    log: Path

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/score"

    def post(self, body, **headers):
        headers = {"Content-Type": "application/json", **headers}
        data = json.dumps(body) if isinstance(body, dict | list) else body
        return requests.post(self.url, data=data, headers=headers, timeout=30)

    def events(self):
        """What the script has logged; a line is there before its answer is."""
        lines = self.log.read_text().splitlines()
        printed = [line.partition(" azmlinfsrv.print - ")[2] for line in lines]
        return [json.loads(text) for text in printed if text.startswith("{")]

    def ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                return requests.get(f"http://127.0.0.1:{self.port}/", timeout=30).ok
            except requests.ConnectionError:
                time.sleep(0.05)
        return False

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def launch(python, model_folder, home, variables):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    blue = yaml.safe_load((SPECS / "blue.yaml").read_text())
    environment = {
        "PATH": os.defpath,
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),  # for gunicorn's control socket
        "AML_APP_ROOT": str(ROOT / "scoring"),
        "AZUREML_MODEL_DIR": str(model_folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        **blue["environment_variables"],
        **variables,
    }
    script = ROOT / "scoring" / blue["code_configuration"]["scoring_script"]
    command = [python, "-c", LAUNCH, "--entry_script", script, "--port", str(port)]
    log = home / "console.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, env=environment, stdout=stream, stderr=stream, cwd=home
        )
    return Server(process=process, port=port, log=log)
