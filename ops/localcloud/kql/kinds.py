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
            *("array_sort_desc", "array_slice", "array_reverse", "make_list_if"),
            *("make_set_if", "make_bag_if", "make_list_with_nulls"),
            *("__property", "__array_of", "__json", "__dynamic", "__parsed", "__list"),
            *("__set", "__bag", "__list_of_dynamics", "__set_of_dynamics"),
            *("__array_sort_asc", "__array_sort_desc"),
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
    **dict.fromkeys(
        ("__iso", "toupper", "tolower", "trim", "replace_string"), "string"
    ),
    **dict.fromkeys(
        (
            *("todouble", "toreal", "__real_of", "__number", "avg", "avgif", "stdev"),
            *("stdevif", "stdevp", "variance", "varianceif", "variancep", "sqrt"),
            *("exp", "exp2", "exp10", "log", "log2", "log10", "pow", "rand", "pi"),
            *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "loggamma"),
        ),
        "real",
    ),
    **dict.fromkeys(("tolong", "count", "countif", "dcount", "__long"), "long"),
    **dict.fromkeys(("dcountif", "strlen", "array_length", "__to_long"), "long"),
    **dict.fromkeys(("tobool", "isnull", "isnotnull", "isempty", "isnotempty"), "bool"),
    **dict.fromkeys(("isnan", "isinf", "isfinite", "__nan", "__number_at_all"), "bool"),
    **dict.fromkeys(("toint",), "int"),
}
SAME_TYPE = {"min", "max", "any", "take_any", "coalesce", "abs", "bin", "floor", "prev"}
SAME_TYPE |= {"__plain", "minif", "maxif", "next", "percentile", "min_of", "max_of"}
SUMS = {"sum", "sumif"}  # of int is long
BRANCHES = {"iff": 1, "iif": 1, "case": 1}  # which argument is a result
NUMBERS = ("real", "decimal", "long", "int")  # the first of two is the type of a sum
COMPARING = {"==", "!=", "<>", "<", ">", "<=", ">=", "and", "or", "=~", "!~"}


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
        if name in SUMS and node.args:
            return widened(inferred(node.args[0], types))
        if name in BRANCHES and len(node.args) > 1:
            return inferred(node.args[BRANCHES[name]], types)
        return RETURNS.get(name, "")
    if isinstance(node, ir.BinaryOp):
        return arithmetic(node, types)
    return ""


def arithmetic(node: ir.BinaryOp, types: Types) -> str:
    """The type of an operation of two values."""
    if node.op in COMPARING:
        return "bool"
    sides = {inferred(node.left, types), inferred(node.right, types)}
    if node.op in ("+", "-") and "datetime" in sides:
        return "timespan" if sides == {"datetime"} else "datetime"
    if node.op in ("+", "-", "*", "%") and "timespan" in sides:
        return "timespan"
    if node.op == "/" and "timespan" in sides:
        return "real" if sides == {"timespan"} else "timespan"
    if node.op in ("+", "-", "*", "/", "%"):
        if sides <= set(NUMBERS):
            return widened(next(kind for kind in NUMBERS if kind in sides))
        return "real" if "real" in sides else ""
    return ""


def widened(kind: str) -> str:
    """The type of what is computed of a number: of int it is long."""
    return "long" if kind == "int" else kind


def printed(source: Any) -> Types:
    return {
        named.name: inferred(named.expr, {})
        for named in source.expressions
        if named.name
    }


def is_number(node: Any) -> bool:
    return inferred(node, {}) in ("int", "long", "real")
