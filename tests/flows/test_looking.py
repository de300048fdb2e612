"""Wrong at 3 a.m.: found in the logs, followed through a crash, asked in KQL."""

import json
import os
import signal
import subprocess
import time

import psutil
import pytest

pytestmark = pytest.mark.slow

ENDS = 60.0


def until(condition, seconds=ENDS):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.1)
    return found


def lines(desk, *words):
    """What `invoke logs` prints to stdout alone, line by line."""
    done = subprocess.run(
        desk.command("logs", *words),
        env=desk.variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def bad(desk):
    file = desk.folder / "bad.json"
    file.write_text(json.dumps({"data": [[1, 2, 'x"|take 0', 4]]}))
    return str(file)


def test_before_diagnostics_the_last_lines_are_shown_and_it_is_said(desk):
    desk("deploy")
    desk("diagnostics.off")

    said = desk("logs", "--lines", "5000")

    # Whatever has flowed while the deploy had turned it on is read as usual.
    assert "getLogs" in said or "azmlinfsrv" in said


def test_diagnostics_are_turned_on_once(desk):
    assert "created" in desk("diagnostics.on")
    assert "on already" in desk("diagnostics.on")
    (setting,) = desk.json("diagnostics")
    assert setting["metrics"]


def test_the_failing_request_is_found_and_followed_by_its_id(desk, bad):
    desk("deploy", "--deployment", "green")
    desk("shift-traffic", "--green", "50")
    desk("score", "-n", "20")
    desk("score", "--file", bad, "--deployment", "green", status=3)

    form = ("--status", "4xx", "--template", "{status} {deployment} {request_id}")
    (found,) = until(lambda: lines(desk, *form))
    status, deployment, request_id = found.split()
    assert (status, deployment) == ("424", "green")

    def trace():
        said = lines(desk, "--request-id", request_id)
        return said if len(said) >= 2 else None

    said = "\n".join(until(trace))
    assert "POST /score 424 (the model said 400)" in said
    assert "reason=" in said
    assert "is not a number" in said
    assert said.count("print score") == 1


def test_both_deployments_are_merged_in_time_order(desk):
    rows = [
        json.loads(line) for line in lines(desk, "--output", "json", "--since", "1h")
    ]

    assert {row["deployment"] for row in rows} == {"blue", "green"}
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


def test_json_is_one_document(desk):
    rows = desk.json("logs", "--deployment", "green", "--lines", "3")

    assert [row["deployment"] for row in rows] == ["green"] * 3


def test_events_tell_what_happened_to_instances(desk):
    names = until(lambda: lines(desk, "--events", "--deployment", "green", "-o", "raw"))

    assert any(name.startswith("Started") for name in names)


def test_patterns_name_what_green_alone_says(desk):
    found = desk.json("logs.patterns")

    new = [each for each in found if each["new"] == "on green"]
    assert any("status=400" in each["pattern"] for each in new)


def test_a_rollout_is_planned_at_the_rate_there_is(desk):
    file = desk.folder / "quick.yaml"
    file.write_text("steps: [{weight: 60, bake: 1m}]\npatience: 1m\n")

    found = desk.json("rollout.plan", "--policy", str(file), "--since", "1h")
    (asked,) = desk.json("rollout.plan", "--policy", str(file), "--rate", "6000")[
        "stretches"
    ]

    names = {found["today"]["stable"], found["today"]["canary"]}
    assert names == {"blue", "green"}
    assert 0.3 < found["today"]["per_minute"] < 5
    assert found["asked_ratio"] == 1
    assert asked["requests"] >= 3600


def test_following_shows_each_request_once_through_a_crash(desk, tmp_path):
    form = ("--include", '"event": "score"', "--template", "{request_id}")
    out = (tmp_path / "out").open("w+")
    err = (tmp_path / "err").open("w+")
    follower = subprocess.Popen(
        desk.command("logs", "--follow", "--lines", "1", *form),
        env=desk.variables(),
        stdout=out,
        stderr=err,
    )
    try:
        until(lambda: (tmp_path / "out").read_text())
        sent = [a["request_id"] for a in desk.json("score", "-n", "30")]
        until(lambda: sent[-1] in (tmp_path / "out").read_text())
        process = psutil.Process(desk.json("cloud.status")["pid"])
        process.send_signal(signal.SIGKILL)
        psutil.wait_procs([process], 10)
        until(lambda: "waiting for it" in (tmp_path / "err").read_text())
        desk("cloud.up")
        sent += [a["request_id"] for a in desk.json("score", "-n", "30")]
        until(lambda: set(sent) <= set((tmp_path / "out").read_text().split()))
        until(lambda: "answers again" in (tmp_path / "err").read_text())
    finally:
        follower.send_signal(signal.SIGINT)
        status = follower.wait(timeout=20)
        out.close()
        err.close()

    shown = (tmp_path / "out").read_text().split()
    assert status == 0
    assert sorted(shown[1:]) == sorted(sent)
    assert len(set(shown)) == len(shown)


def test_a_reader_that_leaves_ends_the_log_quietly(desk):
    command = " ".join(desk.command("logs", "--since", "1h"))
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1"],
        env=desk.variables(),
        capture_output=True,
        text=True,
    )

    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("AmlOnlineEndpointTrafficLog | wher x",), 1, "^"),
        (("Nope | take 1",), 1, "Nope"),
        (("T | evaluate autocluster()",), 1, ""),
        (("--name", "nope"), 1, "no query named"),
        (("--name", "slow", "--param", "slower_than=1 | take 2"), 2, "slower_than"),
        (("--name", "slow", "--param", "x=1"), 2, "no parameter 'x'"),
        (("--file", "/nonexistent"), 2, "can't be read"),
        (("--lits",), 2, "no flag"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(desk, words, status, says):
    assert says in desk("query", *words, status=status)


def test_a_value_with_quotes_and_pipes_stays_a_value(desk):
    wild = 'blue" | union AmlOnlineEndpointEventLog | take 5 //'

    assert desk.json("query", "--name", "errors", "--param", f"deployment={wild}") == []


def test_a_query_answers_as_table_json_csv_and_chart(desk):
    text = "AmlOnlineEndpointTrafficLog | summarize n = count() by DeploymentName"

    rows = {r["DeploymentName"]: r["n"] for r in desk.json("query", text)}
    assert set(rows) == {"blue", "green"}
    assert f"blue,{rows['blue']}" in desk("query", text, "-o", "csv")
    assert "DeploymentName" in desk("query", text)
    assert "┤" in desk("query", "--name", "rate", "--param", "grain=1s")


@pytest.mark.long
def test_an_answer_that_is_too_large_says_that_rows_are_missing(desk):
    said = desk("query", "range n from 1 to 600000 step 1", "-o", "csv")

    assert "rows are missing" in said
    assert "record count limit 500000" in said
    assert "\n500000\n" in said
    assert "\n500001\n" not in said


def test_following_ends_with_the_person(desk):
    follower = subprocess.Popen(
        desk.command("logs", "--follow", "--deployment", "blue"),
        env={**desk.variables(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    os.read(follower.stdout.fileno(), 1)

    follower.send_signal(signal.SIGINT)

    assert follower.wait(timeout=20) == 0
    follower.stdout.close()
