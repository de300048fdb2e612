"""A whole query as one SQL statement, put together from stages.

duckdb-kql translates what it knows. Where it lacks an operator, the pipeline is cut:
all before becomes a stage, a common table expression whose columns and types are
known, and the operator is written in KQL or SQL on top of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ops.localcloud.kql import lexer, lint, presentation, scopes, signatures
from ops.localcloud.kql.catalog import Catalog, Columns
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.results import Warning
from ops.localcloud.kql.tables import Schema, quoted, reading
from ops.localcloud.kql.translation import Statement, translate

if TYPE_CHECKING:
    from duckdb_kql.params import ParameterDeclaration

# Reads rows of a statement from the real data, for operators whose columns depend
# on it: None while nothing may be read.
Ask = Callable[[str, "list[ParameterDeclaration]"], list[tuple[Any, ...]]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A translated query: what to run, what to bind, what comes back."""

    sql: str
    tables: frozenset[str]
    columns: Columns
    slots: frozenset[str]
    declarations: tuple[ParameterDeclaration, ...]
    pinned: datetime | None
    render: dict[str, Any] | None
    warnings: list[Warning]
    lasting: bool


@dataclass
class Compiler:
    """One compilation: what is known so far, and the stages built."""

    schema: Schema
    catalog: Catalog
    ask: Ask
    most_sql: int
    prelude: list[str] = field(default_factory=list)
    stages: list[tuple[str, str]] = field(default_factory=list)
    tables: Schema = field(default_factory=dict)
    functions: dict[str, scopes.Function] = field(default_factory=dict)
    scalars: dict[str, signatures.Scalar] = field(default_factory=dict)
    lets: set[str] = field(default_factory=set)
    calls: dict[str, str] = field(default_factory=dict)
    slots: set[str] = field(default_factory=set)
    declarations: list[ParameterDeclaration] = field(default_factory=list)
    lasting: bool = True
    depth: int = 0

    def plan(self, text: str) -> Plan:
        self.tables = dict(self.schema)
        words = lexer.tokens(text)
        *before, last = [run for run in lexer.split(words, ";") if run]
        for run in before:
            scopes.declare(self, text, run)
        last, render = presentation.taken(text, last)
        statement = self.translated(scopes.pipeline(self, text, last))
        columns = self.described(statement.sql)
        sql = self.with_stages(statement.sql)
        return Plan(
            sql=sql,
            tables=frozenset(
                name
                for name in self.schema
                if quoted(name) in sql or quoted(reading(name)) in sql
            ),
            columns=columns,
            slots=frozenset(self.slots),
            declarations=statement.declarations,
            pinned=statement.pinned,
            render=render,
            warnings=lint.warnings(text),
            lasting=self.lasting,
        )

    def translated(self, kql: str) -> Statement:
        """A pipeline in KQL, in sight of all lets so far, as SQL."""
        statement = translate(";\n".join([*self.prelude, kql]), self.tables)
        self.slots |= statement.slots
        self.declarations = list(statement.declarations)
        self.within_limit(statement.sql)
        return statement

    def stage(self, kql: str) -> str:
        """Cut here: the name by which what follows reads what `kql` returns."""
        if kql in self.tables:
            return kql
        return self.stage_sql(self.translated(kql).sql)

    def stage_sql(self, sql: str, *, keep: bool = False) -> str:
        """The same for SQL of our own; keep computes it once, where order matters."""
        columns = self.described(sql)
        name = f"__kql{len(self.stages)}"
        kept = "AS MATERIALIZED" if keep else "AS"
        self.stages.append((name, f"{quoted(name)} {kept} ({sql})"))
        self.tables[name] = columns
        return name

    def columns(self, name: str) -> Columns:
        return self.tables[name]

    def described(self, sql: str) -> Columns:
        return self.catalog.describe(
            self.with_stages(sql), dict.fromkeys(mentioned(self.slots, sql, self), None)
        )

    def asked(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the real data; what is compiled then holds for this run only."""
        self.lasting = False
        return self.ask(self.with_stages(sql), self.declarations)

    def with_stages(self, sql: str) -> str:
        """The statement behind all stages it may read."""
        if not self.stages:
            return sql
        whole = behind([text for _, text in self.stages], sql)
        self.within_limit(whole)
        return whole

    def within_limit(self, sql: str) -> None:
        if len(sql) > self.most_sql:
            raise QueryError(
                "The query is too complex: its translation passes "
                f"{self.most_sql:,} characters. Split nested conversions and "
                "strcat() calls into extend steps of their own.",
                code="ResourceLimit",
                inner_code="LOCAL003",
            )


def behind(expressions: list[str], sql: str) -> str:
    """A statement with common table expressions put before its own.

    Merged and not wrapped: a statement in parentheses may lose its order.
    """
    together = ",\n".join(expressions)
    if sql.startswith("WITH RECURSIVE "):
        return f"WITH RECURSIVE {together},\n{sql.removeprefix('WITH RECURSIVE ')}"
    if sql.startswith("WITH "):
        return f"WITH {together},\n{sql.removeprefix('WITH ')}"
    return f"WITH {together}\n{sql}"


def mentioned(slots: set[str], sql: str, compiler: Compiler) -> list[str]:
    whole = compiler.with_stages(sql)
    return [slot for slot in slots if f"${slot}" in whole]


def bound(
    declarations: Sequence[ParameterDeclaration], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of declared parameters by slot, checked against their types."""
    from duckdb_kql.params import bind

    from ops.localcloud.kql.translation import mapped

    with mapped():
        found, missing = bind(list(declarations), dict(values) or None)
    if missing:
        raise QueryError(
            f"Query parameter '{missing[0]}' has no value.",
            inner_code="SEM0100",
            token=missing[0],
        )
    return found
