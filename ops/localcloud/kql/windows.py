"""Window functions: row_number, prev, next and row_cumsum over serialized rows.

The sort before them is remembered in a hidden column that travels with each row up
to the last window function, so that a later project can't lose the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ops.localcloud.kql.trees import calls, rebuilt

if TYPE_CHECKING:
    from duckdb_kql import ir

WINDOWS = {"row_number", "prev", "next", "row_cumsum"}
PLACE = "__kql_row"
ORDER = ("Sort", "Top")
LOSE_ORDER = ("Summarize", "Join", "Union", "Distinct", "Lookup", "MvExpand", "Count")


def serialized(operators: list[ir.Operator]) -> list[ir.Operator]:
    """The operators with window functions made ready for SQL's OVER.

    Those up to the next operator that orders rows anew, or that loses their order,
    share one numbering.
    """
    users = [i for i, operator in enumerate(operators) if uses_window(operator)]
    if not users:
        return operators
    first = users[0]
    end = next((i for i in range(first, len(operators)) if anew(operators[i])), None)
    last = max(user for user in users if end is None or user < end)
    start, keys = order_before(operators, first)
    changed = [*operators[:start], numbered(keys)]
    for index, operator in enumerate(operators[start : last + 1], start):
        if index in users:
            changed += lifted(operator)
        else:
            changed.append(with_place(operator))
    return [*changed, *restored(), *serialized(operators[last + 1 :])]


def anew(operator: ir.Operator) -> bool:
    return type(operator).__name__ in (*ORDER, *LOSE_ORDER)


def uses_window(operator: Any) -> bool:
    return type(operator).__name__ in ("Extend", "Project", "Where") and bool(
        WINDOWS & set(calls(operator))
    )


def order_before(operators: list[ir.Operator], first: int) -> tuple[int, Any]:
    """Where rows got their order, and by which keys; () for the order they come in."""
    for index in range(first - 1, -1, -1):
        kind = type(operators[index]).__name__
        if kind in ORDER:
            return index + 1, operators[index].keys  # type: ignore[attr-defined]
        if kind in LOSE_ORDER:
            break
    return first, ()


def numbered(keys: Any) -> ir.Operator:
    from duckdb_kql import ir
    from duckdb_kql.translate import render_sort_keys

    order = f"ORDER BY {render_sort_keys(keys)}" if keys else ""
    place = ir.RenderedAggregate(f"row_number() OVER ({order})")
    return ir.Extend((ir.NamedExpr(place, PLACE),))


def with_place(operator: ir.Operator) -> ir.Operator:
    from duckdb_kql import ir

    if isinstance(operator, ir.Project):
        place = ir.NamedExpr(ir.ColumnRef(PLACE), PLACE)
        return ir.Project((*operator.expressions, place))
    return operator


def restored() -> list[ir.Operator]:
    from duckdb_kql import ir

    by_place = ir.SortKey(ir.ColumnRef(PLACE), ascending=True)
    return [ir.Sort((by_place,)), ir.ProjectAway((PLACE,))]


def lifted(operator: ir.Operator) -> list[ir.Operator]:
    """One operator, preceded by hidden columns for what SQL can't nest."""
    from duckdb_kql import ir

    hidden: list[ir.NamedExpr] = []
    if isinstance(operator, ir.Where):
        predicate = hide(window(operator.predicate, hidden), hidden)
        changed: ir.Operator = ir.Where(predicate)
    else:
        changed = with_place(rebuilt(operator, lambda node: window(node, hidden)))
    if not hidden:
        return [changed]
    columns = [ir.Extend((named,)) for named in hidden]
    if isinstance(operator, ir.Project):
        return [*columns, changed]
    return [*columns, changed, ir.ProjectAway(tuple(str(n.name) for n in hidden))]


def window(node: Any, hidden: list[ir.NamedExpr]) -> Any:
    """An expression whose window calls have all their arguments, none nested."""
    from duckdb_kql import ir

    if not isinstance(node, ir.FunctionCall) or node.name.lower() not in WINDOWS:
        return rebuilt(node, lambda child: window(child, hidden))
    arguments = tuple(
        hide(window(argument, hidden), hidden)
        if WINDOWS & set(calls(argument))
        else argument
        for argument in node.args
    )
    return complete(node.name.lower(), arguments, hidden)


def complete(name: str, arguments: tuple[Any, ...], hidden: list[ir.NamedExpr]) -> Any:
    from duckdb_kql import ir

    one = ir.Literal(1, "long")
    if name in ("prev", "next"):
        default = ir.RenderedAggregate("NULL")
        filled = (*arguments, *(one, default)[len(arguments) - 1 :])
        return ir.FunctionCall(name, filled)
    if name == "row_number":
        arguments = arguments or (one,)
    if len(arguments) == 1:
        return ir.FunctionCall(name, arguments)
    run = hide(ir.FunctionCall("__run", (arguments[1],)), hidden)
    return ir.FunctionCall(f"__{name}_in", (arguments[0], run))


def hide(node: Any, hidden: list[ir.NamedExpr]) -> ir.ColumnRef:
    from duckdb_kql import ir

    name = f"__kql_w{len(hidden)}"
    hidden.append(ir.NamedExpr(node, name))
    return ir.ColumnRef(name)
