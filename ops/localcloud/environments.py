"""From a conda file to a cached virtual environment, built by uv.

Azure builds an image from the conda file; without Docker, its Python version and its
pip list make a virtual environment that does as well. Several localclouds may share
the cache: a file lock lets one of them build, and a marker written last says that a
build is whole. uv holds the lock too, so a builder whose parent was killed is waited
for rather than raced.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.specifiers import SpecifierSet

from ops.localcloud.conda import Wish
from ops.localcloud.processes import run_lines
from ops.localcloud.recipe import CannotDeploy

UV = (sys.executable, "-m", "uv")
MARKER = "complete.json"
Log = Callable[[str], None]


def cache_directory() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "aml-ops" / "environments"


def build(
    wish: Wish, cache: Path, log: Log, stop: threading.Event, marks: dict[str, str]
) -> Path:
    """Return the environment's folder, built first when the cache has it not whole.

    Each line that the builder prints goes to `log`; `marks` are set in its process.
    CannotDeploy (ImageBuildFailure) carries the builder's own words. When `stop` is
    set the builder is killed and InterruptedError raised.
    """
    folder = cache / wish.key
    if whole(folder):
        log(f"environment {wish.key} is in the cache")
        return folder
    interpreter = choose_python(wish.python)
    with locked(cache, wish.key, log, stop) as lock:
        if not whole(folder):
            try:
                _build(wish, folder, interpreter, log, stop, marks, lock)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)  # the disk may be full
                raise
    return folder


def whole(folder: Path) -> bool:
    """Whether a build was finished and the interpreter it links to is still there."""
    return (folder / MARKER).is_file() and os.access(folder / "bin/python", os.X_OK)


def _build(
    wish: Wish,
    folder: Path,
    interpreter: str,
    log: Log,
    stop: threading.Event,
    marks: dict[str, str],
    lock: int,
) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # a half-built one
    log(f"building environment {wish.key}: {', '.join(wish.requirements) or 'no pip'}")

    def uv(*arguments: str) -> None:
        said: list[str] = []

        def line(text: str) -> None:
            said.append(text)
            log(text)

        status = run_lines(
            [*UV, *arguments, "--no-progress"],
            cwd=folder.parent,
            environment=uv_environment() | marks,
            line=line,
            stop=stop,
            keep_open=(lock,),
        )
        if status:
            raise CannotDeploy("ImageBuildFailure", complaint(said, status))

    uv("venv", "--python", interpreter, str(folder))
    wanted = folder / "requirements.txt"
    wanted.write_text("".join(f"{line}\n" for line in wish.requirements))
    if wish.requirements:
        into = ["--python", str(folder / "bin/python"), "-r", str(wanted)]
        uv("pip", "install", "--compile-bytecode", *into)
    (folder / MARKER).write_text(json.dumps({"requirements": wish.requirements}))
    log(f"environment {wish.key} is built")


def complaint(said: list[str], status: int) -> str:
    """The builder's own message: from its last `error:` line on, at most 20 lines."""
    starts = [i for i, line in enumerate(said) if line.lstrip().startswith("error:")]
    lines = said[starts[-1] :] if starts else said[-10:]
    text = "\n".join(lines[:20]).strip()
    return "The environment could not be built.\n" + (
        text or f"The builder exited with status {status} without a word."
    )


def uv_environment() -> dict[str, str]:
    """The user's own settings (proxies, indexes, certificates), and our few."""
    own = {
        k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONPATH"}
    }
    return own | {"UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}


@contextmanager
def locked(cache: Path, key: str, log: Log, stop: threading.Event) -> Iterator[int]:
    """Hold the lock on one environment of the cache; yield its file descriptor."""
    cache.mkdir(parents=True, exist_ok=True)
    lock = os.open(cache / f"{key}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _try_lock(lock):
            log(f"waiting for another build of environment {key}")
            while not _try_lock(lock):
                if stop.wait(0.1):
                    raise InterruptedError
        yield lock
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def choose_python(wanted: str) -> str:
    """The interpreter for a version specifier: this one if it will do, else another.

    Nothing is downloaded; CannotDeploy names the versions at hand.
    """
    specifier = SpecifierSet(wanted)
    running = ".".join(map(str, sys.version_info[:3]))
    if specifier.contains(running):
        return sys.executable
    at_hand = installed_pythons()
    for number, path in at_hand:
        if specifier.contains(number):
            return path
    numbers = ", ".join(dict.fromkeys([running, *(number for number, _ in at_hand)]))
    raise CannotDeploy(
        "ImageBuildFailure",
        f"The conda file asks for python{wanted}; at hand are {numbers}.",
    )


def installed_pythons() -> list[tuple[str, str]]:
    """Version and path of each Python that uv finds on this machine, newest first."""
    answer = subprocess.run(
        [*UV, "python", "list", "--only-installed", "--output-format", "json"],
        env=uv_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        return []
    found = [entry for entry in json.loads(answer.stdout) if entry.get("path")]
    return [(entry["version"], entry["path"]) for entry in found]
