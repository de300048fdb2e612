"""percentiles(x, 50, 95): one column a rank, named as Kusto does."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb_kql import ir


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
