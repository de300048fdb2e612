"""KQL over DuckDB as Log Analytics would answer it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lifting import lifted
from ops.localcloud.kql.results import Limits, Result
from ops.localcloud.kql.tables import Schema, quoted, reading, with_arrival

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from duckdb_kql.params import ParameterDeclaration

    from ops.localcloud.kql.catalog import Catalog
    from ops.localcloud.kql.compiler import Plan

COLUMNS_SECONDS = 20.0
Timespan = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class View:
    """What of each table a query may see: a time range and a resource."""

    timespan: Timespan | None
    scope: str | None

    def values(self) -> dict[str, Any]:
        start, end = self.timespan or (None, None)
        found: dict[str, Any] = {}
        if start is not None:
            found["kqlstart"] = naive(start)
        if end is not None:
            found["kqlend"] = naive(end)
        if self.scope is not None:
            scope = self.scope.rstrip("/").lower()
            found["kqlscope"], found["kqlbelow"] = scope, scope + "/"
        return found

    def expressions(self, tables: frozenset[str], schema: Schema) -> list[str]:
        """A common table expression for each table, of the name it is read by.

        The hidden column is in those alone that are read to tell it.
        """
        return [
            f"{quoted(name)} AS NOT MATERIALIZED "
            f"(SELECT {', '.join(map(quoted, columns))} FROM main.{quoted(table)}"
            + (f" WHERE {conditions})" if conditions else ")")
            for table in sorted(schema)
            for name, columns in (
                (table, schema[table]),
                (reading(table), with_arrival(schema[table])),
            )
            if name in tables
            for conditions in (" AND ".join(self.conditions(schema[table])),)
        ]

    def conditions(self, table: dict[str, str]) -> list[str]:
        values = self.values()
        found = []
        if "TimeGenerated" in table:
            found += ['"TimeGenerated" >= $kqlstart'] if "kqlstart" in values else []
            found += ['"TimeGenerated" < $kqlend'] if "kqlend" in values else []
        if "kqlscope" in values:
            found.append(
                '(lower("_ResourceId") = $kqlscope '
                'OR starts_with(lower("_ResourceId"), $kqlbelow))'
                if "_ResourceId" in table
                else "false"
            )
        return found


def naive(moment: datetime) -> datetime:
    """DuckDB's timestamps have no zone; ours are UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)


class Engine:
    """Translates, remembers translations, and runs them within limits.

    Safe to use from many threads: each gets a cursor of its own.
    """

    def __init__(self, schema: Schema, *, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.lock = threading.Lock()
        self.local = threading.local()
        self.plans: OrderedDict[tuple[int, str], Plan] = OrderedDict()
        self.version = 0
        self.catalog: Catalog | None = None
        self._schema = schema

    @property
    def schema(self) -> Schema:
        return self._schema

    @schema.setter
    def schema(self, schema: Schema) -> None:
        with self.lock:
            self._schema = schema
            self.version += 1
            self.plans.clear()
            self.catalog = None

    def query(
        self,
        connection: DuckDBPyConnection,
        kql: str,
        *,
        now: datetime,
        timespan: Timespan | None = None,
        scope: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        seconds: float | None = None,
    ) -> Result:
        """Run KQL; raise QueryError for all that can't be answered."""
        from ops.localcloud.kql import failures
        from ops.localcloud.kql.running import Run

        began = time.perf_counter()
        view = View(timespan, scope)
        text, times = lifted(kql)
        given = {**(parameters or {}), **times}
        try:
            run = Run(self.cursor(connection), self.limits, seconds)
            with run.deadline():
                plan = self.plan(text, run, view, now, given)
                sql, values = self.runnable(plan, view, now, given)
                result = run.fetch(sql, values, plan)
        except QueryError as error:
            raise failures.located(error, kql, self.trial(connection, now)) from None
        result.finish(time.perf_counter() - began)
        return result

    def columns(
        self, connection: DuckDBPyConnection, kql: str, *, now: datetime
    ) -> Mapping[str, str]:
        """The columns that KQL returns, with their Kusto types; or QueryError.

        Soon: whoever asks is waited for by others.
        """
        from ops.localcloud.kql import failures
        from ops.localcloud.kql.running import Run

        try:
            run = Run(self.cursor(connection), self.limits, COLUMNS_SECONDS)
            with run.deadline():
                return self.plan(kql, run, View(None, None), now, {}).columns
        except QueryError as error:
            raise failures.located(error, kql, self.trial(connection, now)) from None

    def trial(
        self, connection: DuckDBPyConnection, now: datetime
    ) -> Callable[[str], QueryError | None]:
        """How this engine refuses texts, if it does; as long as there is patience."""
        from ops.localcloud.kql.running import Run

        end = time.monotonic() + COLUMNS_SECONDS

        def refusal(kql: str) -> QueryError | None:
            left = end - time.monotonic()
            if left <= 0:
                return None
            run = Run(self.cursor(connection), self.limits, left)
            try:
                with run.deadline():
                    self.plan(kql, run, View(None, None), now, {})
            except QueryError as error:
                return error
            return None

        return refusal

    def plan(
        self,
        kql: str,
        run: Any,
        view: View,
        now: datetime,
        parameters: Mapping[str, Any],
    ) -> Plan:
        """The translation, from the cache if it holds beyond the run it was made in."""
        key = (self.version, kql)
        with self.lock:
            if key in self.plans:
                self.plans.move_to_end(key)
                return self.plans[key]
            if self.catalog is None:
                from ops.localcloud.kql.catalog import Catalog

                self.catalog = Catalog(self._schema)
            catalog, schema = self.catalog, self._schema
        run.watch(catalog.cursor())
        plan = self.compiled(kql, catalog, schema, run, view, now, parameters)
        if plan.lasting:
            with self.lock:
                self.plans[key] = plan
                while len(self.plans) > self.limits.cached_queries:
                    self.plans.popitem(last=False)
        return plan

    def compiled(
        self,
        kql: str,
        catalog: Catalog,
        schema: Schema,
        run: Any,
        view: View,
        now: datetime,
        parameters: Mapping[str, Any],
    ) -> Plan:
        from ops.localcloud.kql import admission
        from ops.localcloud.kql.compiler import Compiler, bound

        admission.check(kql, self.limits)

        def ask(
            sql: str, declarations: list[ParameterDeclaration]
        ) -> list[tuple[Any, ...]]:
            sql = self.seen(sql, frozenset(schema), view)
            given = bound(declarations, parameters)
            values = {**view.values(), **given, "kqlnow": naive(now)}
            rows: list[tuple[Any, ...]] = run.rows(sql, values)
            return rows

        return Compiler(schema, catalog, ask, self.limits.sql_characters).plan(kql)

    def runnable(
        self, plan: Plan, view: View, now: datetime, parameters: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        from ops.localcloud.kql.compiler import bound

        sql = self.seen(plan.sql, plan.tables, view)
        values = {
            **view.values(),
            **bound(plan.declarations, parameters),
            "kqlnow": plan.pinned or naive(now),
        }
        return sql, values

    def seen(self, sql: str, tables: frozenset[str], view: View) -> str:
        """The statement, reading only what this view shows."""
        from ops.localcloud.kql.compiler import behind

        used = frozenset(
            name
            for table in tables
            for name in (table, reading(table))
            if quoted(name) in sql
        )
        expressions = view.expressions(used, self._schema)
        return behind(expressions, sql) if expressions else sql

    def cursor(self, connection: DuckDBPyConnection) -> DuckDBPyConnection:
        """This thread's cursor on a connection, kept for its next query."""
        known = getattr(self.local, "known", None)
        if known is None or known[0] is not connection:
            self.local.known = known = (connection, connection.cursor())
        cursor: DuckDBPyConnection = known[1]
        return cursor

    def close(self) -> None:
        """Let go of cursors and of the catalog; the engine can be used again."""
        self.local = threading.local()
        with self.lock:
            self.catalog = None
            self.plans.clear()
