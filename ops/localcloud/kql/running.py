"""One run of a statement: within its time, its rows and its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from ops.localcloud.kql.catalog import resolved
from ops.localcloud.kql.deadlines import Deadlines
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.results import Limits, Result, Table, partial
from ops.localcloud.kql.values import written

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from ops.localcloud.kql.compiler import Plan

CHUNK = 2_000
DEADLINES = Deadlines()


class Run:
    """A cursor with a deadline."""

    def __init__(
        self, cursor: DuckDBPyConnection, limits: Limits, seconds: float | None
    ) -> None:
        self.cursor = cursor
        self.cursors = [cursor]
        self.limits = limits
        self.seconds = min(seconds or limits.seconds, limits.most_seconds)
        self.late = False

    @contextmanager
    def deadline(self) -> Iterator[None]:
        """Interrupt whatever the cursor does once the time is up."""
        end = self.interrupt
        DEADLINES.set(end, self.seconds)
        try:
            yield
        except duckdb.InterruptException:
            raise self.timed_out() from None
        finally:
            DEADLINES.forget(end)
            with suppress(duckdb.Error):
                self.cursor.fetchall()  # an unread result blocks the cursor

    def interrupt(self) -> None:
        self.late = True
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
        if self.late:
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
        kinds = list(plan.columns.values())
        rows: list[list[Any]] = []
        size = 0
        error = None
        while error is None:
            with resolved():
                chunk = self.cursor.fetchmany(CHUNK)
            if not chunk:
                break
            columns = zip(*chunk, strict=True)
            told = [written(*each) for each in zip(columns, kinds, strict=True)]
            found = list(map(list, zip(*told, strict=True)))
            chunk_size = sum(map(weight, told))
            error = self.passed(len(rows) + len(found), size + chunk_size)
            if error:
                found, chunk_size = self.cut(found, len(rows), size)
            rows += found
            size += chunk_size
        return Result(
            tables=[Table("PrimaryResult", list(plan.columns.items()), rows)],
            render=plan.render,
            warnings=plan.warnings,
            partial_error=error,
            size_bytes=size,
        )

    def cut(
        self, found: list[list[Any]], rows: int, size: int
    ) -> tuple[list[list[Any]], int]:
        """The rows of a chunk that still go with those before, and their size."""
        more = 0
        for count, row in enumerate(found):
            if self.passed(rows + count + 1, size + more + weight(row)):
                return found[:count], more
            more += weight(row)
        return found, more

    def passed(self, rows: int, size: int) -> dict[str, Any] | None:
        if rows > self.limits.rows:
            limit = f"the internal record count limit {self.limits.rows}"
            return partial(limit, "E_QUERY_RESULT_SET_TOO_LARGE")
        if size > self.limits.bytes:
            limit = f"the internal data size limit {self.limits.bytes}"
            return partial(limit, "E_QUERY_RESULT_SET_TOO_LARGE")
        return None


def weight(values: Sequence[Any]) -> int:
    """About how many bytes some values are in JSON."""
    types = set(map(type, values))
    if str not in types:
        return 9 * len(values)
    if types == {str}:
        return sum(map(len, values)) + 3 * len(values)
    return sum(len(v) + 3 if isinstance(v, str) else 9 for v in values)
