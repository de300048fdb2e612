"""Rollouts on real processes under load: the good is promoted, the bad goes back.

One localcloud and two deployments serve all of it. Their scoring script looks into a
file for its mood at each request, so nothing is deployed anew.
"""

import json
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.flows.desk import ROOT, Desk, make_desk, running

pytestmark = pytest.mark.slow

QUICK = """
steps:
- {mirror: 20, bake: 1s, requests: 0}
- {weight: 20, bake: 2s, requests: 10}
- {weight: 50, bake: 2s, requests: 20}
judge: {weigh: {latency: 0}}  # on a busy machine one of two equals is the slower one
promote: {when: bake}
guardrails: {saturation: {then: ignore}}
look: 1s
heartbeat: 20s
"""
JUDGING = """
steps:
- {weight: 50, bake: 90s, requests: 10000}
promote: {when: bake}
guardrails: {saturation: {then: ignore}}
look: 1s
heartbeat: 20s
"""
STRICT = JUDGING.replace("guardrails: {", "guardrails: {errors_percent: 1, ")
TEN_HOURS = """
steps:
- {weight: 10, bake: 2h, requests: 1}
- {weight: 25, bake: 2h, requests: 1}
- {weight: 50, bake: 2h, requests: 1}
- {weight: 75, bake: 2h, requests: 1}
- {weight: 90, bake: 2h, requests: 1}
judge: {weigh: {latency: 0}}
promote: {when: bake}
missing_data: {after: 6h}
guardrails: {saturation: {then: ignore}}
look: 30m
heartbeat: 6h
patience: 20d  # half an hour may pass before the next request is answered
"""


@dataclass
class Runner:
    """A rollout.start that runs, and what it has printed."""

    process: subprocess.Popen
    output: Path

    @property
    def said(self):
        return self.output.read_text()

    def until(self, text):
        wait_for(lambda: text in self.said or self.process.poll() is not None)
        assert text in self.said, self.said

    def ends(self, status, number=None):
        if number:
            self.process.send_signal(number)
        found = self.process.wait(timeout=240)
        assert found == status, f"exit {found}, said:\n{self.said}"
        assert "Traceback" not in self.said
        return self.said

    def kill(self):
        self.process.kill()
        self.process.wait()


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
        """No rollout, and all traffic to a blue in good mood."""
        self.calm()
        if "run by" in self.desk("rollout.status"):
            retried(self.desk, "rollout.abort", "--force")
        if self.traffic != {"blue": 100}:
            self.desk("shift-traffic", "--green", "0", "--force")

    @contextmanager
    def runner(self, text):
        """A rollout in a process that a test can do something to."""
        words = ("rollout.start", "--policy", self.policy(text))
        output = self.desk.folder / "runner.txt"
        with output.open("w") as stream:
            process = subprocess.Popen(
                self.desk.command(*words),
                env=self.desk.variables(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        try:
            yield Runner(process, output)
        finally:
            process.kill()
            process.wait()

    def elsewhere(self, folder):
        """The same cloud, seen from another machine."""
        local = str(self.desk.state / "localcloud")
        return Desk(
            folder=self.desk.folder,
            state=folder / "elsewhere",
            environment={"AML_OPS_LOCALCLOUD": local},
        )

    def until_struck(self):
        wait_for(lambda: self.desk.json("cloud.fault")["faults"][-1]["struck"])

    def now(self):
        return datetime.fromisoformat(self.desk.json("cloud.clock")["now"])

    def fast_forward(self, runner, step, seconds=200):
        """Set the clock ahead, once for each look, until the rollout has ended.

        Again when none has come: a runner that has just changed weights looks a while
        after that, and the clock may have been set ahead before.
        """
        deadline = time.monotonic() + seconds
        while runner.process.poll() is None:
            assert time.monotonic() < deadline, runner.said
            assert "paused" not in runner.said, runner.said
            looked = self.looks()
            self.advance(step)
            with suppress(AssertionError):
                wait_for(partial(self.looked_since, looked, runner), seconds=2)

    def looked_since(self, looked, runner):
        return self.looks() > looked or runner.process.poll() is not None

    def advance(self, seconds):
        """As `invoke cloud.clock --advance`, without starting a verb each time."""
        cloud = self.desk.state / "localcloud"
        url = json.loads((cloud / "localcloud.json").read_text())["url"]
        token = (cloud / "token").read_text().strip()
        requests.post(
            f"{url}/-/drills/clock",
            json={"advance_seconds": seconds},
            headers={"Authorization": f"Bearer {token}"},
            verify=cloud / "ca.pem",
            timeout=30,
        ).raise_for_status()

    def looks(self):
        """How many lines the latest record has."""
        records = sorted(self.desk.state.glob("rollouts/*/*.jsonl"))
        return records[-1].read_text().count("\n")

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


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.05)


def goes_back(ready, says):
    with ready.load() as load:
        said = ready.start(JUDGING, status=3)

    assert re.search(says, said)
    assert re.search(r"evidence [\d,over ]+ of 100", said)
    assert ready.traffic == {"blue": 100}
    assert "0 lost" in load["said"]


def retried(desk, *words):
    """Until the lock of a runner that was killed is over: its lease is 15 s."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return desk(*words)
        except AssertionError as refusal:
            if "is being changed" not in str(refusal) or time.monotonic() > deadline:
                raise


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
    ("green", "says"),
    [
        ({"fail_ratio": 0.05}, r"errors \d[^;]* against blue's 0%"),
        pytest.param(
            {"leak_mb": 1, "dies_at_mb": 30}, "rolled back", marks=pytest.mark.long
        ),
    ],
    ids=["fails-5-percent", "leaks-until-it-dies"],
)
def test_a_bad_green_goes_back_with_the_reason_in_numbers(ready, green, says):
    ready.mood("green", **green)

    goes_back(ready, says)


@pytest.mark.long
def test_a_green_that_is_three_times_as_slow_goes_back(ready):
    """By what blue took before the rollout, so that there are requests before it."""
    ready.mood("blue", sleep_ms=8)
    ready.mood("green", sleep_ms=24)
    ready.desk("load", "--rps", "25", "--for", "15s")

    goes_back(ready, r"slower than blue's p\d+ was")


def test_garbage_with_a_200_is_found_by_the_probes(ready):
    with ready.load(), ready.runner(JUDGING) as runner:
        runner.until("started")
        ready.mood("green", garbage=True)
        said = runner.ends(3)

    assert re.search(r"failed probes \d+% of \d+ against blue's 0%", said)
    assert ready.traffic == {"blue": 100}


def test_what_answers_garbage_beforehand_gets_no_traffic_at_all(ready):
    ready.mood("green", garbage=True)

    said = ready.start(JUDGING, status=1)

    assert "no good answer to the sample request: answer.model is missing" in said
    assert ready.traffic == {"blue": 100}


@pytest.mark.long
def test_traffic_does_not_go_back_to_a_blue_that_is_sicker(ready):
    with ready.load(), ready.runner(STRICT) as runner:
        # Not before: a rollout wants a good answer of green to begin with.
        runner.until("started")
        ready.mood("blue", fail_ratio=0.5)
        ready.mood("green", fail_ratio=0.1)
        runner.until("not rolled back, because blue")
        said = ready.desk("rollout.abort", status=1)
        assert re.search(r"Not done: .*because blue", said)
        assert ready.traffic == {"blue": 50, "green": 50}
        ready.desk("rollout.abort", "--force")
        runner.ends(3)

    assert ready.traffic == {"blue": 100}


@pytest.mark.long
def test_a_killed_runner_is_followed_by_one_on_another_machine(ready, tmp_path):
    """The first is killed while the service holds its second write of weights."""
    ready.desk("cloud.drills", "--on")
    pattern = "PUT */onlineEndpoints/iris"
    held = ("--on", pattern, "--delay", "60s", "--after", "1", "--times", "1")
    ready.desk("cloud.fault", *held)
    other = ready.elsewhere(tmp_path)

    with ready.load():
        with ready.runner(QUICK) as runner:
            ready.until_struck()
            runner.kill()
        ready.desk("cloud.fault", "--clear", "all")
        assert ready.traffic == {"blue": 100}
        said = retried(other, "rollout.resume", "--take-over", "--detach")
        assert re.search(r"process \d+ goes on; it tells .*\.log", said)
        said = ready.desk("rollout.watch")

    assert re.search(r"resumed +at blue 100%, mirror green 20%, step 1", said)
    assert re.search(r"promoted +all steps baked", said)
    assert ready.traffic == {"green": 100}
    assert "each decided again alike" in ready.desk("rollout.replay")


def test_a_dead_runners_weights_are_restored_by_the_watchdog(ready):
    with ready.runner(QUICK.replace("bake: 1s", "bake: 90s")) as runner:
        runner.until("started")
        runner.kill()

    ready.desk("cloud.drills", "--on")
    assert "rollout of green running, run by" in ready.desk("watchdog")
    ready.desk("cloud.clock", "--advance", "1m")
    said = ready.desk("watchdog", status=3)

    assert re.search(r"! .* iris: restored blue 100%", said)
    assert ready.desk.json("status")["mirror"] == {}
    assert "rolled back by watchdog" in ready.desk("rollout.status")


def test_ctrl_c_leaves_the_traffic_and_says_what_to_do(ready):
    with ready.runner(JUDGING) as runner:
        runner.until("started")
        said = runner.ends(130, signal.SIGINT)

    assert "Traffic stays blue 50%, green 50%" in said
    assert "try: invoke rollout.resume" in said
    assert "try: invoke rollout.abort" in said
    assert "nobody runs it" in ready.desk("rollout.status")
    ready.desk("rollout.abort")
    assert ready.traffic == {"blue": 100}


@pytest.mark.long
def test_ten_hours_pass_in_seconds_by_the_clock(ready):
    ready.desk("cloud.drills", "--on")
    began = time.monotonic()

    with ready.load(), ready.runner(TEN_HOURS) as runner:
        runner.until("started")
        first = ready.now()
        ready.fast_forward(runner, 1800)
        said = runner.ends(0)
        hours = (ready.now() - first).total_seconds() / 3600

    assert re.search(r"promoted +all steps baked", said)
    assert hours >= 10
    assert time.monotonic() - began < 240
    assert ready.traffic == {"green": 100}
