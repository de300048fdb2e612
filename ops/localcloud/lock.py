"""The lock of a state directory: one process at a time serves from it or changes it."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from ops.localcloud.directory import set_aside


class Serving(Exception):
    """Another process holds the lock; pid 0: it is on its way in, or cleaning up."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"another process (pid {pid or 'unknown'}) is at work here")
        self.pid = pid


class Lock:
    """A lock that is held."""

    def __init__(self, directory: Path, *, serving: bool) -> None:
        """Take it; raise Serving where another process holds it."""
        self._path = directory / "lock"
        self._serving = serving
        self._file = self._take()

    def _take(self) -> TextIO:
        if self._path.is_dir():
            set_aside(self._path)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        file = os.fdopen(descriptor, "a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise Serving(holder(self._path.parent) or 0) from None
        self._sign(file)
        return file

    def _sign(self, file: TextIO) -> None:
        file.truncate(0)
        if self._serving:
            file.write(str(os.getpid()))
            file.flush()

    def keep(self) -> None:
        """Take it again where its file was deleted or overwritten.

        Raises Serving where another process was faster.
        """
        facts = os.fstat(self._file.fileno())
        if not self._path.is_file() or self._path.stat().st_ino != facts.st_ino:
            before, self._file = self._file, self._take()
            before.close()
        elif holder(self._path.parent) != os.getpid():
            self._sign(self._file)

    def release(self) -> None:
        self._file.close()


def holder(directory: Path) -> int | None:
    """The pid of who serves from the directory; None where nobody holds its lock.

    0 stands for one who holds it without serving: on its way in, or cleaning up.
    """
    try:
        with (directory / "lock").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _pid(file)
    except (FileNotFoundError, IsADirectoryError):
        pass
    return None


def _pid(file: TextIO) -> int:
    """The pid that a lock names; 0 where it is yet to be written, or was spoiled."""
    try:
        return int(file.read())
    except ValueError:  # no text at all, too
        return 0
