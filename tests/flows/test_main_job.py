"""From nothing to a shifted model and back, in the order that the README tells it."""

import re
import signal
import time

import psutil
import pytest


def test_the_first_deployment_gets_all_traffic(desk):
    said = desk("deploy")

    assert "localcloud started" in said
    assert re.search(r"model +iris:1 .*create", said)
    assert "200 in" in said
    assert desk.json("status")["traffic"] == {"blue": 100}


def test_deploying_again_skips_every_step_with_a_reason(desk):
    said = desk("deploy")

    assert len(re.findall(r"^- .*unchanged", said, re.MULTILINE)) == 4


def test_a_dry_run_changes_nothing(desk):
    before = desk.json("status")

    assert "create" in desk("deploy", "--deployment", "green", "--dry-run")
    assert "100% -> 0%" in desk("shift-traffic", "--set", "blue=0", "--dry-run")
    assert "1 -> 3" in desk(
        *("scale", "--deployment", "blue", "--instances", "3", "--dry-run")
    )

    assert desk.json("status") == before


def test_a_request_is_answered_through_the_traffic_rules(desk):
    (answer,) = desk.json("score")

    assert (answer["status"], answer["deployment"]) == (200, "blue")
    assert answer["body"]["model_version"] == "1"


def test_green_is_deployed_beside_blue_without_traffic(desk):
    desk("deploy", "--deployment", "green")

    assert desk.json("status")["traffic"] == {"blue": 100}
    assert set(desk.json("status")["deployments"]) == {"blue", "green"}
    (answer,) = desk.json("score", "--deployment", "green")
    assert answer["body"]["model_version"] == "2"


def test_mirrored_requests_reach_green_and_answers_come_from_blue(desk):
    before = scored_by(desk, "green")
    desk("mirror", "--green", "50")

    answers = desk.json("score", "-n", "20")

    assert {answer["deployment"] for answer in answers} == {"blue"}
    deadline = time.monotonic() + 10
    while scored_by(desk, "green") == before:
        assert time.monotonic() < deadline, "green saw no mirrored request"
    desk("mirror", "--off")
    assert desk.json("status")["mirror"] == {}


def test_a_shift_splits_live_requests(desk):
    said = desk("shift-traffic", "--green", "20", "--reason", "a first look")

    assert re.search(r"blue 100% -> 80%.*green 0% -> 20%", said)
    answers = desk.json("score", "-n", "100")
    share = sum(answer["deployment"] == "green" for answer in answers)
    # 20 expected; 4 and 44 are six standard deviations away.
    assert 4 <= share <= 44


def test_a_load_comes_at_its_own_rate_and_nothing_of_it_is_lost(desk):
    report = desk.json("load", "--rps", "50", "--for", "2s", "--steady")

    assert (report["requests"], report["succeeded"], report["lost"]) == (100, 100, {})
    assert {each["deployment"] for each in report["answers"]} == {"blue", "green"}
    assert desk.json("history")[0]["after"]["sent"] == 100


def test_a_load_that_gets_no_answer_in_time_is_not_a_success(desk):
    words = ("--rps", "20", "--for", "500ms", "--steady", "--timeout", "1ms")

    said = desk("load", *words, "--allow-errors", status=3)

    assert "10 of 10 requests got no answer" in said
    assert "10 no answer in 0.001 s" in said


def test_redeploying_the_endpoint_keeps_live_weights(desk):
    desk.edit("specs/iris/endpoint.yaml", "four measurements.", "four numbers.")

    said = desk("deploy")

    assert re.search(r"endpoint +iris .*update", said)
    assert desk.json("status")["traffic"] == {"blue": 80, "green": 20}


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--green", "lots"), 2, "whole percentage"),
        (("--set", "blue=90,green=20"), 1, "must sum to 100"),
        (("--set", "blue=90,gren=10"), 2, "no deployment 'gren'"),
        ((), 2, "either --green or --set"),
    ],
)
def test_a_shift_that_cannot_be_meant_is_refused(desk, words, status, says):
    assert says in desk("shift-traffic", *words, status=status)

    assert desk.json("status")["traffic"] == {"blue": 80, "green": 20}


def test_instances_are_scaled_by_name(desk):
    desk("scale", "--deployment", "blue", "--instances", "2")

    assert desk.json("status")["deployments"]["blue"]["instances"] == 2
    assert "unchanged 2" in desk("scale", "--deployment", "blue", "--instances", "2")
    desk("scale", "--deployment", "blue", "--instances", "1")


def test_a_rotated_key_opens_no_more(desk):
    before = desk.json("keys", "--show-keys")

    desk("keys.rotate", "--key", "secondary")

    after = desk.json("keys", "--show-keys")
    assert after["primary"] == before["primary"]
    assert after["secondary"] != before["secondary"]


def test_keys_are_masked_unless_asked_for(desk):
    whole = desk.json("keys", "--show-keys")

    said = desk("keys")

    assert whole["primary"] not in said
    assert whole["primary"][-4:] in said
    assert (
        desk("keys", "--header").strip() == f"Authorization: Bearer {whole['primary']}"
    )


def test_blue_is_not_deleted_while_it_has_traffic(desk):
    said = desk("delete-deployment", "--deployment", "blue", "--yes", status=1)

    assert "80% of the live traffic" in said


def test_deleting_asks_first(desk):
    desk("shift-traffic", "--green", "100")

    said = desk("delete-deployment", "--deployment", "blue", status=1)

    assert "needs --yes" in said
    assert "blue" in desk.json("status")["deployments"]


def test_blue_is_deleted_after_green_has_it_all(desk):
    desk("delete-deployment", "--deployment", "blue", "--yes")

    assert set(desk.json("status")["deployments"]) == {"green"}
    (answer,) = desk.json("score")
    assert answer["deployment"] == "green"


def test_history_tells_what_was_done_and_why(desk):
    entries = desk.json("history")

    verbs = [entry["verb"] for entry in reversed(entries)]
    assert verbs[0] == "deploy"
    assert verbs[-1] == "delete-deployment"
    shift = next(e for e in entries if e["reason"] == "a first look")
    assert shift["before"]["traffic"] == {"blue": 100}
    assert shift["after"]["traffic"] == {"blue": 80, "green": 20}
    assert {entry["outcome"] for entry in entries} <= {"done", "failed"}
    assert not any("outside" in entry["reason"] for entry in entries)


def test_a_control_plane_that_was_killed_is_started_again(desk):
    pid = desk.json("cloud.status")["pid"]
    psutil.Process(pid).send_signal(signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], 10)

    said = desk("status")

    assert "localcloud started" in said
    assert desk.json("score")[0]["status"] == 200


def test_down_leaves_no_process_behind(desk):
    desk("cloud.down")

    mine = [
        process.pid
        for process in psutil.process_iter()
        if str(desk.state) in " ".join(_command_line(process))
    ]
    assert mine == []
    assert "down" in desk("cloud.status")


def scored_by(desk, deployment):
    """How many requests a deployment has logged."""
    said = desk("logs", "--deployment", deployment, "--lines", "5000", "-o", "raw")
    return said.count('"event": "score"')


def _command_line(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_what_was_deployed_serves_again_after_up(desk):
    desk("cloud.up")

    assert desk.json("score")[0]["status"] == 200
