"""The two sides of a comparison, so that it compares what Kusto would."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ops.localcloud.kql.kinds import Types, inferred, is_number

if TYPE_CHECKING:
    from duckdb_kql import ir

ORDERED = {"==", "!=", "<", ">", "<=", ">=", "<>"}


def both(node: ir.BinaryOp, types: Types) -> ir.BinaryOp:
    if node.op in ORDERED:
        node = compared(node, types)
    left, right = plain(node.left, types), plain(node.right, types)
    return dataclasses.replace(node, left=left, right=right)


def member(node: ir.InList, types: Types) -> ir.InList:
    """`x in (1, 2)`."""
    numbers = any(map(is_number, node.items))
    value = numeric(node.value, types) if numbers else node.value
    return dataclasses.replace(node, value=plain(value, types))


def numeric(node: Any, types: Types) -> Any:
    """A dynamic value as the number it holds, or null: never rounded to an integer."""
    from duckdb_kql import ir

    if inferred(node, types) != "dynamic":
        return node
    return ir.FunctionCall("__number", (node,))


def plain(node: Any, types: Types) -> Any:
    """A column that is known to hold no dynamic values, marked so.

    Of a bare column duckdb-kql doesn't know, and writes every comparison twice, in a
    CASE that DuckDB can't push down to where the rows are.
    """
    from duckdb_kql import ir

    if not isinstance(node, ir.ColumnRef) or inferred(node, types) in ("", "dynamic"):
        return node
    return ir.FunctionCall("__plain", (node,))


def by_name(node: ir.PathAccess, types: Types) -> Any:
    """`d[k]` where k is text: a property's name, not a place in an array."""
    from duckdb_kql import ir

    *before, last = node.steps
    if last.index is None or inferred(last.index, types) != "string":
        return node
    bag = dataclasses.replace(node, steps=tuple(before)) if before else node.base
    return ir.FunctionCall("__property", (bag, last.index))


def compared(node: ir.BinaryOp, types: Types) -> ir.BinaryOp:
    left, right = node.left, node.right
    if inferred(right, types) in ("int", "long", "real"):
        left = numeric(left, types)
    if inferred(left, types) in ("int", "long", "real"):
        right = numeric(right, types)
    return dataclasses.replace(node, left=left, right=right)


def between(node: ir.Between, types: Types) -> ir.Between:
    if is_number(node.low) or is_number(node.high):
        return dataclasses.replace(node, value=numeric(node.value, types))
    return node
