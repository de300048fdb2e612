"""A state directory: whose it is, who serves from it, and how it is emptied."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# All that localcloud, and who starts it, ever writes into a state directory.
OURS = {
    *(
        "lock",
        "port",
        "localcloud.json",
        "clock.json",
        "token",
        "controlplane.log",
        "gateway.log",
    ),
    *("ca.pem", "ca.key", "server.pem", "bundle.pem"),
    *("state.db", "state.db-wal", "state.db-shm"),
    *("logs.duckdb", "logs.duckdb.wal", "logs.duckdb.tmp"),
    *("blobs", "models", "code", "instances", "builds", "ended", "gateway"),
}


class Unusable(Exception):
    """Why a state directory can't be used, in one line."""


class Serving(Exception):
    """Another process holds the lock; pid 0: it is on its way in, or cleaning up."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"another process (pid {pid or 'unknown'}) is at work here")
        self.pid = pid


def open_directory(directory: Path) -> None:
    """Make a state directory, or check that it is one; only its owner may enter it."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        refuse_strangers(directory)
        directory.chmod(0o700)
    except OSError as error:
        raise Unusable(f"{directory}: {error.strerror}") from None


def refuse_strangers(directory: Path) -> None:
    """Raise Unusable where there is anything that localcloud did not make."""
    if strangers := sorted(p.name for p in directory.iterdir() if not _ours(p)):
        raise Unusable(
            f"{directory} is no state directory of localcloud: it holds "
            f"{', '.join(strangers[:3])}"
        )


def _ours(path: Path) -> bool:
    return path.name.removesuffix(".partial") in OURS


@contextmanager
def locked(directory: Path, *, serving: bool) -> Iterator[None]:
    """Hold the directory's lock; raise Serving where another process does."""
    with (directory / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Serving(holder(directory) or 0) from None
        file.truncate(0)
        if serving:
            file.write(str(os.getpid()))
            file.flush()
        yield


def holder(directory: Path) -> int | None:
    """The pid of who serves from the directory; None where nobody holds its lock.

    0 stands for one who holds it without serving: on its way in, or cleaning up.
    """
    try:
        with (directory / "lock").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0)
    except FileNotFoundError:
        pass
    return None


def facts(directory: Path) -> dict[str, Any] | None:
    """What the control plane says of itself while it serves; None where none does."""
    try:
        return dict(json.loads((directory / "localcloud.json").read_text()))
    except (FileNotFoundError, ValueError):
        return None


def write_secret(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, that only its owner may read."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(partial, flags, 0o600), "wb") as file:
        file.write(content)
    partial.replace(path)


def empty(directory: Path) -> None:
    """Remove what localcloud made; the lock last, so that nobody moves in meanwhile."""
    ours = [path for path in directory.iterdir() if _ours(path)]
    for path in sorted(ours, key=lambda path: path.name == "lock"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
