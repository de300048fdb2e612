"""A rollout that goes on as a process of its own, when the terminal is closed."""

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ops import cloud, endpoints, private
from ops.errors import OpsError
from ops.rollouts import standing
from ops.settings import ROOT, shown, state_directory, who

if TYPE_CHECKING:
    from ops.verbs import Call

PATIENCE_SECONDS = 300.0  # a first write on Azure can take minutes
ASK_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Detached:
    """The process, and where it says what it does."""

    pid: int
    output: Path


class Failed(OpsError):
    """What a process said that has not begun, with the status that it ended with."""

    def __init__(self, said: str, status: int) -> None:
        self.status = status
        super().__init__(said)


def begin(call: "Call", verb: str, flags: Mapping[str, object]) -> Detached:
    """Start a verb again in a process of its own; return when it runs the rollout.

    Raise OpsError with what it said, where it ended instead.
    """
    output = _output(call.stage_name, call.endpoint)
    command = [sys.executable, "-m", "invoke", verb, *words(call, flags)]
    with output.open("ab") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd=ROOT,
            env=cloud.outside(),
            start_new_session=True,  # it outlives this verb and its terminal
        )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (status := process.poll()) is not None and status:
            raise _failed(output, status)
        if status == 0 or _runs(call, process.pid):
            return Detached(pid=process.pid, output=output)
        time.sleep(ASK_SECONDS)
    raise OpsError(
        f"Process {process.pid} has not begun within {PATIENCE_SECONDS:g} s.",
        f"less {shown(output)}",
    )


def words(call: "Call", flags: Mapping[str, object]) -> list[str]:
    """The flags of the verb, and those that lead it to the same place unasked."""
    reason = str(flags.get("reason") or f"detached by {who()}")
    given = {
        "stage": call.stage_name,
        "endpoint": call.endpoint,
        **flags,
        "reason": reason,
        "yes": True,  # it was asked for here
    }
    found: list[str] = []
    for name, value in given.items():
        if value:
            found.append(f"--{name.replace('_', '-')}")
            found += [] if value is True else [str(value)]
    return found


def _output(stage: str, endpoint: str) -> Path:
    folder = state_directory() / "rollouts" / f"{stage}.{endpoint}"
    private.make(folder)
    path = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.log"
    path.touch(mode=0o600)
    return path


def _runs(call: "Call", pid: int) -> bool:
    found = standing.read(endpoints.get(call.workspace, call.endpoint).tags)
    return found is not None and found.runner.startswith(f"{pid}/")


def _failed(output: Path, status: int) -> Failed:
    said = output.read_text(errors="replace").strip()
    return Failed(said or f"The process ended with status {status}.", status)
