"""What an instance is given, what it printed, and why it died."""

from pathlib import Path

import pytest

from ops.localcloud.console import build_log, cause, last_lines, logs
from ops.localcloud.instances import Launch, variables
from ops.localcloud.records import Instance
from ops.localcloud.state import State

BLUE = "/subscriptions/s/onlineendpoints/iris/deployments/blue"
PREFIX = "2026-11-23 10:04:31,559 E [7392] azmlinfsrv - "
WRAPPED = f"""\
{PREFIX}User's init function failed
{PREFIX}Encountered Exception Traceback (most recent call last):
  File ".../server/user_script.py", line 119, in invoke_init
    self._user_init()
  File "score.py", line 2, in init
    raise ValueError("no model here")
ValueError: no model here

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File ".../server/aml_blueprint.py", line 109, in setup
    self.user_script.invoke_init()
azureml.server.user_script.UserScriptException: Caught an unhandled exception

{PREFIX}Model Directory Contents:
"""
UNWRAPPED = f"""\
{PREFIX}Traceback (most recent call last):
  File ".../server/aml_blueprint.py", line 91, in setup
    self.user_script.load_script(config.app_root)
azureml.server.user_script.UserScriptError: score.py does not have a run() function

"""
EXITED = "2026-11-23 I [1] gunicorn.error - Worker (pid:7) exited with code 9.\nbye\n"


@pytest.mark.parametrize(
    ("printed", "first"),
    [
        (WRAPPED, "ValueError: no model here"),
        (UNWRAPPED, "azureml.server.user_script.UserScriptError: score.py does not"),
        (EXITED, "Worker exited with code 9."),
        ("one\ntwo\n\n", "two"),
        (EXITED.splitlines()[0].replace("exited", "is here"), ""),
        ("", ""),
    ],
    ids=[
        "raised by the script",
        "raised by the server",
        "no word",
        "a line",
        "chatter",
        "nothing",
    ],
)
def test_the_cause_is_the_scripts_own_error(printed, first):
    assert cause(printed).startswith(first)


def test_the_cause_shows_where_it_arose():
    assert 'File "score.py", line 2, in init' in cause(WRAPPED)


def test_what_was_logged_after_a_traceback_is_no_part_of_the_cause():
    printed = UNWRAPPED.rstrip() + f"\n{PREFIX}Shutting down: Master\n"

    assert "Shutting down" not in cause(printed)


def launch(**spec):
    return Launch(
        environment="/env",
        code="/code",
        script="/code/score.py",
        model="/model/iris/7",
        variables=spec,
        probes={},
    )


def test_a_spec_sets_all_but_its_paths():
    given = variables(
        launch(WORKER_COUNT="4", AZUREML_MODEL_DIR="/etc", AML_APP_ROOT="/"), Path("/h")
    )

    assert given["WORKER_COUNT"] == "4"
    assert given["AZUREML_MODEL_DIR"] == "/model/iris/7"
    assert given["AML_APP_ROOT"] == "/code"
    assert given["HOME"] == "/h"


@pytest.mark.parametrize("block", [1, 7, 65536])
def test_a_tail_is_whole_lines(tmp_path, block):
    file = tmp_path / "log"
    file.write_text("one\ntwö\nthree\nfour")

    assert last_lines(file, 2, block) == ["three\n", "four"]
    assert last_lines(file, 9, block) == ["one\n", "twö\n", "three\n", "four"]
    assert last_lines(tmp_path / "none", 9) == []


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "state.db")
    yield state
    state.close()


def printed(state, directory, id_, text):
    state.save_instance(
        Instance(id=id_, deployment=BLUE, fingerprint="f", state="Ready")
    )
    log = directory / "instances" / id_ / "console.log"
    log.parent.mkdir(parents=True)
    log.write_text(text)


def test_the_log_of_one_instance_is_its_tail(state, tmp_path):
    printed(state, tmp_path, "blue-1", "one\ntwo\n")

    assert logs(state, tmp_path, BLUE, "InferenceServer", 1) == "two\n"


def test_the_logs_of_several_instances_bear_their_names(state, tmp_path):
    printed(state, tmp_path, "blue-1", "one\n")
    printed(state, tmp_path, "blue-2", "two\n")

    told = logs(state, tmp_path, BLUE, "InferenceServer", 9)

    assert told == "==> blue-1 (Ready) <==\none\n\n==> blue-2 (Ready) <==\ntwo\n"


def test_the_storage_initializers_log_is_the_builders(state, tmp_path):
    log = build_log(tmp_path, BLUE)
    log.parent.mkdir()
    log.write_text("building\n")

    assert logs(state, tmp_path, BLUE, "StorageInitializer", 9) == "building\n"


def test_another_container_is_refused(state, tmp_path):
    with pytest.raises(ValueError, match="'Sidecar' is not InferenceServer"):
        logs(state, tmp_path, BLUE, "Sidecar", 9)
