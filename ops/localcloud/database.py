"""The SQLite file of the state: its tables, and writes that are durable or nothing."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ops.localcloud.directory import set_aside
from ops.localcloud.schema import LATER, SCHEMA

MAGIC = b"SQLite format 3\0"
DAMAGES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Unreadable(Exception):
    """Why a file is no database that can be used, in SQLite's words."""


class Database:
    """One connection, safe to share between threads.

    Raises Unreadable where there is a file that is no database.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._path = path
        self._files = (
            path,
            *(path.with_name(f"{path.name}-{end}") for end in ("wal", "shm")),
        )
        self._damage = ""
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            if "full" in str(error):  # the disk is
                raise
            raise Unreadable(str(error)) from None

    def _open(self) -> None:
        self._db = sqlite3.connect(
            self._path, check_same_thread=False, isolation_level=None
        )
        self._path.chmod(0o600)  # it holds endpoint keys
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        for table, column, kind in LATER:
            if column not in {row["name"] for row in self.all(_COLUMNS, table)}:
                self.write(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        # Kept open as long as the connection: whoever closes a file lets go of all the
        # locks that his process has on it, SQLite's too.
        self._descriptor = os.open(self._path, os.O_RDONLY)

    def close(self) -> None:
        with self._lock:
            self._db.close()
            os.close(self._descriptor)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside become durable together, or none of them."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock, self._noticing():
            return self._db.execute(sql, values).fetchall()

    def write(self, sql: str, *values: object) -> int:
        """Run a statement; return how many rows it changed."""
        with self._lock, self._noticing():
            return self._db.execute(sql, values).rowcount

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                self._damage = str(error)
            raise

    # Against the loss of the file

    @property
    def changes(self) -> int:
        """How many rows have been written since it was opened."""
        return self._db.total_changes

    def copy(self, path: Path) -> None:
        """Write all there is into another file, whole or not at all.

        Raises Unreadable where it is damaged: the other file then stays as it was.
        """
        partial = path.with_name(f"{path.name}.partial")
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL, 0o600))
        try:
            with closing(sqlite3.connect(partial)) as target, self._lock:
                self._db.backup(target)
            check(partial)
            partial.replace(path)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise Unreadable(str(error)) from None
            raise
        finally:
            partial.unlink(missing_ok=True)

    def keep(self) -> bool:
        """Write the file anew where it was deleted or replaced; tell whether it was.

        What is open is whole then. Raises Unreadable where it was overwritten.
        """
        if self._damage:
            raise Unreadable(self._damage)
        if self._is_ours():
            if os.pread(self._descriptor, len(MAGIC), 0) != MAGIC:
                raise Unreadable("file is not a database")
            if all(path.is_file() for path in self._files):
                return False
        self._write_anew()
        return True

    def _is_ours(self) -> bool:
        """Whether the file of that name is the one that is open."""
        try:
            facts = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(facts, os.fstat(self._descriptor))

    def _write_anew(self) -> None:
        for path in self._files:
            if path.is_dir():
                set_aside(path)
        with self._lock:
            rows = self._rows()
            self.copy(self._path)
            self.close()
            self._open()
            if self._rows() != rows:
                raise Unreadable("it was deleted again while it was written")

    def _rows(self) -> int:
        return int(self.all("SELECT count(*) AS rows FROM resources")[0]["rows"])


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is to blame; of an extended code the last byte is the kind."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGES


def check(path: Path) -> None:
    """Raise Unreadable where pages of a database are damaged."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise Unreadable(str(error)) from None
    if found != "ok":
        raise Unreadable(" ".join(str(found).split()))


_COLUMNS = "SELECT name FROM pragma_table_info(?)"
