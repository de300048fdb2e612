"""percentiles(x, 50, 95): one column a rank, named as Kusto does, from one sort."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb_kql import ir

MANY = {"arg_max", "arg_min", "argmax", "argmin", "take_any", "any"}
MOST_RANKS = 9  # of one value that are taken together
RANKS = ", ".join(f"{{{i}}} / 100.0" for i in range(1, MOST_RANKS + 1))
# name, template, arities, prefix of the column's name; see functions.py
AGGREGATES: list[tuple[str, str, tuple[int, ...], str | None]] = [
    (
        f"__percentiles_{count}",
        f"quantile_disc({{0}}, [{', '.join(RANKS.split(', ')[:count])}])",
        (count + 1,),
        None,
    )
    for count in range(2, MOST_RANKS + 1)
]


def column_name(call: ir.FunctionCall, rank: Any) -> str | None:
    """Kusto writes the point of a rank as a line: percentile_x_99_9."""
    from duckdb_kql.translate import naming

    name = naming.expression_name(call)
    text = str(getattr(rank, "value", ""))
    if name and "." in text and name.endswith(text):
        return name.removesuffix(text) + text.replace(".", "_")
    return name


def several(operator: Any) -> Any:
    """percentiles(x, 50, 95) as one percentile() a column, named as Kusto does."""
    from duckdb_kql import ir

    found: list[ir.NamedExpr] = []
    for named in operator.aggregates:
        expr = named.expr
        if not isinstance(expr, ir.FunctionCall) or expr.name.lower() not in (
            "percentile",
            "percentiles",
        ):
            found.append(named)
            continue
        value, *ranks = expr.args
        name = named.name if len(ranks) == 1 else None
        for rank in ranks:
            call = ir.FunctionCall("percentile", (value, rank))
            found.append(ir.NamedExpr(call, name or column_name(call, rank)))
    return dataclasses.replace(operator, aggregates=tuple(found))


def together(operator: Any) -> list[ir.Operator]:
    """Percentiles of one value as one list, which is sorted once, then its elements."""
    from duckdb_kql import ir
    from duckdb_kql.translate import naming

    def name_of(named: ir.NamedExpr) -> str:
        return named.name or naming.expression_name(named.expr) or ""

    keys = [name_of(named) for named in operator.by]
    groups = {
        value: ranks
        for value, ranks in ranks_by_value(operator.aggregates).items()
        if 2 <= len(ranks) <= MOST_RANKS
    }
    unnamed = not all([*keys, *map(name_of, operator.aggregates)])
    if not groups or unnamed or any(map(several_columns, operator.aggregates)):
        return [operator]
    names = {value: f"__kql_p{place}" for place, value in enumerate(groups)}
    lists = [
        ir.NamedExpr(
            ir.FunctionCall(f"__percentiles_{len(ranks)}", (value, *ranks)),
            names[value],
        )
        for value, ranks in groups.items()
    ]
    others, columns = [], [ir.NamedExpr(ir.ColumnRef(key), key) for key in keys]
    for named in operator.aggregates:
        name = name_of(named)
        value, rank = value_and_rank(named.expr)
        if value in groups:
            place = ir.Literal(groups[value].index(rank) + 1, "long")
            element = ir.FunctionCall("__element", (ir.ColumnRef(names[value]), place))
            columns.append(ir.NamedExpr(element, name))
        else:
            others.append(ir.NamedExpr(named.expr, name))
            columns.append(ir.NamedExpr(ir.ColumnRef(name), name))
    summary = dataclasses.replace(operator, aggregates=(*others, *lists))
    return [summary, ir.Project(tuple(columns))]


def ranks_by_value(aggregates: Any) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for named in aggregates:
        value, rank = value_and_rank(named.expr)
        if value is not None and rank not in found.setdefault(value, []):
            found[value].append(rank)
    return found


def several_columns(named: ir.NamedExpr) -> bool:
    """arg_max(a, *) and its like: what columns they make isn't known here."""
    return getattr(named.expr, "name", "").lower() in MANY


def value_and_rank(expr: Any) -> tuple[Any, Any]:
    """The arguments of a percentile; None, None of anything else."""
    if getattr(expr, "name", "").lower() != "percentile" or len(expr.args) != 2:
        return None, None
    value, rank = expr.args
    return value, rank
