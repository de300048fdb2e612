"""localcloud as a process: found, started and ended, never imported."""

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from ops.clock import Clock, LocalClock, ServiceClock
from ops.errors import NotFound, OpsError, Unreachable
from ops.settings import ROOT, Stage, shown, state_directory

# Exit statuses of a localcloud whose state is gone or can't be read: there is a copy
# of it, or there is none.
COPIED, LOST = 4, 5
COPY = "backup/state.db"
START_SECONDS = 30.0  # generous: it takes under one
SETTING = "REQUESTS_CA_BUNDLE"
AUTHORITIES: dict[str, str | None] = {}  # what the setting was before ours


@dataclass(frozen=True, kw_only=True)
class LocalCloud:
    """A localcloud that is serving."""

    pid: int
    url: str
    port: int
    gateway_url: str
    subscription_id: str
    resource_group: str
    workspace_name: str
    directory: Path
    log_workspace_id: str = ""  # ARM id of the Log Analytics workspace
    log_customer_id: str = ""  # and the GUID that queries name it by
    just_started: bool = False

    @property
    def token(self) -> str:
        try:
            return (self.directory / "token").read_text().strip()
        except (OSError, UnicodeDecodeError):
            return ""

    @property
    def authority(self) -> Path:
        """The certificate that vouches for it."""
        return self.directory / "ca.pem"

    def trust(self) -> None:
        """Have this process trust it, and nobody else.

        There is one setting that requests and the blob client both obey. The public
        authorities are left out: to read those takes 30 ms for each connection.
        """
        AUTHORITIES.setdefault(SETTING, os.environ.get(SETTING))
        os.environ[SETTING] = str(self.authority)


def outside() -> dict[str, str]:
    """The environment for a process that may speak to others than localcloud."""
    found = {**os.environ, **AUTHORITIES}
    return {name: value for name, value in found.items() if value is not None}


def directory() -> Path:
    """Where localcloud is kept: in the state directory, or AML_OPS_LOCALCLOUD.

    Two state directories that share one localcloud are two machines on one service.
    """
    named = os.environ.get("AML_OPS_LOCALCLOUD")
    return Path(named).resolve() if named else state_directory() / "localcloud"


def clock(local: LocalCloud | None) -> Clock:
    """The clock of a workspace's service."""
    return LocalClock(local.directory) if local else ServiceClock()


def clock_of(stage: Stage) -> Clock:
    """The clock of a stage's service, known before anything is asked of it."""
    return LocalClock(directory()) if stage.local else ServiceClock()


def find() -> LocalCloud | None:
    """The localcloud of this checkout, if it answers."""
    try:
        found = _cloud(json.loads((directory() / "localcloud.json").read_text()))
        socket.create_connection(("127.0.0.1", found.port), timeout=2).close()
        os.kill(found.pid, 0)
    except (OSError, ValueError, TypeError, AttributeError, ArithmeticError):
        return None
    # It writes these again within moments, should they be missing.
    return found if found.token and found.authority.is_file() else None


def up(port: int = 0) -> LocalCloud:
    """Find localcloud, or start it and wait until it serves."""
    if cloud := find():
        return cloud
    _require_place()
    log = directory() / "controlplane.log"
    command = [*_command("serve"), *(["--port", str(port)] if port else [])]
    with _opened(log) as stream:
        began = stream.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd=ROOT,
            env=outside(),
            start_new_session=True,  # it outlives this verb and its Ctrl-C
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if cloud := find():
            return _cloud({**vars(cloud), "just_started": True})
        if process.poll() not in (None, 0):
            break
        time.sleep(0.02)
    said = log.read_bytes()[began:].decode(errors="replace").strip().splitlines()
    reason = said[-1] if said else "it said nothing"
    problem = f"localcloud did not start: {reason.removeprefix('localcloud: ')}"
    if (status := process.poll()) in (COPIED, LOST):
        raise _lost(problem, copied=status == COPIED)
    raise Unreachable(problem, f"less {shown(log)}", "invoke cloud.down")


def require_state() -> None:
    """Raise Unreachable where a localcloud that is down has no state to start from."""
    if directory().is_dir():
        told = json.loads(run("status", "--json"))
        if told["problem"]:
            problem = f"localcloud is down, and can't start: {told['problem']}."
            raise _lost(problem, copied=told["copied"])


def _lost(problem: str, *, copied: bool) -> Unreachable:
    """Why there is no state to start from, and the ways out."""
    anew = "invoke cloud.reset   # begins anew, without any deployment"
    if not copied:
        return Unreachable(problem, anew)
    made = (directory() / COPY).stat().st_mtime
    then = f"{datetime.fromtimestamp(made, UTC):%F %T} UTC"
    back = f"invoke cloud.repair  # takes it back as it was at {then}"
    return Unreachable(problem, back, anew)


def _require_place() -> None:
    """A localcloud that is shared exists: a misspelt one is not to be made anew."""
    named = os.environ.get("AML_OPS_LOCALCLOUD")
    if named and not directory().is_dir():
        raise NotFound(
            f"AML_OPS_LOCALCLOUD names {shown(directory())}, where no localcloud is "
            "kept.",
            "invoke cloud.status   # where the other machine has it",
        )


def run(verb: str, *flags: str, text: str = "") -> str:
    """Run a verb of localcloud that ends by itself; return what it says."""
    done = subprocess.run(
        [*_command(verb), *flags],
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=outside(),
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise OpsError(said[-1] if said else f"localcloud {verb} failed.")
    return done.stdout.strip()


def _opened(log: Path) -> BinaryIO:
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if log.is_dir():
            log.rmdir()
        return log.open("ab")
    except OSError as error:
        raise OpsError(
            f"localcloud can't be kept in {shown(log.parent)}: {error.strerror}.",
            "AML_OPS_STATE=<a folder of yours> for all verbs",
        ) from None


def _command(verb: str) -> list[str]:
    return [sys.executable, "-m", "ops.localcloud", verb, "--state", str(directory())]


def _cloud(facts: dict[str, Any]) -> LocalCloud:
    known = LocalCloud.__dataclass_fields__
    kept = {key: value for key, value in facts.items() if key in known}
    return LocalCloud(**{"directory": directory(), **kept})
