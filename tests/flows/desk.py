"""The real `invoke`, as a person types it, against a localcloud of the test's own."""

import json
import os
import re
import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import forked

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
        ended, out, err = forked.run(words, self.variables(), self.seconds)
        assert ended == status, f"exit {ended}, said:\n{out}{err}"
        assert "Traceback" not in err
        return out + err

    def json(self, *words):
        words = (*words, "--json")
        ended, out, err = forked.run(words, self.variables(), self.seconds)
        assert ended == 0, f"exit {ended}, said:\n{out}{err}"
        return json.loads(out)

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
    words = ("diagnose", "--since", "15m", "--json")
    ended, out, err = forked.run(words, desk.variables(), desk.seconds)
    assert ended in (0, 3), err
    return json.loads(out)


def make_desk(folder):
    for name in ("specs", "scoring", "model"):
        shutil.copytree(ROOT / name, folder / "checkout" / name)
    return Desk(folder=folder / "checkout", state=folder / "state")
