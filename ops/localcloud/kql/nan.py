"""NaN as Kusto has it: unlike every number, itself included, and sorted with nulls.

DuckDB takes NaN for larger than every number, and for equal to itself: an average of
nothing would be above every threshold.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ops.localcloud.kql.kinds import Types, inferred

if TYPE_CHECKING:
    from duckdb_kql import ir

# Of a comparison that holds in DuckDB's order, the side that must be a number.
LARGER = {">": "left", ">=": "left", "<": "right", "<=": "right"}


def guarded(node: ir.BinaryOp, types: Types) -> ir.BinaryOp:
    """A comparison that never holds because of a NaN; `!=` always does for one."""
    from duckdb_kql import ir

    if node.op in LARGER:
        side = getattr(node, LARGER[node.op])
        if may_be_nan(side, types):
            return ir.BinaryOp("and", node, ir.FunctionCall("__number_at_all", (side,)))
    both = may_be_nan(node.left, types) and may_be_nan(node.right, types)
    if both and node.op == "==":
        number = ir.FunctionCall("__number_at_all", (node.left,))
        return ir.BinaryOp("and", node, number)
    if both and node.op in ("!=", "<>"):
        return ir.BinaryOp("or", node, ir.FunctionCall("__nan", (node.left,)))
    return node


def may_be_nan(node: Any, types: Types) -> bool:
    from duckdb_kql import ir

    if isinstance(node, ir.Literal):
        return node.kind == "real" and node.value != node.value
    return inferred(node, types) == "real"


def sorted_with_nulls(
    keys: tuple[ir.SortKey, ...], types: Types
) -> tuple[ir.SortKey, ...]:
    """Keys that put NaN between the nulls and the numbers (Kusto: sort operator)."""
    from duckdb_kql import ir

    found: list[ir.SortKey] = []
    for key in keys:
        if inferred(key.expr, types) == "real":
            first = key.ascending if key.nulls_first is None else key.nulls_first
            is_nan = ir.FunctionCall("__nan", (key.expr,))
            found.append(ir.SortKey(is_nan, ascending=not first, nulls_first=first))
            key = dataclasses.replace(key, nulls_first=first)
        found.append(key)
    return tuple(found)
