"""A state directory: whose it is, what is in it, and how it is emptied."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from ops.localcloud import scoringuser

# All that localcloud, and who starts it, ever writes into a state directory.
FILES = {
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
    *("logs.duckdb", "logs.duckdb.wal"),
}
FOLDERS = {
    *("blobs", "models", "code", "instances", "builds", "ended", "gateway"),
    *("backup", "broken", "logs.duckdb.tmp"),
}
MADE = ("blobs", "models", "code", "instances", "builds", "ended")  # at the start
PASSED = ("models", "code", "instances")
BROKEN = "broken"  # where what can't be used is kept for a person to look at
# Removed first, with what tells that there was a state: a reset that is cut off shall
# not look like a loss.
EVIDENCE = ("backup", "gateway", "instances")


class Unusable(Exception):
    """Why a state directory can't be used, in one line."""


def open_directory(directory: Path) -> None:
    """Make a state directory, or check that it is one; only its owner may enter it.

    Where scoring code runs as another user, he may pass through it to what he needs.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        refuse_strangers(directory)
        directory.chmod(folder_mode())
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
    return path.name.removesuffix(".partial") in FILES | FOLDERS


def tidy(directory: Path) -> list[Path]:
    """Set aside what is in the place of a file or a folder, close all to others.

    Return what was set aside. To be called by who holds the lock.
    """
    ours = [path for path in directory.iterdir() if _ours(path)]
    for path in ours:
        if not path.is_symlink():
            passed = path.name in PASSED and path.is_dir()
            path.chmod(folder_mode() if passed else 0o700 if path.is_dir() else 0o600)
    # All that lies in the gateway's own folder are files.
    inside = (directory / "gateway").glob("*.json*")
    wrong = [path for path in ours if _misplaced(path)]
    wrong += [path for path in inside if path.is_dir()]
    return [set_aside(path, directory) for path in wrong]


def furnish(directory: Path) -> None:
    """Make what is filled later by others, closed as `tidy` closes it."""
    (directory / "gateway.log").touch(mode=0o600)
    for name in MADE:
        mode = folder_mode() if name in PASSED else 0o700
        (directory / name).mkdir(mode=mode, exist_ok=True)


def folder_mode() -> int:
    """The mode of what an instance passes through: names in it can't be listed."""
    return 0o711 if scoringuser.chosen() else 0o700


def _misplaced(path: Path) -> bool:
    """Whether it is a folder where a file belongs, or the other way round."""
    return path.is_dir() != (path.name in FOLDERS)


def set_aside(path: Path, directory: Path | None = None) -> Path:
    """Move what can't be used into broken/, under the time it was found at."""
    folder = (directory or path.parent) / BROKEN
    if folder.exists() and not folder.is_dir():
        folder.unlink()
    folder.mkdir(mode=0o700, exist_ok=True)
    return path.rename(folder / f"{time.time_ns()}-{path.name}")


def facts(directory: Path) -> dict[str, Any] | None:
    """What the control plane says of itself while it serves; None where none does."""
    try:
        return dict(json.loads((directory / "localcloud.json").read_text()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def write_secret(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, that only its owner may read."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(partial, flags, 0o600), "wb") as file:
        file.write(content)
    partial.replace(path)


def empty(directory: Path, keep: tuple[str, ...] = ()) -> None:
    """Remove what localcloud made; the lock last, so that nobody moves in meanwhile."""
    ours = [p for p in directory.iterdir() if _ours(p) and p.name not in keep]
    for path in sorted(ours, key=_turn):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _turn(path: Path) -> int:
    return 0 if path.name in EVIDENCE else 2 if path.name == "lock" else 1
