"""What makes much out of little, held to a length before it is made.

duckdb-kql writes a range as UNNEST(generate_series(...)): a list that is built whole
before its first row is read, and that DuckDB's memory limit does not count. So each
range is rewritten to one that counts its steps, of which there may be only so many,
and a projection that makes the values of them. The names that start with `__` are
rows of the function registry (see functions.py).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ops.localcloud.kql.kinds import inferred

if TYPE_CHECKING:
    from duckdb_kql import ir

MOST_STEPS = 10_000_000
TOO_LONG = f"This range has more than {MOST_STEPS:,} values."
MOST_POINTS = 1_000_000
AXIS_TOO_LONG = f"This make-series axis has more than {MOST_POINTS:,} points."
MOST_TEXT = 64_000_000  # as much as a result may hold
TEXT_TOO_LONG = f"This strrep() makes more than {MOST_TEXT:,} bytes."
REFUSALS = (TOO_LONG, AXIS_TOO_LONG, TEXT_TOO_LONG)
STEP = "__kql_step"


def counted(source: ir.RangeSource) -> tuple[ir.RangeSource, ir.Project]:
    """The range over its steps, and the projection to its values, ends included."""
    from duckdb_kql import ir

    bounds = (source.start, source.stop, source.step)
    kind = kind_of({inferred(bound, {}) for bound in bounds})
    over = dataclasses.replace(
        source,
        name=STEP,
        start=ir.Literal(0, "long"),
        stop=ir.FunctionCall(f"__{kind}_steps", bounds),
        step=ir.Literal(1, "long"),
    )
    arguments = (source.start, source.step, ir.ColumnRef(STEP))
    value = ir.FunctionCall(f"__{kind}_at_step", arguments)
    return over, ir.Project((ir.NamedExpr(value, source.name),))


def kind_of(kinds: set[str]) -> str:
    if kinds & {"datetime", "timespan"}:
        return "time"
    return "real" if "real" in kinds else "long"


def steps(number: str) -> str:
    """How many steps follow the first value, as a template; too many end the query."""
    first, last, step = (number.format(f"{{{i}}}") for i in range(3))
    count = (
        f"floor((CAST({last} AS DOUBLE) - {first})"
        f" / nullif(CAST({step} AS DOUBLE), 0) + 1e-9)"
    )
    # DuckDB computes a list of constants while it plans, at ninety bytes a number;
    # with something random in the count it is made at the run, at eight.
    return at_most(f"({count} + floor(random()))", MOST_STEPS - 1, TOO_LONG)


def at_most(count: str, most: int, refusal: str) -> str:
    """A count as BIGINT, or the refusal as an error of DuckDB's."""
    return (
        f"CASE WHEN {count} > {most} THEN error('{refusal}')"
        f" ELSE CAST({count} AS BIGINT) END"
    )


NUMBERS = {
    "long": "CAST({} AS BIGINT)",
    "real": "CAST({} AS DOUBLE)",
    "time": "epoch_us({})",
}
SCALARS: list[tuple[str, str, tuple[int, ...]]] = [
    *((f"__{kind}_steps", steps(number), (3,)) for kind, number in NUMBERS.items()),
    *(
        (
            f"__{kind}_at_step",
            f"({NUMBERS[kind].format('{0}')} + {{2}} * {NUMBERS[kind].format('{1}')})",
            (3,),
        )
        for kind in ("long", "real")
    ),
    ("__time_at_step", "({0} + to_microseconds({2} * epoch_us({1})))", (3,)),
    (
        "__strrep",
        # Within the argument: constants in a branch not taken are computed too.
        f"repeat({{0}}, CASE WHEN strlen({{0}}) * {{1}} > {MOST_TEXT}"
        f" THEN error('{TEXT_TOO_LONG}') ELSE {{1}} END)",
        (2,),
    ),
]
