"""One scoring process: how the inference server is started, told alive and stopped.

It is azureml-inference-server-http out of the deployment's own environment. That
server binds every interface; here it gets a socket file that listens already
(LISTEN_FDS, which its gunicorn takes before any address), so nobody but this user can
reach it: a model is asked through the gateway, with a key.
"""

import os
import secrets
import socket
import subprocess
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.localcloud import processes, sockets
from ops.localcloud.console import console_log
from ops.localcloud.processes import Identity
from ops.localcloud.records import Instance
from ops.localcloud.scoringuser import User

# The shell moves the socket from stdin to where LISTEN_FDS is looked for, and lends
# its pid to LISTEN_PID: exec keeps it.
LAUNCH = 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&0 </dev/null'
SERVER = "bin/azmlinfsrv"
PORT = "5001"  # Azure's; the socket that is lent is listened on instead
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
LIVE = frozenset({"Starting", "Ready", "NotReady", "Waiting"})


@dataclass(frozen=True, kw_only=True)
class Launch:
    """All that is needed to start an instance of a template, once it is prepared."""

    environment: str  # the virtual environment's folder
    code: str
    script: str
    model: str | None
    variables: dict[str, str]
    probes: dict[str, dict[str, Any]]


def new_instance(deployment: str, launch: Launch, fingerprint: str) -> Instance:
    name = deployment.rsplit("/", 1)[1]
    return Instance(
        id=f"{name}-{secrets.token_hex(4)}",
        deployment=deployment,
        fingerprint=fingerprint,
        state="Starting",
        detail={"launch": asdict(launch)},
    )


def launch_of(instance: Instance) -> Launch:
    return Launch(**(instance.detail or {})["launch"])


def whole(instance: Instance) -> bool:
    """Whether all that it is started from is there."""
    launch = launch_of(instance)
    places = [f"{launch.environment}/{SERVER}", launch.code, launch.script]
    return all(map(os.path.exists, [*places, *filter(None, [launch.model])]))


def noted(instance: Instance, **notes: object) -> Instance:
    """The instance with notes added to its detail; a note of None is taken off."""
    detail = {**(instance.detail or {}), **notes}
    kept = {name: value for name, value in detail.items() if value is not None}
    return replace(instance, detail=kept)


def note(instance: Instance, name: str, default: Any = None) -> Any:
    return (instance.detail or {}).get(name, default)


def identity(instance: Instance) -> Identity | None:
    if instance.pid is None or instance.process_created is None:
        return None
    return Identity(pid=instance.pid, created=instance.process_created)


def runs(instance: Instance) -> bool:
    """Whether the instance's very process runs."""
    process = identity(instance)
    return process is not None and processes.running(process)


def running_as(instance: Instance, process: Identity) -> Instance:
    return replace(instance, pid=process.pid, process_created=process.created)


def interrupted(instance: Instance) -> Instance:
    """The instance as it starts anew at once, after an end that is not its fault."""
    waiting = noted(instance, until=None, passed=None, killing=None)
    return replace(waiting, state="Waiting", pid=None, process_created=None)


def about_to_start(
    instance: Instance, listener: socket.socket, directory: Path, now: datetime
) -> Instance:
    """The instance as it must be saved before its process is started."""
    sockets.remove(instance.port)
    log = console_log(directory, instance.id)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    begun = replace(
        instance,
        state="Starting",
        pid=None,
        process_created=None,
        port=sockets.number_of(listener),
        started=now,
        ready=None,
    )
    offset = log.stat().st_size if log.exists() else 0
    return noted(begun, offset=offset, passed=None, until=None, killing=None)


def start(
    instance: Instance,
    listener: socket.socket,
    directory: Path,
    user: User | None = None,
) -> subprocess.Popen[bytes]:
    """Start the process of an instance, as another user where one is given.

    It leads a session of its own.
    """
    launch = launch_of(instance)
    home = console_log(directory, instance.id).parent
    server = f"{launch.environment}/{SERVER}"
    command = ["/bin/sh", "-c", LAUNCH, "sh", server]
    command += ["--entry_script", launch.script, "--port", PORT]
    if launch.model:
        command += ["--model_dir", launch.model]
    if user:
        os.chown(home, user.uid, user.gid)
    options: dict[str, Any] = dict(user.options) if user else {}
    with console_log(directory, instance.id).open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=launch.code,
            env=variables(launch, home) | processes.marks(directory, instance.id),
            stdin=listener.fileno(),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )


def variables(launch: Launch, home: Path) -> dict[str, str]:
    """The environment of an instance: little of ours, the spec's, and Azure's paths.

    Nothing that localcloud was started with leaks in, but for certificates. A spec
    may set what it likes, save where its own model and code lie.
    """
    own = {
        "PATH": f"{launch.environment}/bin:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": launch.environment,
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),  # gunicorn's control socket goes there
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        "PYTHONUNBUFFERED": "1",
        "WORKER_COUNT": "1",
        **{name: os.environ[name] for name in CERTIFICATES if name in os.environ},
    }
    paths = {"AML_APP_ROOT": launch.code, "AZUREML_ENTRY_SCRIPT": launch.script}
    if launch.model:
        paths["AZUREML_MODEL_DIR"] = launch.model
    return own | launch.variables | paths
