"""The real `invoke`, as a person types it, against a localcloud of the test's own."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Desk:
    """A terminal: a checkout's files, a state directory, and what was said last."""

    folder: Path
    state: Path
    seconds: float = 240
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words, status=0):
        """Run `invoke WORDS`; return what it printed. It must end with `status`."""
        done = subprocess.run(
            self.command(*words),
            env=self.variables(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=self.seconds,
            stdin=subprocess.DEVNULL,
        )
        said = done.stdout + done.stderr
        assert done.returncode == status, f"exit {done.returncode}, said:\n{said}"
        assert "Traceback" not in done.stderr
        return said

    def json(self, *words):
        done = subprocess.run(
            self.command(*words, "--json"),
            env=self.variables(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=self.seconds,
            check=True,
        )
        return json.loads(done.stdout)

    def command(self, *words):
        return [sys.executable, "-m", "invoke", *words]

    def variables(self):
        return {
            **os.environ,
            **self.environment,
            "AML_OPS_STATE": str(self.state),
            "AML_OPS_SPECS": str(self.folder / "specs"),
        }

    @property
    def iris(self):
        """The endpoint's folder, for a test to spoil."""
        return self.folder / "specs/iris"

    def edit(self, path, old, new):
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{old!r} is not in {path}"
        file.write_text(text.replace(old, new))


@contextmanager
def running(desk):
    """The desk, whose localcloud is down afterwards whatever happened."""
    try:
        yield desk
    finally:
        desk("cloud.down")


def found(desk, *, title, seconds=30):
    """The finding of that title, as soon as the rows it needs have arrived."""
    deadline = time.monotonic() + seconds
    while True:
        findings = diagnosis(desk)["findings"]
        for finding in findings:
            if re.search(title, finding["title"]):
                return finding
        titles = [each["title"] for each in findings]
        assert time.monotonic() < deadline, f"{title!r} is not in {titles}"


def diagnosis(desk):
    done = subprocess.run(
        desk.command("diagnose", "--since", "15m", "--json"),
        env=desk.variables(),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)


def make_desk(folder):
    for name in ("specs", "scoring", "model"):
        shutil.copytree(ROOT / name, folder / "checkout" / name)
    return Desk(folder=folder / "checkout", state=folder / "state")
