"""Scoring code as a user of its own: what it can't read, and what it needs to."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ops.localcloud import directory, instances, processes, scoringuser, sockets
from ops.localcloud.console import console_log
from ops.localcloud.instances import Launch
from ops.localcloud.state import State

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root may start others' processes")
NAMED = {scoringuser.VARIABLE: "nobody"}
# Stands where the inference server does, in an environment without an interpreter.
SERVER = """#!/bin/sh
id -un
cat model/weights && for path in {secrets}; do cat $path && echo leaked; done
touch $HOME/own && echo wrote
exec sleep 60
"""


@pytest.fixture
def place(tmp_path):
    """A state directory that others may pass through to get there, as /var has it."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if folder.stat().st_uid == os.getuid() and folder.name != "tmp":
            folder.chmod(0o711)
    state = tmp_path / "state"
    state.mkdir()
    return state


@pytest.mark.parametrize(
    ("name", "says"),
    [("no-such-user", "no user 'no-such-user'"), ("root", "is root itself")],
)
@as_root
def test_a_user_that_can_not_be_is_refused(name, says):
    with pytest.raises(ValueError, match=says):
        scoringuser.chosen({scoringuser.VARIABLE: name})


@pytest.mark.skipif(ROOT, reason="root may")
def test_who_is_not_root_starts_nothing_as_another():
    with pytest.raises(ValueError, match="runs as root"):
        scoringuser.chosen(NAMED)


def test_without_the_variable_it_is_localclouds_own_user():
    assert scoringuser.chosen({}) is None


@as_root
def test_scoring_code_reads_its_model_and_none_of_the_secrets(place, monkeypatch):
    monkeypatch.setenv(scoringuser.VARIABLE, "nobody")
    secrets = [place / "token", place / "ca.key", place / "backup/state.db"]
    directory.open_directory(place)
    for path in (*secrets, place / "code/abc/model/weights"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {path.name}\n")
    State(place / "state.db").close()
    directory.tidy(place)
    directory.furnish(place)
    server = place / "code/env/bin/azmlinfsrv"
    server.parent.mkdir(parents=True)
    names = " ".join(map(str, [*secrets, place / "state.db"]))
    server.write_text(SERVER.format(secrets=names))
    server.chmod(0o755)

    said = printed(place, str(place / "code/env"), str(place / "code/abc"))

    assert said.splitlines()[:2] == ["nobody", "content of weights"]
    assert "leaked" not in said
    assert said.count("Permission denied") == 4
    assert said.splitlines()[-1] == "wrote"
    open_to_all = {path.name for path in place.iterdir() if path.stat().st_mode & 0o077}
    assert open_to_all == {"code", "models", "instances"}
    assert (place / "instances").stat().st_mode & 0o777 == 0o711


def printed(place, environment, code):
    """What an instance prints until it serves, which here is at once."""
    launch = Launch(
        environment=environment,
        code=code,
        script="score.py",
        model=None,
        variables={},
        probes={},
    )
    new = replace(instances.new_instance("/d/blue", launch, "f"), id="blue-1")
    with sockets.listen() as listener:
        begun = instances.about_to_start(new, listener, place, datetime.now(UTC))
        child = instances.start(begun, listener, place, scoringuser.chosen())
    log = console_log(place, "blue-1")
    try:
        deadline = time.monotonic() + 20
        while "wrote" not in log.read_text() and child.poll() is None:
            assert time.monotonic() < deadline, log.read_text()
        # It is known by its mark, and ended, as any other.
        (found,) = processes.marked(place)
        processes.kill(found.identity)
        assert child.wait(10)
    finally:
        child.kill()
        child.wait()
    return log.read_text()


@as_root
@pytest.mark.parametrize("hidden", ["code", "python"])
def test_what_that_user_can_not_reach_is_named_before_a_start(place, hidden):
    user = scoringuser.chosen({scoringuser.VARIABLE: "nobody"})
    code, python = place / "code", place / "python"
    for path in (code, python):
        path.mkdir()
    (python / "python3").symlink_to("/usr/bin/python3")
    if not os.path.exists("/usr/bin/python3"):
        pytest.skip("there is no interpreter that everybody may run")
    place.chmod(0o711)
    (place / hidden).chmod(0o700)

    said = scoringuser.unreachable(user, str(python / "python3"), [str(code)])

    assert said.startswith("nobody, as whom scoring code runs")
    assert str(place / hidden) in said
    (place / hidden).chmod(0o755)
    assert scoringuser.unreachable(user, str(python / "python3"), [str(code)]) == ""


@as_root
def test_localcloud_does_not_begin_with_a_user_that_can_not_be(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "ops.localcloud", "serve", "--state", tmp_path / "s"],
        env={**os.environ, scoringuser.VARIABLE: "no-such-user"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "localcloud: LOCALCLOUD_SCORING_USER: there is no user 'no-such-user'"
    ]
