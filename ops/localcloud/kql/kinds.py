"""The Kusto type of an expression, as far as its form tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb_kql import ir

Types = dict[str, str]

RETURNS = {
    **dict.fromkeys(
        (
            *("parse_json", "todynamic", "bag_pack", "pack", "pack_array", "pack_all"),
            *("bag_merge", "make_list", "make_set", "make_bag", "array_concat"),
            *("extract_all", "split", "zip", "bag_keys", "array_sort_asc"),
            *("__property", "__array_of"),
        ),
        "dynamic",
    ),
    **dict.fromkeys(
        (
            *("now", "ago", "todatetime", "startofday", "startofhour", "startofweek"),
            *("startofmonth", "startofyear", "endofday", "datetime_add"),
            *("make_datetime", "__bin_time", "__bin_time_at"),
        ),
        "datetime",
    ),
    **dict.fromkeys(("totimespan", "make_timespan"), "timespan"),
    **dict.fromkeys(("tostring", "strcat", "extract", "substring"), "string"),
    **dict.fromkeys(("todouble", "toreal", "__real_of", "avg", "stdev"), "real"),
    **dict.fromkeys(("tolong", "count", "countif", "dcount"), "long"),
    **dict.fromkeys(("toint",), "int"),
}
SAME_TYPE = {"min", "max", "any", "take_any", "coalesce", "abs", "bin", "floor", "prev"}
SAME_TYPE |= {"__plain"}


def inferred(node: Any, types: Types) -> str:
    """The Kusto type of an expression, or '' where it can't be told."""
    from duckdb_kql import ir

    if isinstance(node, ir.PathAccess):
        return "dynamic"
    if isinstance(node, ir.ColumnRef):
        return types.get(node.name, "")
    if isinstance(node, ir.LetRef):
        return types.get(node.name) or inferred(node.value, types)
    if isinstance(node, ir.Literal | ir.Parameter):
        return node.kind
    if isinstance(node, ir.FunctionCall):
        name = node.name.lower()
        if name in SAME_TYPE and node.args:
            return inferred(node.args[0], types)
        return RETURNS.get(name, "")
    if isinstance(node, ir.BinaryOp):
        return arithmetic(node, types)
    return ""


def arithmetic(node: ir.BinaryOp, types: Types) -> str:
    """The type of a sum, difference, product or quotient with times in it."""
    sides = {inferred(node.left, types), inferred(node.right, types)}
    if node.op in ("+", "-") and "datetime" in sides:
        return "timespan" if sides == {"datetime"} else "datetime"
    if node.op in ("+", "-", "*", "%") and "timespan" in sides:
        return "timespan"
    if node.op == "/" and "timespan" in sides:
        return "real" if sides == {"timespan"} else "timespan"
    if node.op in ("+", "-", "*", "/", "%") and "real" in sides:
        return "real"
    return ""


def printed(source: Any) -> Types:
    return {
        named.name: inferred(named.expr, {})
        for named in source.expressions
        if named.name
    }


def is_number(node: Any) -> bool:
    return inferred(node, {}) in ("int", "long", "real")
