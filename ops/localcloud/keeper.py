"""Keeps the files of a state directory while it serves.

What the control plane holds in memory is written again where somebody has deleted or
changed it, so that a verb finds its token and its CA. Of state.db there is a copy, for
a file that is overwritten in its place can't be saved from what is open.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ops.localcloud.clock import FILE
from ops.localcloud.damage import STATE, copy_of, put_aside
from ops.localcloud.database import Unreadable
from ops.localcloud.directory import set_aside, write_secret
from ops.localcloud.lock import Lock, Serving
from ops.localcloud.state import State

log = logging.getLogger(__name__)

PAUSE = 60.0  # seconds after a copy that could not be made
COPY_SECONDS = 1.0  # at least, between two copies
SHARE = 50  # a copy is made again after so many times as long as the last one took
Signature = tuple[int, int, int]
NOWHERE: Signature = (0, 0, 0)


class Files:
    """Small files with a known content; safe to use from two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contents: dict[Path, bytes] = {}
        self._seen: dict[Path, Signature] = {}

    def write(self, path: Path, content: bytes) -> None:
        """Write a file that is to stay as it is."""
        with self._lock:
            self._contents[path] = content
            self._restore(path, content)

    def hold(self, path: Path) -> None:
        """Have a file stay as it is now."""
        with self._lock:
            self._contents[path] = path.read_bytes()
            self._seen[path] = signature(path) or NOWHERE

    def remove(self, path: Path) -> None:
        with self._lock:
            self._contents.pop(path, None)
            path.unlink(missing_ok=True)

    def keep(self) -> list[Path]:
        """Write again what is not as it was written; return which files."""
        with self._lock:
            seen = self._seen.items()
            changed = [
                path
                for path, before in seen
                if path in self._contents and signature(path) != before
            ]
            for path in changed:
                self._restore(path, self._contents[path])
        return changed

    def _restore(self, path: Path, content: bytes) -> None:
        if path.is_dir():
            set_aside(path)
        write_secret(path, content)
        self._seen[path] = signature(path) or NOWHERE


def signature(path: Path) -> Signature | None:
    """What changes when somebody writes a file; None where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


class Keeper:
    """The engine behind it. `leave` ends the control plane, with a reason."""

    def __init__(
        self,
        directory: Path,
        state: State,
        files: Files,
        lock: Lock,
        leave: Callable[[Exception], None],
    ) -> None:
        self._directory = directory
        self._database, self._clock = state.database, state.clock
        self.files = files
        self._lock = lock
        self._leave = leave
        self._copied = -1  # how many changes the last copy holds
        self._due = 0.0

    def step(self, now: datetime) -> None:
        """Look after every file once."""
        try:
            self._lock.keep()
            for path in self.files.keep():
                log.warning("%s was changed or deleted; it is written again", path.name)
            if self._database.keep():
                log.warning("%s was deleted or replaced; it is written again", STATE)
            if self._clock.keep():
                log.warning("%s was deleted or spoiled", FILE)
            if time.monotonic() >= self._due:
                self.copy()
        except (Unreadable, Serving) as problem:
            self._leave(problem)

    def copy(self) -> None:
        """Copy state.db, if anything has changed."""
        changes = self._database.changes
        if changes != self._copied:
            try:
                self._copy(changes)
            except Unreadable as problem:
                self._leave(problem)
            except (OSError, sqlite3.Error) as problem:  # a full disk, above all
                self._due = time.monotonic() + PAUSE
                log.warning("%s could not be copied: %s", STATE, problem)

    def _copy(self, changes: int) -> None:
        began = time.monotonic()
        target = copy_of(self._directory)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        self._database.copy(target)
        self._copied = changes
        took = time.monotonic() - began
        self._due = began + max(COPY_SECONDS, took * SHARE)


def abandon(directory: Path, problem: Unreadable) -> None:
    """Have the next start see that there is no state to serve from."""
    log.error("%s was damaged: %s", STATE, problem)
    for line in put_aside(directory, STATE):
        log.error(line)
