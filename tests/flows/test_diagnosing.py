"""What breaks is named with its cause, its evidence and the next command."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.flows.desk import found, make_desk, running

SCORE = "scoring/score.py"
GREEN = "specs/iris/green.yaml"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A desk with a blue that works; deploying it let diagnostics flow."""
    with running(make_desk(tmp_path_factory.mktemp("sick"))) as desk:
        desk("deploy")
        yield desk


@pytest.fixture
def sick(live):
    """The desk; a green that the test deploys, and what it edits, are gone after it."""
    kept = {
        path: path.read_bytes() for path in live.folder.rglob("*") if path.is_file()
    }
    yield live
    for path, content in kept.items():
        if path.read_bytes() != content:
            path.write_bytes(content)
    left = live.json("status")
    if left["mirror"]:
        live("mirror", "--off")
    if left["traffic"] != {"blue": 100}:
        live("shift-traffic", "--set", "blue=100")
    if "green" in left["deployments"]:
        live("delete-deployment", "--deployment", "green", "--yes")


def send(desk, body, *, deployment=None, key=None, times=1):
    """POST to the endpoint, all at once; return the statuses."""
    uri = desk.json("status")["scoring_uri"]
    key = key or desk.json("keys", "--show-keys")["primary"]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if deployment:
        headers["azureml-model-deployment"] = deployment

    def ask(_):
        return requests.post(uri, body, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(ask, range(times)))


SAMPLE = b'{"data": [[5.1, 3.5, 1.4, 0.2]]}'


@pytest.mark.parametrize(
    ("old", "new", "says", "cause"),
    [
        (
            "    model = load(",
            "    raise ValueError('no model')\n    load(",
            "no model",
            r"init\(\) raises ValueError: no model \(score.py line \d+, in init\)",
        ),
        pytest.param(
            "import math\n",
            "import math\nraise RuntimeError('not now')\n",
            "not now",
            r"while it is imported RuntimeError: not now",
            marks=pytest.mark.long,
        ),
        pytest.param(
            "import math\n",
            "import math\nraise SystemExit(7)\n",
            "SystemExit: 7",
            r"while it is imported SystemExit: 7",
            marks=pytest.mark.long,
        ),
    ],
    ids=["in-init", "on-import", "exits"],
)
def test_a_script_that_does_not_start_fails_its_deployment_and_is_named(
    sick, old, new, says, cause
):
    sick.edit(SCORE, old, new)
    said = sick("deploy", "--deployment", "green", status=1)

    assert "ResourceNotReady" in said
    assert says in said
    assert "try: invoke logs" in said
    assert says in sick("logs", "--deployment", "green", "--lines", "200")

    finding = found(sick, title="green failed: its instances never became ready")

    assert finding["severity"] == "serious"
    assert re.search(cause, finding["cause"])
    assert any("ResourceNotReady" in each for each in finding["evidence"])
    assert "invoke logs --deployment green" in finding["next"][0]


def test_run_raising_answers_424_lives_on_and_is_named_with_its_line(sick):
    sick.edit(SCORE, "    event = start_event(request)\n", "    event = 1 / 0\n")
    said = sick("deploy", "--deployment", "green", status=3)

    assert "answers the sample request with 424" in said
    assert "424" in sick("score", "--deployment", "green", status=3)
    assert "ZeroDivisionError" in sick("logs", "--deployment", "green")
    finding = found(sick, title="green failed in the scoring script")
    assert "green failed" in sick("diagnose", status=3)
    assert "ZeroDivisionError: division by zero" in finding["cause"]
    assert re.match(r"invoke logs --request-id [0-9a-f-]{36}", finding["next"][0])


def test_what_callers_do_wrong_is_told_apart(sick):
    assert send(sick, b"not json", times=3) == [424] * 3
    assert send(sick, b"1" * 20_000_000) == [413]
    assert send(sick, SAMPLE, key="not-the-key", times=2) == [401] * 2

    finding = found(sick, title="of blue were bad requests")

    assert any("model status 400" in each for each in finding["evidence"])
    assert "2 request" in found(sick, title="had a wrong key")["title"]
    assert found(sick, title="had too large a body")


@pytest.mark.long
def test_slow_answers_and_full_queues_are_told_with_their_limits(sick):
    old = "    event = start_event(request)\n"
    sick.edit(SCORE, old, f"    time.sleep(1)\n{old}")
    sick.edit(GREEN, "request_timeout_ms: 5000", "request_timeout_ms: 500")
    sick.edit(GREEN, "per_instance: 20", "per_instance: 1")
    sick("deploy", "--deployment", "green", status=3)

    statuses = set(send(sick, SAMPLE, deployment="green", times=8))

    assert statuses == {408, 429}
    assert "request_timeout_ms (500)" in found(sick, title="green timed out")["cause"]
    finding = found(sick, title="green were turned away")
    assert any("instance_count 1 = 2 in flight" in each for each in finding["evidence"])
    assert "--deployment green --instances 2" in finding["next"][0]


def test_an_instance_that_dies_at_a_request_is_a_crash_loop(sick):
    old = "    event = start_event(request)\n"
    sick.edit(SCORE, old, f"    os.kill(os.getppid(), 9) or os._exit(9)\n{old}")
    sick("deploy", "--deployment", "green", status=3)

    finding = found(sick, title="green crashed: 1 restart")

    assert any("BackOff" in each for each in finding["evidence"])
    assert "died in the middle" in found(sick, title="lost with the instance")["cause"]


@pytest.mark.long
def test_a_failed_update_under_weight_is_serious_though_it_still_serves(sick):
    sick("deploy", "--deployment", "green")
    sick("shift-traffic", "--green", "50")
    sick.edit(SCORE, "import math\n", "import math\nraise RuntimeError('not now')\n")
    sick("deploy", "--deployment", "green", status=1)

    assert sick.json("score", "--deployment", "green")[0]["status"] == 200
    said = sick("shift-traffic", "--green", "60", status=1)
    assert "green is Failed, so it can't take more traffic" in said
    finding = found(sick, title="green has 50% of the traffic and is Failed")
    assert "invoke shift-traffic --set blue=100,green=0" in finding["next"]


@pytest.mark.long
def test_no_weights_and_a_mirror_left_on_are_told(sick):
    sick("deploy", "--deployment", "green")
    sick("mirror", "--green", "10")
    assert found(sick, title="mirrored to green")["next"] == ["invoke mirror --off"]

    sick("mirror", "--off")
    sick("shift-traffic", "--set", "blue=0,green=0")
    assert send(sick, SAMPLE) == [404]
    assert found(sick, title="no deployment has traffic: 1 request answered 404")


def test_without_diagnostics_it_says_so(sick):
    sick("diagnostics.off")

    finding = found(sick, title="diagnostics are off")

    assert finding["next"] == ["invoke diagnostics.on"]
    sick("diagnostics.on")
