"""`range x from a to b step s` as rows that are made one after another.

duckdb-kql writes UNNEST(generate_series(...)): a list that is built whole before its
first row is read, and that DuckDB's memory limit does not count. DuckDB's table
function of the same name makes rows as they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.localcloud.kql.kinds import inferred
from ops.localcloud.kql.tables import quoted

if TYPE_CHECKING:
    from duckdb_kql import ir

MOST_STEPS = 10_000_000
TOO_LONG = f"This range has more than {MOST_STEPS:,} values."
MOST_POINTS = 1_000_000
AXIS_TOO_LONG = f"This make-series axis has more than {MOST_POINTS:,} points."


def range_sql(source: ir.RangeSource) -> str:
    """The rows of a range: numbers, moments or timespans, both ends included."""
    from duckdb_kql.translate import render_expr

    bounds = (source.start, source.stop, source.step)
    kinds = {inferred(bound, {}) for bound in bounds}
    first, last, step = map(render_expr, bounds)
    if kinds & {"datetime", "timespan"}:
        value = f"{first} + to_microseconds(i * epoch_us({step}))"
        first, last, step = (f"epoch_us({bound})" for bound in (first, last, step))
    else:
        number = "DOUBLE" if "real" in kinds else "BIGINT"
        first, last, step = (
            f"CAST({bound} AS {number})" for bound in (first, last, step)
        )
        value = f"{first} + i * {step}"
    return (
        f"SELECT {value} AS {quoted(source.name)}"
        f" FROM generate_series(CAST(0 AS BIGINT), {steps(first, last, step)}) t(i)"
    )


def steps(first: str, last: str, step: str) -> str:
    """How many steps follow the first value; too many end the query."""
    count = (
        f"floor((CAST({last} AS DOUBLE) - {first})"
        f" / nullif(CAST({step} AS DOUBLE), 0) + 1e-9)"
    )
    return at_most(count, MOST_STEPS - 1, TOO_LONG)


def at_most(count: str, most: int, refusal: str) -> str:
    """A count as BIGINT, or the refusal as an error of DuckDB's."""
    return (
        f"CASE WHEN {count} > {most} THEN error('{refusal}')"
        f" ELSE CAST({count} AS BIGINT) END"
    )
