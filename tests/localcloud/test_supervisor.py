"""Deployments made true by real processes of the inference server."""

import os
import signal
import stat
import threading
from datetime import UTC, datetime

import psutil
import pytest
from engine_rig import CONDA, ENDPOINT, QUICK, SERVER, Rig, alive

from ops.localcloud import processes, sockets
from ops.localcloud.console import console_log
from ops.localcloud.instances import identity
from ops.localcloud.shutdown import shut_down
from ops.localcloud.state import State

pytestmark = pytest.mark.slow


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    rig.succeed(rig.put_endpoint(traffic={"blue": 100}))
    yield rig
    rig.close()


def in_background(call):
    """Start a call in a thread; return the list that its result will be put into."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    return thread, results


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """A rig with one deployment, for tests that only look at it."""
    rig = Rig(tmp_path_factory.mktemp("serving"))
    rig.succeed(rig.put_endpoint(traffic={"blue": 100}))
    ours = {"A_SECRET_OF_OURS": "x", "PYTHONPATH": "/nowhere"}
    wanted = {"GREETING": "hello", "AZUREML_MODEL_DIR": "/etc", "AML_APP_ROOT": "/etc"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ours.items():
            patch.setenv(name, value)
        rig.succeed(rig.deploy(model=rig.put_model(), variables=wanted))
    yield rig
    rig.close()


def test_a_deployment_serves_once_it_has_succeeded(serving):
    status, answer = serving.score()

    assert status == 200
    assert os.listdir(answer["model"]) == ["model"]
    events = serving.events()
    assert events[:3] == ["Pulled", "Created", "Started"]


def test_only_its_own_user_can_reach_an_instance(serving):
    [instance] = serving.live()
    process = psutil.Process(instance.pid)

    files = [each.laddr for each in process.net_connections("unix") if each.laddr]
    assert str(sockets.path(instance.port)) in files
    assert process.net_connections("inet") == []
    assert stat.S_IMODE(sockets.folder().stat().st_mode) == 0o700


def test_what_localcloud_was_started_with_does_not_leak_in(serving):
    [instance] = serving.live()
    inside = psutil.Process(instance.pid).environ()

    assert inside["GREETING"] == "hello"
    assert "A_SECRET_OF_OURS" not in inside
    assert "PYTHONPATH" not in inside


def test_a_spec_cannot_say_where_its_model_lies(serving):
    model, root = (
        serving.score({"show": name})[1]["value"]
        for name in ("AZUREML_MODEL_DIR", "AML_APP_ROOT")
    )

    assert model.endswith("/iris/7")
    assert root.endswith("/src")


@pytest.mark.long
def test_a_change_that_comes_in_mid_step_is_not_taken_for_done(rig, monkeypatch):
    rig.succeed(rig.deploy(variables={"VERSION": "1"}))
    changes = []

    def read_then_changed(type_):
        found = State.of_type(rig.state, type_)
        if type_ == "deployments" and not changes:
            changes.append(rig.change_variables(VERSION="2"))
        return found

    monkeypatch.setattr(rig.state, "of_type", read_then_changed)
    rig.step()

    rig.succeed(changes[0])
    assert rig.score()[1]["version"] == "2"


def test_an_endpoint_deleted_in_mid_step_does_not_come_back(rig, monkeypatch):
    deletions = []

    def read_then_deleted(type_):
        found = State.of_type(rig.state, type_)
        if type_ == "onlineendpoints" and not deletions:
            deletions.append(rig.delete(ENDPOINT, "oe"))
        return found

    monkeypatch.setattr(rig.state, "of_type", read_then_deleted)
    rig.router.step(datetime.now(UTC))

    rig.succeed(deletions[0])
    assert rig.state.resource(ENDPOINT) is None


def test_scaling_keeps_the_instances_there_are(rig):
    rig.succeed(rig.deploy())
    [first] = rig.live()

    rig.succeed(rig.scale(3))
    three = rig.live()
    rig.succeed(rig.scale(1))

    assert len(three) == 3
    assert [i.pid for i in rig.live()] == [first.pid]
    rig.until(lambda: len(alive(three)) == 1, "the end of two")


def test_scaling_down_drops_no_request(rig):
    rig.succeed(rig.deploy(capacity=2))
    calls = [in_background(lambda: rig.score({"seconds": 1.5})) for _ in range(2)]
    rig.until(lambda: sum(rig.router.serving().in_flight.values()) == 2, "two calls")

    rig.succeed(rig.scale(1))

    assert len(rig.live(state="Draining")) == 1
    rig.until(lambda: not any(thread.is_alive() for thread, _ in calls), "the answers")
    assert [results[0][0] for _, results in calls] == [200, 200]
    rig.until(lambda: len(rig.state.instances()) == 1, "the end of one")


def test_a_script_that_cannot_start_fails_its_deployment_until_it_is_mended(rig):
    error = rig.refusal(
        rig.deploy(score="import os\ndef init(): os._exit(3)\ndef run(d): 1")
    )

    assert error["code"] == "ResourceNotReady"
    assert "exited 2 times" in error["message"]
    assert "exit status 3" in error["message"]
    assert "Booting worker" in rig.logs("InferenceServer")
    rig.until(lambda: not rig.live(state="Stopping"), "the end")
    names = {p.name for p in processes.marked(rig.directory)}
    assert names == {"gateway", "gateway-listener"}

    rig.succeed(rig.deploy())
    assert rig.score()[0] == 200
    assert len(rig.state.instances()) == 1


def test_an_instance_that_is_never_ready_fails_its_deployment(rig):
    score = "import time\ndef init(): time.sleep(4)\ndef run(d): 1"
    probe = {"initialDelay": "PT0S", "period": "PT0.5S", "failureThreshold": 3}

    error = rig.refusal(rig.deploy(score=score, readinessProbe=probe))

    assert error["code"] == "ResourceNotReady"
    assert "not ready within 1.5 s" in error["message"]


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A rig with an endpoint on which nothing can be deployed."""
    rig = Rig(tmp_path_factory.mktemp("empty"))
    rig.succeed(rig.put_endpoint())
    yield rig
    rig.close()


@pytest.mark.parametrize(
    ("change", "code", "why"),
    [
        ({"script": "other.py"}, "BadArgument", "'other.py' is not in the code folder"),
        ({"script": "../score.py"}, "BadArgument", "lies outside"),
        ({"conda": "dependencies: [cudatoolkit]"}, "ImageBuildFailure", "cudatoolkit"),
        (
            {"conda": "dependencies: [python, {pip: []}]"},
            "ImageBuildFailure",
            "azureml-inference-server-http is not in the environment",
        ),
        (
            {"conda": CONDA.replace(SERVER, "no-such-package-of-anyones==1")},
            "ImageBuildFailure",
            "no-such-package-of-anyones was not found",
        ),
        ({"model": f"{ENDPOINT}/models/x/versions/1"}, "ResourceNotFound", "model"),
        ({"conda": ""}, "ImageBuildFailure", "there is no Docker engine here"),
        ({"variables": {"A=B": "c"}}, "BadArgument", "'A=B' can't be set"),
        (
            {"readinessProbe": {"period": "10 seconds"}},
            "BadArgument",
            "'10 seconds' is not an ISO 8601 duration",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_prepared_fails_with_its_cause(empty, change, code, why):
    error = empty.refusal(empty.deploy(**change))

    assert error["code"] == code
    assert why in error["message"]
    assert empty.deployment().properties["provisioningState"] == "Failed"


def test_the_builders_words_are_in_the_storage_initializers_log(empty):
    conda = CONDA.replace(SERVER, "no-such-package-of-anyones==1")
    empty.refusal(empty.deploy(conda=conda))

    assert "no-such-package-of-anyones was not found" in empty.build_log()


def test_a_killed_instance_is_restarted(rig):
    rig.succeed(rig.deploy())
    [before] = rig.live()
    workers = psutil.Process(before.pid).children()

    os.kill(before.pid, signal.SIGKILL)
    rig.until(lambda: not rig.live(), "the notice")
    [after] = rig.until(rig.live, "the restart")

    assert workers
    assert [processes.identify(worker.pid) for worker in workers] == [None]
    assert (after.id, after.restarts) == (before.id, 1)
    assert rig.until(lambda: rig.score()[0] == 200)
    assert rig.deployment().properties["provisioningState"] == "Succeeded"
    events = rig.state.events(f"{ENDPOINT}/deployments/blue")
    [message] = [each["message"] for each in events if each["name"] == "BackOff"]
    assert "killed by signal 9" in message


def test_an_instance_that_hangs_is_killed_and_restarted(rig):
    hurried = {"initialDelay": "PT0S", "period": "PT0.2S", "timeout": "PT0.3S"}
    liveness = {**hurried, "failureThreshold": 5}
    # It may take its time to start: only then is it asked whether it lives.
    rig.succeed(rig.deploy(livenessProbe=liveness, startupProbe=QUICK))
    [before] = rig.live()

    in_background(lambda: rig.score({"seconds": 100}))
    rig.until(lambda: "Killing" in rig.events(), "the notice")
    # A worker that never yields is only ended by the deadline; let it end here.
    processes.kill(identity(before))
    [after] = rig.until(rig.live, "the restart")

    assert "LivenessProbeFailed" in rig.events()
    assert after.pid != before.pid


@pytest.mark.long
def test_a_new_supervisor_adopts_what_runs(rig):
    rig.succeed(rig.deploy(capacity=2))
    before = rig.live()
    thread, results = in_background(lambda: rig.score({"seconds": 1}))

    rig.restart_engines()
    rig.until(lambda: not thread.is_alive(), "the answer")

    assert results[0][0] == 200
    assert [(i.pid, i.restarts) for i in rig.live()] == [(i.pid, 0) for i in before]


@pytest.mark.long
def test_an_instance_that_died_unwatched_is_restarted(rig):
    rig.succeed(rig.deploy())
    [before] = rig.live()

    rig.supervisor.close()
    os.kill(before.pid, signal.SIGKILL)
    os.waitpid(before.pid, 0)
    rig.restart_engines()

    rig.until(lambda: [i for i in rig.live() if i.pid != before.pid], "the restart")


def test_a_process_started_just_before_a_kill_is_adopted(rig):
    rig.succeed(rig.deploy())
    [instance] = rig.live()
    unwritten = vars(instance) | {"pid": None, "process_created": None}
    rig.state.save_instance(type(instance)(**unwritten | {"state": "Starting"}))

    rig.restart_engines()

    assert [i.pid for i in rig.state.instances()] == [instance.pid]


def test_a_process_that_nobody_has_a_record_of_is_ended(rig):
    rig.succeed(rig.deploy())
    [instance] = rig.live()
    rig.state.delete_instance(instance.id)

    rig.restart_engines()

    rig.until(lambda: not alive([instance]), "the end")


def test_the_old_serves_until_the_new_is_ready(rig):
    rig.succeed(rig.deploy(variables={"VERSION": "1"}))
    operation = rig.change_variables(VERSION="2")
    answers = []

    while rig.state.operation(operation.id).status == "InProgress":
        rig.step()
        answers.append(rig.score())

    assert {status for status, _ in answers} == {200}
    versions = [answer["version"] for _, answer in answers]
    assert versions == sorted(versions)
    assert rig.score()[1]["version"] == "2"
    rig.until(lambda: len(rig.state.instances()) == 1, "the end of the old")


def test_a_change_that_fails_leaves_the_old_serving(rig):
    rig.succeed(rig.deploy())
    [before] = rig.live()

    error = rig.refusal(rig.deploy(score="def run(data): return 1"))

    assert "init() function" in error["message"]
    assert rig.deployment().properties["provisioningState"] == "Failed"
    assert [i.pid for i in rig.live()] == [before.pid]
    assert rig.score()[0] == 200


def test_request_settings_change_without_a_restart(rig):
    rig.succeed(rig.deploy())
    [before] = rig.live()
    wish = rig.deployment().body
    wish["properties"]["requestSettings"] = {"requestTimeout": "PT0.3S"}

    rig.succeed(rig.rewrite(wish, 1))

    assert [i.pid for i in rig.live()] == [before.pid]
    assert rig.score({"seconds": 1})[0] == 408


def test_a_deleted_deployment_leaves_nothing(rig):
    rig.succeed(rig.deploy(capacity=2))

    rig.succeed(rig.delete(f"{ENDPOINT}/deployments/blue", "od"))

    assert rig.deployment() is None
    assert rig.state.instances() == []
    assert os.listdir(rig.directory / "instances") == []
    names = {p.name for p in processes.marked(rig.directory)}
    assert names == {"gateway", "gateway-listener"}


def test_a_deployment_can_be_deleted_while_it_is_being_made(rig):
    operation = rig.deploy(score="import time\ndef init(): time.sleep(4)")
    rig.until(lambda: rig.live(state="Starting"), "the start")

    rig.succeed(rig.delete(f"{ENDPOINT}/deployments/blue", "od"))

    assert rig.state.operation(operation.id).status == "Canceled"
    assert rig.state.instances() == []


def test_an_endpoint_goes_with_its_deployments(rig):
    rig.succeed(rig.deploy())

    rig.succeed(rig.delete(ENDPOINT, "oe"))

    assert rig.state.resource(ENDPOINT) is None
    assert rig.state.instances() == []
    assert rig.score()[0] == 404


@pytest.mark.long
def test_down_stops_all_when_the_control_plane_is_dead(rig):
    rig.succeed(rig.deploy(capacity=2))
    instances = rig.live()
    rig.supervisor.close()
    rig.state.close()

    stopped = shut_down(rig.directory)

    assert len(stopped) == 3
    for instance in instances:  # SIGTERM, so that work in hand could be finished
        log = console_log(rig.directory, instance.id).read_text()
        assert "Handling signal: term" in log
    assert not list(processes.marked(rig.directory))
    assert not alive(instances)
    rig.state = State(rig.directory / "state.db")
    rig.restart_engines()
    rig.gateway.ensure()
    rig.until(lambda: len(rig.live()) == 2, "the start anew")
