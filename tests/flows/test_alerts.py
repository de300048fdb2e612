"""A green that errs: its alert fires, is told once, is taken, and resolves.

One localcloud and two rules; the clock is set ahead instead of waiting for minutes.
"""

import json
import shutil
import subprocess
import time

import pytest

from tests.flows.desk import ROOT, make_desk, running
from tests.webhook_rig import webhook

pytestmark = pytest.mark.slow

RULE = """
summary: "{deployment} fails more than {threshold} of its requests"
severity: 1
runbook: errors
window: 1m
every: 1m
by: [deployment]
log: {query: status_share, measure: Percent, over: 5, unit: "%"}
"""
SILENT = """
summary: "{deployment} answers without a scoring line for over {threshold} of requests"
severity: 3
runbook: errors
window: 1m
every: 1m
by: [deployment]
log: {query: unlogged, measure: Percent, over: 50, unit: "%"}
"""
POLICY = """
steps:
- {mirror: 10, bake: 10m, requests: 0}
- {weight: 50, bake: 10m, requests: 0}
promote: {when: bake}
missing_data: {after: 1d}
guardrails: {saturation: {then: ignore}}
look: 1s
heartbeat: 20s
"""


@pytest.fixture(scope="module")
def hook():
    with webhook() as server:
        yield server


@pytest.fixture(scope="module")
def desk(tmp_path_factory, hook):
    desk = make_desk(tmp_path_factory.mktemp("alerts"))
    shutil.copy(ROOT / "tests/flows/moody.py", desk.folder / "scoring/moody.py")
    green = "specs/iris/green.yaml"
    desk.edit(green, "scoring_script: score.py", "scoring_script: moody.py")
    mood = f"environment_variables:\n  MOOD: {desk.folder}/green.json\n"
    desk.edit(green, "environment_variables:\n", mood)
    alerts = desk.folder / "alerts"
    (alerts / "runbooks").mkdir(parents=True)
    (alerts / "runbooks/errors.md").write_text("# errors\n")
    (alerts / "errors.yaml").write_text(RULE)
    (alerts / "scoring-log.yaml").write_text(SILENT)
    desk.environment["AML_OPS_ALERTS"] = str(alerts)
    with (desk.folder / "specs/stages/local.yaml").open("a") as stream:
        stream.write(f'notify:\n  on-call: {{webhook: "{hook.url}"}}\n')
    with running(desk):
        desk("deploy")
        desk("deploy", "--deployment", "green")
        desk("cloud.drills", "--on", "--decorate", "on")
        yield desk


def scored(desk):
    """Requests to green, and the clock past the minute in which their rows are."""
    to_green = ("load", "--deployment", "green", "--rps", "40", "--for", "1s")
    desk(*to_green, "--allow-errors")
    desk("cloud.clock", "--advance", "1m")


def alert(desk, rule="errors"):
    done = subprocess.run(
        desk.command("alerts.list", "--json"),
        env=desk.variables(),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 3), done.stderr
    told = json.loads(done.stdout)["alerts"]
    (found,) = [each for each in told if each["rule"] == rule]
    return done.returncode, found


def test_a_green_that_errs_wakes_somebody_once_and_says_when_it_is_over(desk, hook):
    desk("alerts.apply")
    assert "ok " in desk("alerts.notify-test")
    (trial,) = hook.wait_for(1)
    assert "test" in json.dumps(trial).lower()

    (desk.folder / "green.json").write_text(json.dumps({"fail_ratio": 0.5}))
    scored(desk)

    _, told = hook.wait_for(2, seconds=30)
    essentials = told["data"]["essentials"]
    assert essentials["monitorCondition"] == "Fired"
    assert essentials["alertRule"] == "aml-ops-iris-errors"
    status, found = alert(desk)
    assert status == 3
    assert (found["rule"], found["deployment"], found["state"]) == (
        *("errors", "green", "new"),
    )
    assert found["value"] > found["threshold"] == 5

    said = desk("alerts.ack", "errors", "--comment", "looking at green")
    assert "acknowledged  errors on green" in said
    assert alert(desk)[0] == 0

    (desk.folder / "green.json").write_text("{}")
    desk("cloud.clock", "--advance", "15m")

    *_, over = hook.wait_for(3, seconds=30)
    assert over["data"]["essentials"]["monitorCondition"] == "Resolved"
    assert alert(desk)[1]["condition"] == "resolved"
    assert len(hook.heard) == 3


def test_a_script_that_logs_nothing_is_told_until_it_does_again(desk, hook):
    desk("alerts.apply")
    before = len(hook.heard)
    (desk.folder / "green.json").write_text(json.dumps({"garbage": True}))
    scored(desk)

    told = hook.wait_for(before + 1, seconds=30)[-1]["data"]
    assert told["essentials"]["alertRule"] == "aml-ops-iris-scoring-log"
    _, found = alert(desk, "scoring-log")
    assert (found["deployment"], found["value"]) == ("green", 100)

    (desk.folder / "green.json").write_text("{}")
    scored(desk)
    desk("cloud.clock", "--advance", "15m")

    over = hook.wait_for(before + 2, seconds=30)[-1]["data"]["essentials"]
    assert over["monitorCondition"] == "Resolved"


def test_a_rollout_goes_back_for_its_canarys_alert_and_for_no_other(desk):
    policy = desk.folder / "policy.yaml"
    policy.write_text(POLICY)
    output = desk.folder / "rollout.txt"
    with output.open("w") as stream:
        runner = subprocess.Popen(
            desk.command("rollout.start", "--policy", str(policy)),
            env=desk.variables(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    try:
        wait_for(lambda: "started" in output.read_text() or runner.poll() is not None)
        fault = ("cloud.fault", "--alert", "slow", "--severity", "0", "--deployment")
        desk(*fault, "blue")
        wait_for(
            lambda: (
                "rolls back for these alerts by itself" in desk("alerts.list", status=3)
            )
        )
        assert runner.poll() is None, output.read_text()
        desk(*fault, "green")
        assert runner.wait(timeout=30) == 3, output.read_text()
    finally:
        runner.kill()
        runner.wait()

    assert "slow fired at" in output.read_text()
    assert desk.json("status")["traffic"] == {"blue": 100}
    assert "rolls back for these" not in desk("alerts.list", status=3)


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.05)
