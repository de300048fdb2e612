"""Publishes the routing table, and hears from the gateway whether it routes by it.

An endpoint's change is done when the gateway says that it routes by a table with that
change in it, and not before.
"""

import http.client
import json
import os
import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.localcloud import sabotage
from ops.localcloud.directory import set_aside
from ops.localcloud.plan import Serving
from ops.localcloud.records import Operation, Resource
from ops.localcloud.routes import Secrets, ports, table
from ops.localcloud.state import State

WHICH = ("primary", "secondary")


class Router:
    """Publishes the table when it has changed, and settles endpoints' operations.

    Safe to share between threads; `changed` is called when the gateway tells something
    new, for those who wait for it.
    """

    def __init__(
        self, state: State, directory: Path, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._state = state
        self._directory = directory
        self._changed = changed
        self._lock = threading.Lock()
        self._file = directory / "gateway" / "routes.json"
        self._published = read_json(self._file) or {"version": 0, "endpoints": None}
        self._serving = Serving()
        self._round = 0

    @property
    def round(self) -> int:
        """The number of the step in hand or last done: later ones know more."""
        return self._round

    def serving(self) -> Serving:
        """What the gateway routes by, as of the last step."""
        return self._serving

    def step(self, now: datetime) -> None:
        with self._lock:
            self._round += 1
            # Before the table is made: what they ask for is in it for sure.
            waiting = self._open_operations()
            self._publish()
            before, self._serving = self._serving, self._ask()
            if self._serving.confirmed:
                for operation in waiting:
                    self._settle(operation)
        if before.confirmed != self._serving.confirmed or moved(before, self._serving):
            self._changed()

    def _open_operations(self) -> list[Operation]:
        return [
            operation
            for endpoint in self._state.of_type("onlineendpoints")
            if (operation := self._state.open_operation(endpoint.id))
            # Read after its operation: one that deletes is not ours to settle.
            and (now := self._state.resource(endpoint.id))
            and now.properties.get("provisioningState") != "Deleting"
        ]

    def _publish(self) -> None:
        # Deployments after instances: an instance never lacks its deployment then.
        instances = self._state.instances()
        endpoints = self._state.of_type("onlineendpoints")
        content = table(
            endpoints,
            self._state.of_type("deployments"),
            instances,
            {endpoint.id: self._secrets(endpoint) for endpoint in endpoints},
            {
                workspace.id: workspace
                for workspace in self._state.of_type("workspaces")
            },
            sabotage.delays(self._state),
        )
        if content == self._published["endpoints"] and self._file.is_file():
            return
        following = {"version": self._published["version"] + 1, "endpoints": content}
        write_private(self._file, json.dumps(following, indent=1))
        self._published = following

    def _secrets(self, endpoint: Resource) -> Secrets:
        keys = [self._state.secret(endpoint.id, f"{which}Key") for which in WHICH]
        if endpoint.properties.get("authMode") == "AADToken":
            # The one identity there is: whoever holds the control plane's token.
            token = self._directory / "token"
            keys = [token.read_text().strip()] if token.is_file() else []
        return Secrets(
            credentials=tuple(key for key in keys if key),
            token_secret=self._state.secret(endpoint.id, "tokenSecret") or "",
        )

    def _ask(self) -> Serving:
        answer = ask_gateway(self._directory)
        confirmed = answer is not None and (
            answer.get("version") == self._published["version"]
        )
        return Serving(
            confirmed=confirmed,
            round=self._round,
            ports=ports(self._published["endpoints"]),
            in_flight=(answer or {}).get("in_flight") or {},
        )

    def _settle(self, operation: Operation) -> None:
        with self._state.transaction():
            current = self._state.open_operation(operation.resource)
            if current and current.id == operation.id:
                self._state.observe(operation.resource, provisioningState="Succeeded")
                self._state.finish(operation.id)


def moved(before: Serving, after: Serving) -> bool:
    """Whether something that somebody may wait for is otherwise than before."""
    return before.ports != after.ports or before.in_flight != after.in_flight


def ask_gateway(directory: Path) -> dict[str, Any] | None:
    """What the gateway answers about itself; None when there is none that answers."""
    facts = read_json(directory / "gateway" / "gateway.json")
    if facts is None:
        return None
    try:
        bearer, port = f"Bearer {facts['admin_token']}", int(facts["port"])
    except (KeyError, TypeError, ValueError):  # it was spoiled
        return None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/-/gateway", headers={"Authorization": bearer})
        response = connection.getresponse()
        answer = json.loads(response.read()) if response.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else None


def read_json(file: Path) -> dict[str, Any] | None:
    """The object in a file; None when there is none that can be read."""
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def write_private(file: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner alone."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{uuid.uuid4().hex}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
        if file.is_dir():
            set_aside(file, file.parents[1])
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
