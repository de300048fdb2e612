"""Dynamic values where duckdb-kql takes their JSON for text, or null for a value."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.kinds import Types, inferred

if TYPE_CHECKING:
    from duckdb_kql import ir

MOST_ITEMS = 1_048_576  # of a list or set, unless asked for (Kusto: make_list)
# name -> whether its second argument is a condition
COLLECTING = {
    "make_list": False,
    "make_list_if": True,
    "make_set": False,
    "make_set_if": True,
    "make_bag": False,
    "make_bag_if": True,
}
# What DuckDB gives as a list of its own, where a dynamic value is JSON.
LISTS = {"split", "extract_all"}
ASKING = {"isnull", "isnotnull", "coalesce"}
ORDERING = {"min", "max", "minif", "maxif", "arg_max", "arg_min", "percentile"}
SUMMING = {
    *("sum", "sumif", "avg", "avgif", "stdev", "stdevif", "stdevp"),
    *("variance", "varianceif", "variancep"),
}


def call(node: ir.FunctionCall, types: Types) -> Any:
    """A call that has to do with dynamic values, mended; any other as it is."""
    name = node.name.lower()
    refuse(node, types)
    if name in COLLECTING:
        return collected(node, types)
    if name in LISTS:
        return _call("__json", node)
    if name in ASKING:
        args = tuple(without_null(each, types) for each in node.args)
        return dataclasses.replace(node, args=args)
    if name in ("parse_json", "todynamic") and len(node.args) == 1:
        kind = inferred(node.args[0], types)
        return node.args[0] if kind == "dynamic" else _call("__parsed", *node.args)
    if name in ("array_sort_asc", "array_sort_desc") and len(node.args) == 1:
        return _call(f"__{name}", *node.args)
    return node


def collected(node: ir.FunctionCall, types: Types) -> ir.FunctionCall:
    """make_list() and its kin: value, condition and most items, in one form."""
    from duckdb_kql import ir

    value, *rest = node.args
    name = node.name.lower()
    if "bag" in name and len(rest) == COLLECTING[name]:
        return node
    condition: Any = ir.Literal(True, "bool")
    if COLLECTING[name] and rest:
        condition = rest.pop(0)
    most = rest[0] if rest else ir.Literal(MOST_ITEMS, "long")
    kind = inferred(value, types)
    if kind == "datetime":
        value = _call("__iso", value)
    elif kind == "timespan":
        value = _call("tostring", value)
    form = name.removeprefix("make_").removesuffix("_if")
    suffix = "_of_dynamics" if kind == "dynamic" and form != "bag" else ""
    return _call(f"__{form}{suffix}", value, condition, most)


def without_null(node: Any, types: Types) -> Any:
    """A dynamic value that holds JSON's null as no value at all."""
    return _call("__dynamic", node) if inferred(node, types) == "dynamic" else node


def direct(node: ir.PathAccess) -> ir.PathAccess:
    """`split(...)[0]` looks into DuckDB's list, which is faster than into JSON."""
    base = node.base
    if getattr(base, "name", "") == "__json":
        return dataclasses.replace(node, base=base.args[0])  # type: ignore[attr-defined]
    return node


def refuse(node: ir.FunctionCall, types: Types) -> None:
    """Raise for an aggregate of a dynamic value that has no sum or no order."""
    name = node.name.lower()
    if name not in ORDERING | SUMMING or not node.args:
        return
    if inferred(node.args[0], types) == "dynamic":
        needed = "summable: a number, timespan or datetime"
        if name in ORDERING:
            needed = "orderable: a number, timespan, datetime, string or boolean"
        raise QueryError(
            f"{name}(): the argument can't be of dynamic type; it must be {needed}. "
            "Convert it first, for example with todouble().",
            inner_code="SEM0206",
            token=name,
        )


def refuse_keys(expressions: Any, types: Types, operator: str) -> None:
    """Raise for rows grouped by a dynamic value."""
    for named in expressions:
        if inferred(named.expr, types) == "dynamic":
            raise QueryError(
                f"'{operator}' operator: a key can't be of dynamic type; convert it "
                "first, for example with tostring()",
                inner_code="SEM0121",
                spellings=(operator,),
            )


def refuse_join(operator: Any, left: Types, right: Types) -> None:
    """Raise for `on a` where a has another type on each side."""
    for key in operator.keys:
        one, other = left.get(key.left, ""), right.get(key.right, "")
        if key.left == key.right and one and other and one != other:
            raise QueryError(
                f"join: the column '{key.left}' is of type {one} on the left and "
                f"{other} on the right; it must have the same type on both sides",
                inner_code="SEM0024",
                token=key.left,
            )


def _call(name: str, *args: Any) -> ir.FunctionCall:
    from duckdb_kql import ir

    return ir.FunctionCall(name, args)
