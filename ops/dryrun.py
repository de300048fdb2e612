"""A deployment's script, tried in its own environment before anything is deployed.

The environment is built as a deploy would build it, the real inference server starts
the script on a free port of this machine, and the model's sample request is sent.
"""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops import cloud, scoring
from ops.errors import NotFound, OpsError
from ops.settings import shown
from ops.specs import EndpointSpec, SpecFile
from ops.validate import Problem

START_SECONDS = 60.0


def check(spec: EndpointSpec) -> list[Problem]:
    """Try each deployment; what goes wrong is a problem with the server's own words."""
    return [
        problem
        for file in spec.deployments.values()
        for problem in _deployment(spec, file)
    ]


def _deployment(spec: EndpointSpec, file: SpecFile) -> Iterator[Problem]:
    environment = spec.environment_of(file)
    conda = environment.file("conda_file") if environment else None
    code = file.file("code_configuration", "code")
    if conda is None or code is None:
        text = "can't be tried: its environment or its code is kept elsewhere"
        yield Problem(where=file.shown, text=text, fatal=False)
        return
    try:
        python = cloud.run("environment", "--conda", str(conda))
    except OpsError as error:
        yield Problem(where=shown(conda), text=f"can't be built: {error.problem}")
        return
    script = code / file.data["code_configuration"]["scoring_script"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "console.log"
        with _server(Path(python), script, _variables(spec, file), log) as port:
            if port is None:
                text = f"the server ends before it is ready:\n{_tail(log)}"
                yield Problem(where=shown(script), text=text)
                return
            yield from _request(spec, file, script, port, log)


def _request(
    spec: EndpointSpec, file: SpecFile, script: Path, port: int, log: Path
) -> Iterator[Problem]:
    import requests

    try:
        sample = scoring.sample(spec, file.name)
    except NotFound as error:
        yield Problem(where=file.shown, text=error.problem, fatal=False)
        return
    response = requests.post(
        f"http://127.0.0.1:{port}/score",
        data=sample.read_bytes(),
        headers={"Content-Type": "application/json"},
        timeout=scoring.TIMEOUT_SECONDS,
    )
    if response.status_code != 200:
        said = f"{response.status_code}: {response.text[:500]}\n{_tail(log)}"
        text = f"run() answers the sample request with {said}"
        yield Problem(where=shown(script), text=text)


@contextmanager
def _server(
    python: Path, script: Path, variables: dict[str, str], log: Path
) -> Iterator[int | None]:
    """The real inference server on a free port; None if it ends before it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        str(python.parent / "azmlinfsrv"),
        *("--entry_script", str(script)),
        *("--port", str(port)),
    ]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=script.parent,
            env=variables | {"PATH": f"{python.parent}:{os.defpath}"},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        yield port if _ready(process, port) else None
    finally:
        process.terminate()
        process.wait(30)


def _ready(process: "subprocess.Popen[bytes]", port: int) -> bool:
    import requests

    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if requests.get(f"http://127.0.0.1:{port}/", timeout=2).ok:
                return True
        except requests.RequestException:
            time.sleep(0.1)
    return False


def _variables(spec: EndpointSpec, file: SpecFile) -> dict[str, str]:
    """The environment variables that a deployment's script sees."""
    model = spec.model_of(file)
    path = model.file("path") if model else None
    own = {k: str(v) for k, v in (file.data.get("environment_variables") or {}).items()}
    home = {"HOME": os.environ.get("HOME", "/"), "PYTHONUNBUFFERED": "1"}
    return home | own | ({"AZUREML_MODEL_DIR": str(path.parent)} if path else {})


def _tail(log: Path, lines: int = 12) -> str:
    """The end of the server's log, indented to stand below a problem."""
    text = log.read_text(errors="replace").splitlines()
    return "\n".join(f"      {line}" for line in text[-lines:])
