"""What a query's text says before any row is read: conditions on its own parameters.

Named queries hold conditions such as `deployment == "" or DeploymentName ==
deployment`. With the parameter bound, half of it is known, and what DuckDB needn't plan
is a good part of what a query over the last hour costs.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb_kql import ir


def condition(node: Any) -> Any:
    """What is left of a where's predicate."""
    from duckdb_kql import ir

    if not isinstance(node, ir.BinaryOp):
        return node
    if node.op in ("and", "or"):
        left, right = condition(node.left), condition(node.right)
        return joined(dataclasses.replace(node, left=left, right=right))
    return compared(node)


def compared(node: ir.BinaryOp) -> Any:
    """Two strings that are both in the text are the same, or they are not."""
    left, right = literal(node.left), literal(node.right)
    if left is None or right is None or not left.kind == right.kind == "string":
        return node
    if node.op not in ("==", "!="):
        return node
    same = left.value == right.value
    return dataclasses.replace(left, value=same == (node.op == "=="), kind="bool")


def joined(node: ir.BinaryOp) -> Any:
    """`true or x` is true, `false or x` is x; and the other way round for `and`."""
    for known, other in ((node.left, node.right), (node.right, node.left)):
        found = literal(known)
        if found is not None and found.kind == "bool" and found.value is not None:
            return found if found.value == (node.op == "or") else other
    return node


def always(node: Any) -> bool:
    """Whether a condition lets every row pass."""
    found = literal(node)
    return found is not None and found.kind == "bool" and found.value is True


def literal(node: Any) -> ir.Literal | None:
    from duckdb_kql import ir

    if isinstance(node, ir.LetRef):
        node = node.value
    return node if isinstance(node, ir.Literal) else None
