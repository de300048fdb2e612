"""The gateway's process: adopted when one runs, started when none does."""

import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.localcloud import processes
from ops.localcloud.console import last_lines
from ops.localcloud.marks import GATEWAY, LISTENER
from ops.localcloud.processes import Identity
from ops.localcloud.router import ask_gateway, read_json, write_private

PATIENCE = 15.0  # seconds that a gateway may take to listen
BUSY = 5.0  # seconds that a gateway under load may take to answer


class GatewayDidNotStart(RuntimeError):
    """The gateway ended or fell silent before it listened; says what it printed."""


class GatewayProcess:
    """Keeps one gateway running for a state directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._child: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None
        self._port = 0
        self._facts: dict[str, Any] = {}
        self._announced = directory / "gateway" / "gateway.json"
        # Survive an orderly end, and the second one the loss of the gateway's folder.
        self._last = [directory / name / "last.json" for name in ("gateway", "backup")]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def ensure(self) -> str:
        """Adopt the running gateway or start one; return its URL once it listens."""
        if self._child is not None:
            self._child.poll()  # a dead child stays a zombie until it is asked for
        if self._adopt() or self._restarted():
            return self.url
        self._end_all()
        # Its old port first: clients hold scoring URIs with it.
        if not self._start(self._before()) and not self._start(0):
            said = "".join(last_lines(self._directory / "gateway.log", 20))
            raise GatewayDidNotStart(f"The gateway did not start.\n{said}")
        return self.url

    def _restarted(self) -> bool:
        """Whether the listener has another gateway in place, as it does by itself.

        One that answers nothing, or whose address is lost, is replaced: its listener
        doesn't know.
        """
        listeners = self._running(LISTENER)
        if len(listeners) != 1:
            return False
        if self._awaited(listeners[0], BUSY):
            return True
        processes.replace_gateway(listeners[0])
        return self._awaited(listeners[0])

    def _before(self) -> int:
        """The port of the last gateway; 0 where it is not known."""
        kept = (read_json(file) for file in self._last)
        port = self._port or next(filter(None, kept), {}).get("port", 0)
        return port if isinstance(port, int) and 0 < port < 1 << 16 else 0

    def _remember(self) -> None:
        for file in self._last:
            write_private(file, json.dumps({"port": self._port}))

    def _running(self, name: str) -> list[Identity]:
        """All processes of that name in the directory, whoever has started them."""
        return [
            process.identity
            for process in processes.marked(self._directory)
            if process.name == name and process.leader
        ]

    def _end_all(self) -> None:
        """End what a control plane began before it was killed, or what is deaf.

        The listeners first: they would start gateways again.
        """
        for name in (LISTENER, GATEWAY):
            found = self._running(name)
            for identity in found:
                processes.kill(identity)
            processes.wait_gone(found, PATIENCE)

    def close(self) -> None:
        """Leave listener and gateway running, for the next one to adopt."""
        if self._child is not None:
            processes.release(self._child)

    def step(self, now: datetime) -> None:
        """Start the gateway again if it has died."""
        if self._child is not None:
            self._child.poll()
        if self._identity is None or not processes.running(self._identity):
            self.ensure()
        elif read_json(self._announced) != self._facts:  # deleted, or spoiled
            write_private(self._announced, json.dumps(self._facts))
            self._remember()

    def _adopt(self) -> bool:
        facts = read_json(self._announced)
        if facts is None:
            return False
        try:
            self._port, pid = int(facts["port"]), int(facts["pid"])
        except (KeyError, TypeError, ValueError):  # it was spoiled
            return False
        self._identity, self._facts = processes.identify(pid), facts
        return self._identity is not None and ask_gateway(self._directory) is not None

    def _start(self, port: int) -> bool:
        command = [sys.executable, "-m", "ops.localcloud.gateway.listener"]
        command += ["--state", str(self._directory), "--port", str(port)]
        with (self._directory / "gateway.log").open("ab") as log:
            child = self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=gateway_environment(self._directory),
            )
        identity = processes.identify(child.pid)
        if identity and self._awaited(identity):
            self._remember()
            return True
        self._end_all()
        return False

    def _awaited(self, listener: Identity, seconds: float = PATIENCE) -> bool:
        """Wait until a gateway of this listener answers, as long as that runs."""
        deadline = time.monotonic() + seconds
        while processes.running(listener) and time.monotonic() < deadline:
            if self._adopt():
                return True
            time.sleep(0.02)
        return False


def gateway_environment(directory: Path) -> dict[str, str]:
    """This process's environment, marked, and able to import what this one can."""
    marks = processes.marks(directory, LISTENER)
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return dict(os.environ) | marks | {"PYTHONPATH": path}
