"""The two sides of an operator, so that it compares what Kusto would, or nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ops.localcloud.kql import nan
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.kinds import Types, inferred, is_number

if TYPE_CHECKING:
    from duckdb_kql import ir

EQUAL, IN_ORDER = {"==", "!=", "<>"}, {"<", ">", "<=", ">="}
NUMBERS = {"int", "long", "real", "decimal", "bool"}
ARITHMETIC = {"+", "-", "*", "/", "%"}
OPEN = {"", "dynamic", "null", "guid"}  # what may hold anything, or is written as text


def both(node: ir.BinaryOp, types: Types) -> ir.BinaryOp:
    if node.op in EQUAL | IN_ORDER:
        refuse_unlike(node, types)
        node = compared(node, types)
    elif node.op in ("and", "or"):
        refuse_no_condition(node.left, types, operand=True)
        refuse_no_condition(node.right, types, operand=True)
    elif node.op in ARITHMETIC:
        refuse_arithmetic(node, types)
        node = in_longs(node, types)
    left, right = plain(node.left, types), plain(node.right, types)
    return nan.guarded(dataclasses.replace(node, left=left, right=right), types)


def in_longs(node: ir.BinaryOp, types: Types) -> ir.BinaryOp:
    """A sum of ints is a long, and doesn't end where an int does."""
    from duckdb_kql import ir

    left, right = inferred(node.left, types), inferred(node.right, types)
    if left == "int" and right in ("int", "long"):
        return dataclasses.replace(node, left=ir.FunctionCall("__long", (node.left,)))
    if right == "int" and left == "long":
        return dataclasses.replace(node, right=ir.FunctionCall("__long", (node.right,)))
    return node


def refuse_arithmetic(node: ir.BinaryOp, types: Types) -> None:
    """Raise for texts and conditions: DuckDB would make numbers of them."""
    kinds = [inferred(side, types) for side in (node.left, node.right)]
    if {"string", "bool"} & set(kinds):
        raise QueryError(
            f"The operator '{node.op}' is not defined for the operand types "
            f"{' and '.join(kind or 'unknown' for kind in kinds)}.",
            inner_code="SEM0064",
            spellings=(node.op,),
        )


def refuse_unlike(node: ir.BinaryOp, types: Types) -> None:
    """DuckDB would make a number of text, and fail at the first row that holds none."""
    left, right = inferred(node.left, types), inferred(node.right, types)
    if not comparable(node.op, left, right):
        raise QueryError(
            f"Cannot compare values of types {left} and {right}. Try adding explicit "
            "casts.",
            inner_code="SEM0064",
            spellings=(node.op,),
        )


def comparable(op: str, left: str, right: str) -> bool:
    """Whether Kusto compares values of two types; text has no order there."""
    if left in OPEN or right in OPEN:
        return True
    if op in IN_ORDER and "string" in (left, right):
        return False
    return left == right or {left, right} <= NUMBERS


def refuse_no_condition(node: Any, types: Types, *, operand: bool = False) -> None:
    """What is neither true nor false: DuckDB would read it as text or a number.

    A dynamic value may be an operand of `and` and `or`, and no condition by itself.
    """
    kind = inferred(node, types)
    allowed = OPEN if operand else OPEN - {"dynamic"}
    if kind != "bool" and kind not in allowed:
        raise QueryError(
            f"The expression must have the type bool, not {kind}.",
            inner_code="SEM0064",
            token=getattr(node, "name", None),
        )


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
