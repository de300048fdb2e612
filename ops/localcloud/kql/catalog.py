"""What a statement would return, found out without touching any data."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ops.localcloud.kql import ranges
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.tables import Schema, create_columns, create_table, reading

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Columns = dict[str, str]

MEMORY = "256MB"  # binding computes constants, and those may be large

NO_COLUMN = re.compile(
    r'[Cc]olumn "([^"]+)" (?:not found|must appear|in EXCLUDE list not found)'
    r'|[Cc]olumn "([^"]+)" referenced that exists in the SELECT clause'
    r'|does not have a column named "([^"]+)"|Alias with name ""([^"]+)"" exists'
)
UNFIT = re.compile(r"argument types '([^(']+)\(")
NO_TABLE = re.compile(r"Table with name (\S+) does not exist")
NO_FUNCTION = re.compile(r"(?:Scalar|Aggregate) Function with name (\S+) does not")


class Catalog:
    """Empty tables of the same schema, in memory: DuckDB's binder as ours."""

    def __init__(self, schema: Schema) -> None:
        import duckdb

        self.connection = duckdb.connect(
            ":memory:", config={"memory_limit": MEMORY, "threads": 1}
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        for name, table in schema.items():
            self.connection.execute(create_columns(name, table))
            self.connection.execute(create_table(reading(name), table))
        harden(self.connection)
        self.local = threading.local()

    def describe(self, sql: str, slots: Mapping[str, Any]) -> Columns:
        """Column names and Kusto types of a statement, in order."""
        from duckdb_kql.types import kusto_type

        cursor = self.cursor()
        with resolved():
            cursor.execute(f"SELECT * FROM ({sql}) LIMIT 0", slots or None)
            described = cursor.description or []
            cursor.fetchall()
        return {str(name): kusto_type(kind) for name, kind, *_ in described}

    def cursor(self) -> DuckDBPyConnection:
        if not hasattr(self.local, "cursor"):
            self.local.cursor = self.connection.cursor()
        cursor: DuckDBPyConnection = self.local.cursor
        return cursor

    def close(self) -> None:
        self.connection.close()


def harden(connection: DuckDBPyConnection) -> None:
    """Shut a DuckDB connection to files, the network, extensions and settings.

    For the whole database, not only this connection; it can't be undone.
    """
    connection.execute("SET TimeZone = 'UTC'")
    for setting in (
        "autoinstall_known_extensions",
        "autoload_known_extensions",
        "allow_community_extensions",
        "enable_external_access",
    ):
        connection.execute(f"SET {setting} = false")
    connection.execute("SET lock_configuration = true")


@contextmanager
def resolved() -> Iterator[None]:
    """DuckDB's refusals in Azure's words: never its SQL."""
    import duckdb

    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise refusal(error) from None


def refusal(error: Exception) -> QueryError:
    text = str(error)
    if found := NO_COLUMN.search(text):
        name = next(filter(None, found.groups()))
        return QueryError(
            f"Failed to resolve column or scalar expression named '{name}'",
            inner_code="SEM0100",
            token=name,
        )
    if found := NO_TABLE.search(text):
        return QueryError(
            f"Failed to resolve table or column expression named '{found.group(1)}'",
            inner_code="SEM0100",
            token=found.group(1),
        )
    for known in ranges.REFUSALS:
        if known in text:
            return QueryError(known, code="ResourceLimit", inner_code="LOCAL003")
    if "depth limit" in text:
        return QueryError(
            "The query has too many operators, or is nested too deeply.",
            code="ResourceLimit",
            inner_code="LOCAL003",
        )
    return by_kind(type(error).__name__, spellings(text))


# KQL's own words for what DuckDB names; a word of its own stands for itself.
COMPARED = ("==", "!=", "<", ">", "<=", ">=", "=~", "!~", "<>", "in")
TEXTS = (
    *("has", "contains", "startswith", "endswith", "hasprefix", "hassuffix", "matches"),
    *("has_cs", "contains_cs", "startswith_cs", "endswith_cs"),
)
IN_KQL: dict[str, tuple[str, ...]] = {
    "//": ("/",),
    "-": ("-", "ago"),
    "length": ("strlen",),
    "epoch": ("bin", "floor"),
    "epoch_us": ("bin", "floor"),
    "date_diff": ("datetime_diff",),
    "date_trunc": ("startofday", "startofhour", "startofweek", "startofmonth"),
    "regexp_extract": ("extract", "parse"),
    **dict.fromkeys(("regexp_matches", "replace", "contains", "starts_with"), TEXTS),
}


def spellings(text: str) -> tuple[str, ...]:
    """Which words of a query DuckDB may mean."""
    if "Cannot compare" in text:
        return COMPARED
    if "BETWEEN" in text:
        return ("between",)
    found = UNFIT.search(text)
    return IN_KQL.get(found.group(1), (found.group(1),)) if found else ()


def by_kind(kind: str, spellings: tuple[str, ...] = ()) -> QueryError:
    if kind == "OutOfMemoryException":
        return QueryError(
            "Query exceeded the memory budget.",
            code="ResourceLimit",
            inner_code="E_LOW_MEMORY_CONDITION",
        )
    if kind == "BinderException":
        return QueryError(
            "An operator or function was given a type it can't work on; convert "
            "dynamic values first, for example with todouble() or tostring().",
            inner_code="SEM0064",
            spellings=spellings,
        )
    if kind in ("ConversionException", "OutOfRangeException"):
        return QueryError(
            "A value could not be converted to the type the query asks for.",
            inner_code="SEM0025",
        )
    return QueryError("The query could not be run.", inner_code="LOCAL002")
