"""A deployment's script tried once, without deploying anything.

What a deployment would go through, in short: the environment is built into the cache,
an instance starts in it, a request is sent, the instance is stopped again.
"""

import http.client
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from ops.localcloud import conda, environments, instances, processes, sockets
from ops.localcloud.console import cause, console_log, last_lines
from ops.localcloud.instances import Launch
from ops.localcloud.recipe import CannotDeploy
from ops.localcloud.records import Instance

START_SECONDS = 60.0
ANSWER_SECONDS = 190.0
STOP_SECONDS = 35.0  # the inference server takes up to 30 after SIGTERM


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Where the attempt ended, and why it did not go on."""

    stage: str  # environment, start, request, done
    problem: str = ""
    status: int = 0  # HTTP status of the request, where there was one
    start_seconds: float = 0.0  # until it answered a probe, init() included
    memory_mb: float = 0.0  # of all its processes, after the request


def rehearse(play: dict[str, Any], log: environments.Log) -> Outcome:
    """Try a deployment; `play` holds conda (the file's text), code, script, model,
    variables and payload (text or None)."""
    try:
        wish = conda.wish(play["conda"])
        cache = environments.cache_directory()
        folder = environments.build(wish, cache, log, threading.Event(), {})
    except CannotDeploy as refusal:
        return Outcome(stage="environment", problem=refusal.message)
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as scratch:
        launch = Launch(
            environment=str(folder),
            code=play["code"],
            script=play["script"],
            model=_registered(play["model"], Path(scratch)),
            # The code is the author's own folder: Python leaves nothing behind in it.
            variables=play["variables"] | {"PYTHONDONTWRITEBYTECODE": "1"},
            probes={},
        )
        return _play(launch, play["payload"], Path(scratch))


def _registered(model: str | None, scratch: Path) -> str | None:
    """The folder for AZUREML_MODEL_DIR: what is registered keeps its own name in it.

    Its path ends with a name and a version, as Azure's does: the inference server
    reads them out of it.
    """
    if model is None:
        return None
    source, target = Path(model), scratch / "model" / "1"
    target.mkdir(parents=True)
    copy = shutil.copytree if source.is_dir() else shutil.copyfile
    copy(source, target / source.name)
    return str(target)


def _play(launch: Launch, payload: str | None, scratch: Path) -> Outcome:
    with sockets.listen() as listener:
        blank = instances.new_instance("/rehearsal", launch, "")
        begun = instances.about_to_start(blank, listener, scratch, datetime.now(UTC))
        child = instances.start(begun, listener, scratch)
    try:
        log = console_log(scratch, begun.id)
        start = time.monotonic()
        deadline = start + START_SECONDS
        while (status := _ask(begun, "/", None)[0]) != 200:
            if child.poll() is not None or time.monotonic() > deadline:
                return Outcome(stage="start", problem=_why(log), status=status)
            time.sleep(0.1)
        took = time.monotonic() - start
        if payload is None:
            memory = _memory(child.pid)
            return Outcome(stage="done", start_seconds=took, memory_mb=memory)
        status, body = _ask(begun, "/score", payload.encode())
        if status != 200:
            problem = f"{body}\n{_why(log)}".strip()
            return Outcome(stage="request", problem=problem, status=status)
        memory = _memory(child.pid)
        return Outcome(
            stage="done", status=status, start_seconds=took, memory_mb=memory
        )
    finally:
        sockets.remove(begun.port)
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        finally:
            for left in processes.marked(scratch):
                processes.kill(left.identity)


def _memory(pid: int) -> float:
    """The memory of a process and of all that it has started, in MB."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        whole = [process, *process.children(recursive=True)]
        return float(sum(each.memory_info().rss for each in whole)) / 1e6
    return 0.0


def _ask(instance: Instance, path: str, body: bytes | None) -> tuple[int, str]:
    """The status and text of an answer; 0 for none."""
    limit = ANSWER_SECONDS if body is not None else 2.0
    connection = sockets.Connection(instance.port or 0, limit)
    method = "GET" if body is None else "POST"
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def _why(log: Path) -> str:
    """The cause out of the instance's log, else its last lines."""
    printed = log.read_text(errors="replace") if log.exists() else ""
    return cause(printed) or "\n".join(last_lines(log, 12))
