"""One run of a statement: within its time, its rows and its bytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from ops.localcloud.kql.catalog import resolved
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.results import Limits, Result, Table, partial
from ops.localcloud.kql.values import wire

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from ops.localcloud.kql.compiler import Plan

CHUNK = 2_000


class Run:
    """A cursor with a deadline."""

    def __init__(
        self, cursor: DuckDBPyConnection, limits: Limits, seconds: float | None
    ) -> None:
        self.cursor = cursor
        self.cursors = [cursor]
        self.limits = limits
        self.seconds = min(seconds or limits.seconds, limits.most_seconds)
        self.late = threading.Event()
        self.over = threading.Event()

    @contextmanager
    def deadline(self) -> Iterator[None]:
        """Interrupt whatever the cursor does once the time is up."""
        timer = threading.Timer(self.seconds, self.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException:
            raise self.timed_out() from None
        finally:
            self.over.set()
            timer.cancel()
            with suppress(duckdb.Error):
                self.cursor.fetchall()  # an unread result blocks the cursor

    def interrupt(self) -> None:
        """Again and again: an interrupt between two statements would be lost."""
        self.late.set()
        while not self.over.wait(0.05):
            for cursor in self.cursors:
                cursor.interrupt()

    def watch(self, cursor: DuckDBPyConnection) -> None:
        """Let the deadline hold for another cursor of this thread too."""
        self.cursors.append(cursor)

    def timed_out(self) -> QueryError:
        return QueryError(
            f"Query was terminated after {self.seconds:g} seconds.",
            code="QueryTimeout",
            inner_code="E_QUERY_TIMEOUT",
        )

    def execute(self, sql: str, values: Mapping[str, Any]) -> None:
        if self.late.is_set():
            raise self.timed_out()
        used = {name: value for name, value in values.items() if f"${name}" in sql}
        with resolved():
            self.cursor.execute(sql, used or None)

    def rows(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        self.execute(sql, values)
        with resolved():
            return self.cursor.fetchall()

    def fetch(self, sql: str, values: Mapping[str, Any], plan: Plan) -> Result:
        """The rows as Azure writes them, up to the limits."""
        self.execute(sql, values)
        columns = list(plan.columns.items())
        kinds = list(plan.columns.values())
        rows: list[list[Any]] = []
        size = 0
        error = None
        while error is None:
            with resolved():
                chunk = self.cursor.fetchmany(CHUNK)
            if not chunk:
                break
            for found in chunk:
                row = [wire(v, kind) for v, kind in zip(found, kinds, strict=True)]
                size += weight(row)
                if error := self.passed(len(rows) + 1, size):
                    break
                rows.append(row)
            if self.late.is_set():
                raise self.timed_out()
        return Result(
            tables=[Table("PrimaryResult", columns, rows)],
            render=plan.render,
            partial_error=error,
            size_bytes=size,
        )

    def passed(self, rows: int, size: int) -> dict[str, Any] | None:
        if rows > self.limits.rows:
            limit = f"the internal record count limit {self.limits.rows}"
            return partial(limit, "E_QUERY_RESULT_SET_TOO_LARGE")
        if size > self.limits.bytes:
            limit = f"the internal data size limit {self.limits.bytes}"
            return partial(limit, "E_QUERY_RESULT_SET_TOO_LARGE")
        return None


def weight(row: list[Any]) -> int:
    """About how many bytes a row is in JSON."""
    return sum(len(v) + 3 if isinstance(v, str) else 9 for v in row)
