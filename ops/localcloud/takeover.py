"""Takes a state directory over from whoever serves from it, or waits for him."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.localcloud import directory
from ops.localcloud.directory import Unusable
from ops.localcloud.lock import Lock, Serving, holder

ATTEMPTS = 3  # to end a control plane, each time another one comes
PATIENCE = 15.0  # seconds for another process to let go of the directory


@contextmanager
def ended(where: Path) -> Iterator[list[str]]:
    """Hold a directory in which nothing runs any more; tell what was stopped."""
    from ops.localcloud.shutdown import shut_down

    directory.refuse_strangers(where)
    with alone(where) as lines:
        yield lines + shut_down(where)


@contextmanager
def alone(where: Path) -> Iterator[list[str]]:
    """Hold a directory from which nobody serves; tell whom we have ended."""
    lines: list[str] = []
    for _ in range(ATTEMPTS):
        lines += _end_control_plane(where)
        with suppress(Serving):  # one that was on its way in has come in
            lock = _take(where, serving=False)
            break
    else:
        lock = _take(where, serving=False)
    try:
        yield lines
    finally:
        lock.release()


@contextmanager
def held(where: Path) -> Iterator[Lock]:
    """Hold the lock; wait while somebody is on the way in or out, not longer."""
    lock = _take(where, serving=True)
    try:
        yield lock
    finally:
        lock.release()


def _take(where: Path, *, serving: bool) -> Lock:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return Lock(where, serving=serving)
        except Serving as other:
            if other.pid or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _end_control_plane(where: Path) -> list[str]:
    """Ask the control plane to end, and make it end if it does not."""
    from ops.localcloud import processes

    pid = holder(where)
    process = processes.identify(pid) if pid else None
    time.sleep(0.05)  # a process that has just taken the lock has yet to say its pid
    if not pid or pid != holder(where):
        return []
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if holder(where) != pid:
                # It has let go of the directory, and takes a moment to end.
                processes.wait_gone([process] if process else [], PATIENCE)
                return [f"stopped the control plane (pid {pid})"]
            time.sleep(0.02)
    raise Unusable(f"the control plane (pid {pid}) does not end")
