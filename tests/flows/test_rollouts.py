"""Rollouts on real processes under load: the good is promoted, the bad goes back.

One localcloud and two deployments serve all of it. Their scoring script looks into a
file for its mood at each request, so nothing is deployed anew.
"""

import json
import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.flows.desk import ROOT, Desk, make_desk, running

QUICK = """
steps:
- {mirror: 20, bake: 1s, requests: 0}
- {weight: 20, bake: 2s, requests: 10}
- {weight: 50, bake: 2s, requests: 20}
promote: {when: bake}
guardrails: {saturation: {then: ignore}}
look: 1s
heartbeat: 10s
"""
JUDGING = """
steps:
- {weight: 50, bake: 90s, requests: 10000}
promote: {when: bake}
guardrails: {saturation: {then: ignore}}
look: 1s
heartbeat: 10s
"""


@dataclass
class Lab:
    """A desk with two deployments whose moods can be set."""

    desk: Desk

    def mood(self, deployment, **mood):
        """Replace it at once: a reader never sees half of it."""
        path = self.desk.folder / f"{deployment}.json"
        path.with_suffix(".new").write_text(json.dumps(mood))
        path.with_suffix(".new").rename(path)

    def calm(self):
        self.mood("blue")
        self.mood("green")

    def policy(self, text):
        path = self.desk.folder / "policy.yaml"
        path.write_text(text)
        return str(path)

    def start(self, text, *words, status=0):
        policy = self.policy(text)
        return self.desk("rollout.start", "--policy", policy, *words, status=status)

    @property
    def traffic(self):
        return self.desk.json("status")["traffic"]

    def back(self):
        """All traffic to a blue in good mood."""
        self.calm()
        if self.traffic != {"blue": 100}:
            self.desk("shift-traffic", "--green", "0", "--force")

    @contextmanager
    def load(self, rps=25):
        """Requests all the while; what became of them afterwards."""
        command = self.desk.command(
            *("load", "--rps", str(rps), "--for", "10m", "--allow-errors")
        )
        process = subprocess.Popen(
            command,
            env=self.desk.variables(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        found = {}
        try:
            yield found
        finally:
            process.send_signal(2)
            found["said"] = process.communicate(timeout=60)[0]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    desk = make_desk(tmp_path_factory.mktemp("lab"))
    shutil.copy(ROOT / "tests/flows/moody.py", desk.folder / "scoring/moody.py")
    for name in ("blue", "green"):
        path = f"specs/iris/{name}.yaml"
        desk.edit(path, "scoring_script: score.py", "scoring_script: moody.py")
        mood = f"environment_variables:\n  MOOD: {desk.folder}/{name}.json\n"
        desk.edit(path, "environment_variables:\n", mood)
    with running(desk):
        desk("deploy")
        desk("deploy", "--deployment", "green")
        yield Lab(desk)


@pytest.fixture
def ready(lab):
    lab.back()
    return lab


def test_a_good_green_is_promoted_and_no_request_is_lost(ready):
    with ready.load() as load:
        said = ready.start(QUICK, "--reason", "a better model")

    assert re.search(r"started +blue 100%, mirror green 20%, step 1 of 3", said)
    assert re.search(r"advanced +blue 80%, green 20%", said)
    assert re.search(r"promoted +.*all steps baked", said)
    assert ready.traffic == {"green": 100}
    assert "0 failed" in load["said"]
    assert "0 lost" in load["said"]


@pytest.mark.parametrize(
    ("mood", "says"),
    [
        ({"fail_ratio": 0.05}, r"errors \d.*of \d+ against blue's 0%"),
        ({"garbage": True}, "gives no good answer"),
        ({"leak_mb": 1, "dies_at_mb": 30}, r"rolled back"),
    ],
    ids=["fails-5-percent", "garbage", "leaks-until-it-dies"],
)
def test_a_bad_green_goes_back_with_the_reason_in_numbers(ready, mood, says):
    ready.mood("green", **mood)

    with ready.load():
        said = ready.start(JUDGING, status=1 if "garbage" in mood else 3)

    assert re.search(says, said)
    assert ready.traffic == {"blue": 100}
