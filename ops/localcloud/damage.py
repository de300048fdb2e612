"""The two files that can't be made anew: found damaged or lost, and brought back.

state.db is what was wished for, logs.duckdb what was said. While localcloud serves, a
copy of state.db is kept that is seconds old. Where state.db is gone or can't be read,
nothing is started from what is left: the gateway and the instances go on as they are
until a person decides.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from ops.localcloud.database import Unreadable, check
from ops.localcloud.directory import BROKEN, Unusable, set_aside

STATE, LOGS = "state.db", "logs.duckdb"
COMPANIONS = {STATE: ("-wal", "-shm"), LOGS: (".wal", ".tmp")}
UNTOUCHED = "Nothing that runs was touched"


class Damaged(Unusable):
    """Why there is no state to serve from; `copied` where there is a copy of it."""

    def __init__(self, problem: str, *, copied: bool) -> None:
        super().__init__(f"{problem}. {UNTOUCHED}.")
        self.copied = copied


def copy_of(directory: Path) -> Path:
    """Where the copy of state.db is kept."""
    return directory / "backup" / STATE


def require_state(directory: Path) -> None:
    """Raise Damaged where state.db is lost or can't be read."""
    if problem := state_problem(directory):
        raise Damaged(problem, copied=is_copied(directory))


def is_copied(directory: Path) -> bool:
    """Whether there is a copy that state.db can be brought back from."""
    return _readable(copy_of(directory))


def state_problem(directory: Path) -> str:
    """What is wrong with state.db; "" where nothing is, or there never was one."""
    path = directory / STATE
    if path.is_file() and path.stat().st_size:
        try:
            check(path)
        except Unreadable as problem:
            return f"{STATE} can't be read: {problem}"
    elif _had_state(directory):
        kept = sorted((directory / BROKEN).glob(f"*-{STATE}"))
        hint = f"; {BROKEN}/{kept[-1].name} was set aside as damaged" if kept else ""
        return f"{STATE}, which tells what is deployed, is not there{hint}"
    return ""


def _had_state(directory: Path) -> bool:
    if copy_of(directory).is_file():
        return True
    from ops.localcloud.router import read_json  # seldom needed, and slow to import

    routes = read_json(directory / "gateway" / "routes.json") or {}
    return bool(routes.get("endpoints"))


def _readable(path: Path) -> bool:
    try:
        check(path)
        return bool(path.stat().st_size)  # an empty file is a database without tables
    except (OSError, Unreadable):
        return False


def logs_problem(directory: Path, *, whole: bool = False) -> str:
    """What is wrong with logs.duckdb; "" where nothing is, or there is none.

    Pages in its middle are looked at where the `whole` is to be read.
    """
    path = directory / LOGS
    if not path.exists():
        return ""
    import duckdb

    try:
        with duckdb.connect(str(path)) as connection:
            tables = connection.execute(TABLES).fetchall() if whole else []
            for schema, table in tables:
                connection.execute(
                    f'SELECT count(COLUMNS(*)) FROM "{schema}"."{table}"'
                )
    except (duckdb.Error, OSError) as error:
        return f"{LOGS} can't be read: {_first_line(error)}"
    return ""


TABLES = "SELECT schema_name, table_name FROM duckdb_tables()"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def repair(directory: Path) -> list[str]:
    """Bring back what can be; return a line for each thing that was done.

    Raises Damaged where there is no copy of state.db. No control plane may run.
    """
    return [*_repair_state(directory), *_repair_logs(directory)]


def _repair_state(directory: Path) -> list[str]:
    problem = state_problem(directory)
    if not problem:
        return []
    copy = copy_of(directory)
    if not _readable(copy):
        raise Damaged(f"{problem}, and there is no copy of it", copied=False)
    kept = put_aside(directory, STATE)
    partial = directory / f"{STATE}.partial"
    shutil.copy2(copy, partial)
    partial.chmod(0o600)
    os.replace(partial, directory / STATE)
    return [problem, *kept, f"brought {STATE} back from {copy}"]


def _repair_logs(directory: Path) -> list[str]:
    problem = logs_problem(directory, whole=True)
    if not problem:
        return []
    return [problem, *put_aside(directory, LOGS), "a new log store begins empty"]


def put_aside(directory: Path, name: str) -> list[str]:
    """Set a file aside with what belongs to it; return a line where there was one."""
    for companion in COMPANIONS[name]:
        with suppress(FileNotFoundError):
            set_aside(directory / f"{name}{companion}")
    try:
        return [f"kept as {set_aside(directory / name)}"]
    except FileNotFoundError:
        return []


def keep_aside(directory: Path) -> list[str]:
    """Set aside what can't be read, for a person to look at; a line for each file."""
    return [
        line
        for name, problem in ((STATE, state_problem), (LOGS, logs_problem))
        if problem(directory)
        for line in put_aside(directory, name)
    ]
