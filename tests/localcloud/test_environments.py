"""From a conda file to an environment: what is read, refused, built and shared."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ops.localcloud import processes
from ops.localcloud.conda import wish
from ops.localcloud.environments import build, choose_python, whole
from ops.localcloud.recipe import CannotDeploy

PROJECT = Path(__file__).parents[2]
SMALL = "dependencies: [python, {pip: [iniconfig==2.0.0]}]"
# Builds SMALL in the cache that it is given, and says when the builder is at work.
BUILDER = f"""
import sys, threading
from pathlib import Path
from ops.localcloud.conda import wish
from ops.localcloud.environments import build
from ops.localcloud.processes import marks

build(wish({SMALL!r}), Path(sys.argv[1]), lambda line: print(line, flush=True),
      threading.Event(), marks(Path(sys.argv[1]), "builder"))
"""


def conda(*dependencies, pip=()):
    return wish(json.dumps({"dependencies": [*dependencies, {"pip": list(pip)}]}))


def made(cache, conda_file=SMALL, said=None, stop=None):
    log = [].append if said is None else said.append
    return build(wish(conda_file), cache, log, stop or threading.Event(), {})


@pytest.mark.parametrize(
    ("entry", "specifier"),
    [
        ("python", ""),
        ("python=3.11", "==3.11.*"),
        ("python =3.11", "==3.11.*"),
        ("python 3.11", "==3.11.*"),
        ("python=3.11.*", "==3.11.*"),
        ("python==3.11.7", "==3.11.7"),
        ("python>=3.11,<3.14", "<3.14,>=3.11"),
        ("conda-forge::python=3.12", "==3.12.*"),
    ],
)
def test_conda_versions_of_python_are_read(entry, specifier):
    assert conda(entry).python == specifier


def test_the_order_of_the_pip_list_makes_no_other_environment():
    one, other = conda(pip=["numpy", "flask"]), conda(pip=["flask", "numpy"])

    assert one.key == other.key != conda(pip=["flask"]).key


@pytest.mark.parametrize(
    "entry", ["cudatoolkit=11", "numpy", "r-base", "conda-forge::x"]
)
def test_conda_packages_are_refused_by_name(entry):
    with pytest.raises(CannotDeploy, match=f"{entry}: only pip packages"):
        conda("python=3.11", entry)


@pytest.mark.parametrize(
    "entry",
    [
        "-r /etc/passwd",
        "--index-url=https://example.org/simple",
        "-e .",
        "git+https://example.org/x.git",
        "x @ git+https://example.org/x.git",
        "x @ file:///etc",
        "file:///etc/x.whl",
        "./x.whl",
        "/etc/x.whl",
        "x==${HOME}",
        "https://example.org/x.whl",
        "x\n-r /etc/passwd",
        "x; -r y",
        "",
    ],
)
def test_pip_entries_that_are_more_than_a_requirement_are_refused(entry):
    with pytest.raises(CannotDeploy, match="only plain requirements") as refused:
        conda("python", pip=["flask", entry])

    assert entry in refused.value.message


@pytest.mark.parametrize(
    "text",
    [
        "dependencies: [python=3.11=h1_cpython]",
        "dependencies: [{npm: [x]}]",
        "dependencies: [1]",
        "dependencies: [{pip: [1]}]",
        "variables: {A: b}",
        "[]",
        "a: [",
    ],
)
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(CannotDeploy) as refused:
        wish(text)

    assert refused.value.code == "ImageBuildFailure"


def test_all_problems_of_a_conda_file_are_told_at_once():
    with pytest.raises(CannotDeploy) as refused:
        conda("cudatoolkit", "gcc", pip=["-e ."])

    assert refused.value.message.count("\n  - ") == 3


def test_this_python_is_taken_when_it_will_do():
    assert choose_python(">=3.11") == sys.executable


def test_a_python_that_is_not_there_is_refused_with_those_that_are():
    running = ".".join(map(str, sys.version_info[:3]))

    with pytest.raises(CannotDeploy, match=f"==2.6.*; at hand are .*{running}"):
        choose_python("==2.6.*")


def test_a_built_environment_is_used_again(tmp_path):
    said = []
    folder = made(tmp_path)
    marker = (folder / "complete.json").stat().st_mtime_ns

    assert made(tmp_path, said=said) == folder
    assert (folder / "complete.json").stat().st_mtime_ns == marker
    assert said == [f"environment {folder.name} is in the cache"]


def test_a_built_environment_has_what_was_asked_for_compiled(tmp_path):
    folder = made(tmp_path)

    code = "import iniconfig, os; print(os.path.exists(iniconfig.__cached__))"
    told = subprocess.run([folder / "bin/python", "-c", code], stdout=subprocess.PIPE)
    assert told.stdout == b"True\n"


def test_a_half_built_environment_is_built_again(tmp_path):
    folder = made(tmp_path)
    (folder / "complete.json").unlink()
    (folder / "bin/leftover").touch()

    made(tmp_path)

    assert whole(folder)
    assert not (folder / "bin/leftover").exists()


def test_an_environment_whose_python_is_gone_is_built_again(tmp_path):
    folder = made(tmp_path)
    (folder / "bin/python").unlink()

    made(tmp_path)

    assert whole(folder)


def test_builds_of_one_environment_at_once_build_it_once(tmp_path):
    said = []
    threads = [
        threading.Thread(target=made, args=(tmp_path,), kwargs={"said": said})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([line for line in said if line.startswith("building")]) == 1


def test_a_package_that_does_not_exist_fails_with_the_builders_words(tmp_path):
    said = []

    with pytest.raises(CannotDeploy, match="no-such-package-of-anyones was not found"):
        made(tmp_path, "dependencies: [{pip: [no-such-package-of-anyones]}]", said)

    assert any("no-such-package-of-anyones was not found" in line for line in said)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_versions_that_clash_fail_with_the_builders_words(tmp_path):
    with pytest.raises(CannotDeploy, match="requirements are unsatisfiable"):
        made(tmp_path, "dependencies: [{pip: [iniconfig==2.0.0, 'iniconfig>=2.1']}]")


def test_a_build_that_is_stopped_leaves_nothing_whole(tmp_path):
    stop = threading.Event()
    stop.set()

    with pytest.raises(InterruptedError):
        made(tmp_path, stop=stop)

    assert not whole(tmp_path / wish(SMALL).key)


def killed_at_work(cache):
    """Kill a builder while its uv is at work; return that uv, stopped where it was."""
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(cache)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
    )
    with builder, builder.stdout:
        deadline = time.monotonic() + 20
        while not (at_work := [p for p in processes.marked(cache) if p.leader]):
            assert time.monotonic() < deadline
        uv = at_work[0].identity.pid
        os.kill(uv, signal.SIGSTOP)
        os.kill(builder.pid, signal.SIGKILL)
    return uv


def test_a_builder_killed_at_work_leaves_nothing_wrong(tmp_path):
    uv = killed_at_work(tmp_path)
    said = []
    thread = threading.Thread(target=made, args=(tmp_path,), kwargs={"said": said})
    thread.start()
    deadline = time.monotonic() + 20
    while not said:
        assert time.monotonic() < deadline
    os.kill(uv, signal.SIGCONT)
    thread.join()

    assert "waiting for another build" in said[0]
    assert whole(tmp_path / wish(SMALL).key)


def test_a_conda_file_that_nests_for_ever_or_multiplies_is_refused_in_few_words():
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    bomb = "\n".join(["a0: &a0 [lol]", *levels, "dependencies: [*a11]"])

    for text in ("dependencies: " + "[" * 5000 + "]" * 5000, bomb):
        with pytest.raises(CannotDeploy) as refused:
            wish(text)
        assert len(str(refused.value)) < 2000
