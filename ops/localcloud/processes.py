"""Processes that outlive their parent: marked, told apart, and stopped for sure.

A pid alone names nobody for long. A process of localcloud is its pid and its time of
creation, and it carries in its environment which state directory it belongs to, so
that one started just before its parent was killed can be found again.
"""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from ops.localcloud.marks import NAME_MARK, STATE_MARK


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A process that no later process of the same pid can be mistaken for."""

    pid: int
    created: float  # seconds since the epoch


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A running process that carries the mark of a state directory."""

    identity: Identity
    name: str
    leader: bool  # of its session: the process that was started, not a child of it


def marks(directory: Path, name: str) -> dict[str, str]:
    """The environment variables that mark a process as one of this state directory."""
    return {STATE_MARK: str(directory.resolve()), NAME_MARK: name}


def identify(pid: int) -> Identity | None:
    """Who has this pid now; None when nobody, or only a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid=pid, created=process.create_time())
    except psutil.NoSuchProcess:
        return None


def running(identity: Identity) -> bool:
    """Whether this very process still runs."""
    found = identify(identity.pid)
    # The time of creation is counted from the boot, and the clock may be set.
    return found is not None and abs(found.created - identity.created) < 2


def marked(directory: Path) -> Iterator[Marked]:
    """Every running process that carries the mark of this state directory."""
    state = str(directory.resolve())
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if environment.get(STATE_MARK) != state:
                continue
            identity = identify(process.pid)
            leader = os.getsid(process.pid) == process.pid
        except (psutil.Error, ProcessLookupError, PermissionError, OSError):
            continue  # somebody else's, or gone meanwhile
        if identity:
            name = environment.get(NAME_MARK, "")
            yield Marked(identity=identity, name=name, leader=leader)


def terminate(identity: Identity) -> None:
    """Ask a process to end (SIGTERM): it may finish what it has in hand."""
    _signal(identity, signal.SIGTERM)


def replace_gateway(listener: Identity) -> None:
    """Have a gateway's listener end it and start another upon the same socket."""
    _signal(listener, signal.SIGUSR1)


def freeze(identity: Identity) -> None:
    """Stop a process and its group where they are, until they thaw."""
    _signal_group(identity, signal.SIGSTOP)


def thaw(identity: Identity) -> None:
    """Let a process that was frozen go on."""
    _signal_group(identity, signal.SIGCONT)


def kill(identity: Identity) -> None:
    """End a process and all of its group at once."""
    _signal_group(identity, signal.SIGKILL)


def _signal_group(identity: Identity, number: signal.Signals) -> None:
    if running(identity):
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(identity.pid) == identity.pid:
                os.killpg(identity.pid, number)
        _signal(identity, number)


def _signal(identity: Identity, number: signal.Signals) -> None:
    if running(identity):
        with suppress(ProcessLookupError):
            os.kill(identity.pid, number)


def wait_gone(identities: Collection[Identity], seconds: float) -> list[Identity]:
    """Wait until all have ended, at most so long; return those that still run."""
    deadline = time.monotonic() + seconds
    while left := [identity for identity in identities if running(identity)]:
        if time.monotonic() >= deadline:
            return left
        time.sleep(0.02)
    return []


def release(child: subprocess.Popen[bytes]) -> None:
    """Let go of a child that shall run on without its parent."""
    child.poll()
    child.returncode = child.returncode or 0  # else Python warns that it still runs


def run_lines(
    command: list[str],
    *,
    cwd: Path,
    environment: dict[str, str],
    line: Callable[[str], object],
    stop: threading.Event,
    keep_open: tuple[int, ...] = (),
) -> int:
    """Run a command to its end, hand over each line it prints, return its status.

    When `stop` is set its process group is killed and InterruptedError raised.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=keep_open,
    )
    assert process.stdout is not None
    with process.stdout as stream:
        try:
            for text in _lines(stream.fileno(), stop):
                line(text)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # not yet waited for: still ours
            process.wait()
            raise
    return process.wait()


def _lines(descriptor: int, stop: threading.Event) -> Iterator[str]:
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if stop.is_set():
                raise InterruptedError
            if not selector.select(0.1):
                continue
            chunk = os.read(descriptor, 65536)
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (text.decode(errors="replace").rstrip() for text in whole)
    if rest:
        yield rest.decode(errors="replace").rstrip()
