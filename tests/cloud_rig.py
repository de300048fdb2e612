"""A real localcloud for a test: its own process, its own directory, its own port."""

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass
class Reply:
    status: int
    headers: dict
    content: bytes

    @property
    def body(self):
        return json.loads(self.content)

    @property
    def error(self):
        return self.body["error"]


class Cloud:
    """A localcloud process, its facts, and plain HTTPS to it with its own token."""

    def __init__(self, directory):
        self.directory = directory
        self.log = directory.with_name(f"{directory.name}.log")
        self.process = None

    def up(self, *flags):
        """Start serving and wait until it is ready."""
        self.process = self.spawn(*flags)
        until(lambda: self._ready() or self.process.poll() is not None)
        assert self._ready(), self.log.read_text()
        return self

    def spawn(self, *flags):
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*self.command("serve"), *flags], cwd=ROOT, stdout=log, stderr=log
            )

    def _ready(self):
        """Whether the process we have started says that it serves."""
        try:
            found = json.loads((self.directory / "localcloud.json").read_text())
        except FileNotFoundError:
            return False
        return found["pid"] == self.process.pid

    def command(self, verb, *flags):
        return [
            *(sys.executable, "-m", "ops.localcloud", verb),
            *("--state", str(self.directory), *flags),
        ]

    def run(self, verb, *flags):
        return subprocess.run(
            self.command(verb, *flags), cwd=ROOT, capture_output=True, text=True
        )

    def kill(self):
        """What a crash or the OOM killer does: no last words."""
        self.process.kill()
        self.process.wait()

    def end(self):
        """SIGTERM to the control plane alone; return how it exited."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def down(self):
        done = self.run("down")
        assert done.returncode == 0, done.stderr
        if self.process:
            self.process.wait(timeout=20)

    @property
    def facts(self):
        return json.loads((self.directory / "localcloud.json").read_text())

    @property
    def url(self):
        return self.facts["url"]

    @property
    def port(self):
        return self.facts["port"]

    @property
    def token(self):
        return (self.directory / "token").read_text()

    @cached_property
    def context(self):
        return ssl.create_default_context(cafile=self.directory / "ca.pem")

    @property
    def workspace(self):
        facts = self.facts
        return (
            f"/subscriptions/{facts['subscription_id']}"
            f"/resourceGroups/{facts['resource_group']}"
            "/providers/Microsoft.MachineLearningServices"
            f"/workspaces/{facts['workspace_name']}"
        )

    def call(self, method, path, body=None, *, headers=None, token=None):
        """Ask for `path`, below the workspace unless it begins with a slash."""
        path = path if path.startswith("/") else f"{self.workspace}/{path}".rstrip("/")
        content = json.dumps(body) if isinstance(body, dict | list) else body
        sent = {"Authorization": f"Bearer {self.token if token is None else token}"}
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self.context, timeout=30
        )
        try:
            connection.request(method, path, content, sent | (headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def settled(self, reply):
        """Follow a long-running operation to its end; return its last answer."""
        assert reply.status in (200, 201, 202), reply.content
        path = reply.headers["azure-asyncoperation"].removeprefix(self.url)

        def ended():
            answer = self.call("GET", path).body
            return None if answer["status"] == "Updating" else answer

        return until(ended, seconds=120)

    def processes(self):
        """The pids of all processes that have our directory in command or environ."""
        mark = str(self.directory).encode()
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) != os.getpid():
                try:
                    about = (entry / "cmdline").read_bytes()
                    about += (entry / "environ").read_bytes()
                except OSError:
                    continue
                if mark in about:
                    found.add(int(entry.name))
        return found


def until(condition, seconds=30.0):
    """Wait for a condition to become true; return what it returned."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.01)
    return found
