"""The log store: one DuckDB file, written in batches and read while it is written.

The control plane alone opens it. A batch holds rows and how far their sources have
been read, in one transaction: a batch that was committed before a kill -9 is not read
again, and one that was not is read anew. Strings are '' and never NULL, as in Kusto.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.localcloud.clock import real_time
from ops.localcloud.insertion import FACTS, insertion, later
from ops.localcloud.kql import TABLES, Engine, Result, create_table, harden
from ops.localcloud.kql.engine import Timespan
from ops.localcloud.kql.tables import ARRIVAL, create_columns, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

log = logging.getLogger(__name__)

Row = Mapping[str, Any]

MEMORY = "300MB"  # what DuckDB may take for itself; a larger query goes to the disk
SPILL = "2GB"
PATIENCE = 5.0  # seconds for queries to end

POSITIONS = """
CREATE TABLE IF NOT EXISTS localcloud.positions
    (source VARCHAR, segment BIGINT, "offset" BIGINT, stamp TIMESTAMP)
"""


class Unavailable(Exception):
    """The store can't be opened or written to."""

    code = "LogStoreUnavailable"


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a source has been read."""

    segment: int = 0  # which file: the number of a segment, or an inode
    offset: int = 0  # bytes, or the number of an event
    stamp: datetime | None = None  # of the source's last row


@dataclass
class Batch:
    """Rows by table, and the positions of their sources once they are stored."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    positions: dict[str, Position | None] = field(default_factory=dict)  # None: forget
    size: int = 0

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows that all have the same columns as those of their table so far."""
        if rows:
            self.rows.setdefault(table, []).extend(rows)
            self.size += len(rows)


class LogStore:
    """The file. Opened when it is first needed; safe to share between threads."""

    def __init__(
        self, path: Path, tenant: str, now: Callable[[], datetime] = real_time
    ) -> None:
        self.path = path
        self._tenant = tenant
        self._now = now  # by which rows are taken in
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._connection: DuckDBPyConnection | None = None
        self._engine = Engine(TABLES)
        self._positions: dict[str, Position] = {}
        self._inode = 0
        self._running: set[DuckDBPyConnection] = set()

    def open(self) -> DuckDBPyConnection:
        """The connection, for cursors; raises Unavailable."""
        with self._opening:
            if self._connection is None:
                self._connection = self._opened()
            return self._connection

    def _opened(self) -> DuckDBPyConnection:
        import duckdb  # a tenth of a second that localcloud's start can do without

        try:
            connection = duckdb.connect(
                str(self.path),
                config={
                    "memory_limit": MEMORY,
                    "threads": min(os.cpu_count() or 1, 4),
                    "max_temp_directory_size": SPILL,
                },
            )
        except duckdb.Error as error:
            why = " ".join(str(error).split()).replace(str(self.path), self.path.name)
            raise Unavailable(f"{self.path.name} can't be opened: {why}") from error
        with suppress(OSError):
            self.path.chmod(0o600)  # people print what they should not
            self._inode = self.path.stat().st_ino
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA IF NOT EXISTS localcloud")
        connection.execute(POSITIONS)
        for name, table in FACTS.items():
            statement = create_columns(name, table)
            connection.execute(statement.replace(quoted(name), f"localcloud.{name}"))
        for name, table in TABLES.items():
            connection.execute(create_table(name, table))
            connection.execute(later(name, ARRIVAL, "datetime"))
        harden(connection)
        self._positions = _read_positions(connection)
        return connection

    def close(self) -> None:
        """Close the file; queries that still run are refused as too long."""
        self.interrupt()
        with self._writing, self._opening:
            self._engine.close()
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def keep(self, now: datetime) -> None:
        """Begin anew where the file was deleted: what is written to it is lost.

        What the sources still have is read once more.
        """
        if self._connection is None:
            return
        try:
            there = self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            there = False
        if not there:
            log.error("%s was deleted; a new log store begins", self.path.name)
            self.close()

    def positions(self) -> Mapping[str, Position]:
        """How far each source has been read, as of the last batch."""
        self.open()
        return self._positions

    def append(self, batch: Batch) -> None:
        """Store a batch as a whole, durably, before returning; or raise Unavailable."""
        import duckdb

        try:
            self._append(batch)
        except duckdb.FatalException as error:  # the file must be opened anew
            self._abandon()
            raise Unavailable(f"{self.path}: {error}") from error
        except duckdb.Error as error:  # a full disk, above all
            raise Unavailable(f"{self.path}: {error}") from error

    def _abandon(self) -> None:
        with self._opening:
            self._connection = None

    def _append(self, batch: Batch) -> None:
        connection = self.open()
        with self._writing:
            connection.execute("BEGIN")
            try:
                for table, rows in batch.rows.items():
                    self._insert(connection, table, rows)
                for source, position in batch.positions.items():
                    _move(connection, source, position)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(Exception):  # the first failure is the one to tell
                    connection.execute("ROLLBACK")
                raise
            kept = {**self._positions, **batch.positions}
            self._positions = {name: at for name, at in kept.items() if at}

    def _insert(
        self, connection: DuckDBPyConnection, table: str, rows: list[Row]
    ) -> None:
        names = tuple(rows[0])
        values = [[row[name] for row in rows] for name in names]
        told = table in FACTS or ARRIVAL in names  # a row may say itself when it came
        came = [] if told else [naive(self._now())]
        statement = insertion(table, names)
        connection.execute(statement, [*values, self._tenant, *came])

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement of ours on the writer's connection: a deletion, a check."""
        connection = self.open()
        with self._writing:
            return connection.execute(sql, list(values)).fetchall()

    def read(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query of ours, while batches are being stored."""
        cursor = self.open().cursor()
        try:
            return cursor.execute(sql, list(values)).fetchall()
        finally:
            cursor.close()

    def query(
        self,
        kql: str,
        *,
        now: datetime,
        timespan: Timespan | None = None,
        scope: str | None = None,
        seconds: float | None = None,
    ) -> Result:
        """Run KQL; raises QueryError and Unavailable. See kql.Engine.query."""
        connection = self.open()
        cursor = self._engine.cursor(connection)  # this thread's own
        self._running.add(cursor)
        try:
            return self._engine.query(
                connection,
                kql,
                now=now,
                timespan=timespan,
                scope=scope,
                seconds=seconds,
            )
        finally:
            self._running.discard(cursor)

    def columns(self, kql: str, *, now: datetime) -> Mapping[str, str]:
        """What KQL would return, by name and type; raises QueryError, Unavailable."""
        return self._engine.columns(self.open(), kql, now=now)

    def interrupt(self) -> None:
        """End the queries that still run: nobody will read their answers."""
        deadline = time.monotonic() + PATIENCE
        while self._running and time.monotonic() < deadline:
            for cursor in list(self._running):
                cursor.interrupt()
            time.sleep(0.01)  # an interrupt between two statements is lost


def _read_positions(connection: DuckDBPyConnection) -> dict[str, Position]:
    rows = connection.execute("SELECT * FROM localcloud.positions").fetchall()
    return {
        source: Position(
            segment=segment, offset=offset, stamp=stamp and stamp.replace(tzinfo=UTC)
        )
        for source, segment, offset, stamp in rows
    }


def _move(
    connection: DuckDBPyConnection, source: str, position: Position | None
) -> None:
    connection.execute("DELETE FROM localcloud.positions WHERE source = ?", [source])
    if position:
        values = [source, position.segment, position.offset, naive(position.stamp)]
        connection.execute("INSERT INTO localcloud.positions VALUES (?,?,?,?)", values)


def naive(moment: datetime | None) -> datetime | None:
    """A time as DuckDB keeps it: UTC, and silent about it."""
    return moment and moment.astimezone(UTC).replace(tzinfo=None)


def tables() -> Iterable[tuple[str, str]]:
    """Every table that grows, as SQL names it, with the column of its time."""
    yield from ((quoted(name), "TimeGenerated") for name in TABLES)
    yield from ((f"localcloud.{name}", "At") for name in FACTS)
