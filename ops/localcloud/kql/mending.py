"""Rewrites a query's tree where duckdb-kql would answer wrongly, or not at all.

Types are known where they come from a table or an earlier stage and are followed
through the pipeline by name; where a type is not known nothing is rewritten.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ops.localcloud.kql import (
    dynamics,
    folding,
    nan,
    operands,
    percentiles,
    ranges,
    windows,
)
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.kinds import Types, inferred, printed
from ops.localcloud.kql.tables import Schema
from ops.localcloud.kql.trees import rebuilt

if TYPE_CHECKING:
    from duckdb_kql import ir

PARTS = {"hourofday", "dayofmonth", "dayofyear", "monthofyear", "getmonth", "getyear"}
OF_CONDITION = {"iff", "iif", "countif", "not"}
OF_TEXT = {"strlen", "toupper", "tolower", "substring", "split", "indexof"}
OF_TEXT |= {"isempty", "isnotempty"}


def mended(query: ir.Query, schema: Schema) -> ir.Query:
    """The query with every expression and operator mended, nested queries too."""
    return Mending(schema).query(query)


@dataclasses.dataclass
class Mending:
    """One pass over one query; tables holds the types of tables and lets."""

    tables: Schema

    def query(self, query: ir.Query) -> ir.Query:
        tables = dict(self.tables)
        inner = Mending(tables)
        lets = []
        for name, bound in query.lets:
            if type(bound).__name__ == "Query":
                bound, tables[name] = inner.typed(bound)  # type: ignore[arg-type]
            lets.append((name, bound))
        changed, _ = inner.typed(dataclasses.replace(query, lets=lets))
        return changed

    def typed(self, query: ir.Query) -> tuple[ir.Query, Types]:
        source = query.source
        types: Types = {}
        if type(source).__name__ == "TableRef":
            types = dict(self.tables.get(source.name, {}))  # type: ignore[attr-defined]
        elif type(source).__name__ == "DataTable":
            types = dict(source.columns)  # type: ignore[attr-defined]
        else:
            source = self.expression(source, types)
            if type(source).__name__ == "PrintSource":
                types = printed(source)
        operators: list[ir.Operator] = []
        if type(source).__name__ == "RangeSource":
            types = {source.name: inferred(source.start, {})}  # type: ignore[attr-defined]
            source, values = ranges.counted(source)  # type: ignore[arg-type]
            operators.append(values)
        for operator in query.operators:
            operators.extend(self.operator(operator, types))
            types = self.after(operator, types)
        operators = windows.serialized(operators)
        return dataclasses.replace(query, source=source, operators=operators), types

    def operator(self, operator: ir.Operator, types: Types) -> list[ir.Operator]:
        kind = type(operator).__name__
        if kind in ("Join", "Lookup"):
            right, other = self.typed(operator.right)  # type: ignore[attr-defined]
            dynamics.refuse_join(operator, types, other)
            return [dataclasses.replace(operator, right=right)]  # type: ignore[type-var]
        if kind == "Union":
            branches = tuple(
                self.query(branch)
                for branch in operator.branches  # type: ignore[attr-defined]
            )
            self.refuse_split_columns(branches, types)
            return [dataclasses.replace(operator, branches=branches)]  # type: ignore[type-var]
        if kind in ("Sort", "Top"):
            self.refuse_dynamic_order(operator, types)
            operator = self.expression(operator, types)
            keys = nan.sorted_with_nulls(operator.keys, types)  # type: ignore[attr-defined]
            return [dataclasses.replace(operator, keys=keys)]  # type: ignore[type-var]
        if kind == "Distinct":
            dynamics.refuse_keys(operator.expressions, types, "distinct")  # type: ignore[attr-defined]
        if kind == "Summarize":
            dynamics.refuse_keys(operator.by, types, "summarize")  # type: ignore[attr-defined]
            summary = self.expression(percentiles.several(operator), types)
            return percentiles.together(summary)
        if kind == "Where":
            predicate = folding.condition(operator.predicate)  # type: ignore[attr-defined]
            if folding.always(predicate):
                return []
            operands.refuse_no_condition(predicate, types)
            operator = dataclasses.replace(operator, predicate=predicate)  # type: ignore[type-var]
        return [self.expression(operator, types)]

    def expression(self, node: Any, types: Types) -> Any:
        """The same expression, mended from the leaves up."""
        from duckdb_kql import ir

        if isinstance(node, ir.Query):
            return self.query(node)
        if isinstance(node, ir.NamedExpr):
            return self.named(node, types)
        node = rebuilt(node, lambda child: self.expression(child, types))
        if isinstance(node, ir.BinaryOp):
            return operands.both(node, types)
        if isinstance(node, ir.Between):
            return operands.between(node, types)
        if isinstance(node, ir.InList):
            return operands.member(node, types)
        if isinstance(node, ir.FunctionCall):
            return call(node, types)
        if isinstance(node, ir.PathAccess):
            return operands.by_name(dynamics.direct(node), types)
        return node

    def named(self, node: ir.NamedExpr, types: Types) -> ir.NamedExpr:
        """Rewriting must not change the name Kusto gives an unnamed column."""
        from duckdb_kql import ir
        from duckdb_kql.translate import naming

        expr = self.expression(node.expr, types)
        if expr == node.expr:
            return node
        name = node.name
        if name is None and type(expr) is type(node.expr):
            old = naming.expression_name(node.expr)
            name = old if old != naming.expression_name(expr) else None
        elif name is None and not isinstance(node.expr, ir.BinaryOp):
            name = naming.expression_name(node.expr)
        return ir.NamedExpr(expr, name)

    def refuse_split_columns(
        self, branches: tuple[ir.Query, ...], types: Types
    ) -> None:
        """Kusto makes two columns of one name with two types; one would mislead."""
        known = dict(types)
        for branch in branches:
            for name, kind in self.typed(branch)[1].items():
                other = known.setdefault(name, kind)
                if kind and other and kind != other:
                    raise QueryError(
                        f"'union' operator: column '{name}' is of type {other} and "
                        f"{kind}; Azure would split it into two columns. Convert it "
                        "in one of the branches.",
                        inner_code="LOCAL001",
                        token=name,
                    )

    def refuse_dynamic_order(self, operator: Any, types: Types) -> None:
        for key in operator.keys:
            if inferred(key.expr, types) == "dynamic":
                raise QueryError(
                    "'order' operator: key can't be of dynamic type; convert it "
                    "first, for example with todouble() or tostring()",
                    inner_code="SEM0116",
                    spellings=("order", "sort", "top"),
                )

    def after(self, operator: ir.Operator, types: Types) -> Types:
        """The types an operator leaves, as far as they can be known."""
        from duckdb_kql import ir
        from duckdb_kql.translate import naming

        def typed(named: tuple[ir.NamedExpr, ...]) -> Types:
            pairs = ((n.name or naming.expression_name(n.expr), n.expr) for n in named)
            return {name: inferred(expr, types) for name, expr in pairs if name}

        if isinstance(operator, ir.Project | ir.Distinct):
            return typed(operator.expressions)
        if isinstance(operator, ir.Extend):
            return {**types, **typed(operator.expressions)}
        if isinstance(operator, ir.Summarize):
            kept = dict.fromkeys(types, "") | types if has_star(operator) else {}
            return {**kept, **typed(operator.by), **typed(operator.aggregates)}
        if isinstance(operator, ir.Parse):
            found = {s.name: s.type or "string" for s in operator.segments if s.name}
            return {**types, **found}
        if isinstance(operator, ir.MvExpand):
            expanded = {
                t.name or t.column: t.to_type or "dynamic" for t in operator.targets
            }
            return {**types, **expanded}
        if isinstance(operator, ir.Join | ir.Lookup):
            _, right = self.typed(operator.right)
            return {**right, **types}
        if isinstance(operator, ir.Union):
            for branch in operator.branches:
                types = {**self.typed(branch)[1], **types}
            return types
        if isinstance(operator, ir.ProjectRename):
            moved = {new: types.get(old, "") for new, old in operator.renames}
            return {**types, **moved}
        return types


def has_star(operator: ir.Summarize) -> bool:
    from duckdb_kql import ir

    return any(
        isinstance(argument, ir.Wildcard)
        for named in operator.aggregates
        if isinstance(named.expr, ir.FunctionCall)
        for argument in named.expr.args
    )


def call(node: ir.FunctionCall, types: Types) -> Any:
    """A function call, mended: bins by Kusto's origin, numbers out of dynamics."""
    from duckdb_kql import ir

    mended = dynamics.call(node, types)
    if mended is not node:
        return mended
    name = node.name.lower()
    if name in OF_CONDITION and node.args:
        operands.refuse_no_condition(node.args[0], types)
    if name in OF_TEXT:
        args = tuple(operands.plain(each, types) for each in node.args)
        return dataclasses.replace(node, args=args)
    if name == "strcat":
        return dataclasses.replace(node, args=flattened(node.args))
    if name == "array_concat":
        return joined(node.args)
    if name in ("todouble", "toreal") and is_dynamic(node.args, types):
        return ir.FunctionCall("__real_of", node.args)
    if name == "replace" and len(node.args) == 3:  # (regex, rewrite, text)
        regex, rewrite, text = node.args
        return ir.FunctionCall("replace_regex", (text, regex, rewrite))
    if name == "strrep" and len(node.args) == 2:
        return dataclasses.replace(node, name="__strrep")
    if name == "tostring" and inferred(node.args[0], {}) == "string":
        return node.args[0] if isinstance(node.args[0], ir.FunctionCall) else node
    if name in ("bin", "floor") and len(node.args) == 2:
        return binned(node, types)
    if name == "todatetime" and inferred(node.args[0], types) in ("string", ""):
        return ir.FunctionCall("__todatetime", (*node.args, node))
    if name in ("base64_decode_tostring", "base64_decodestring"):
        return ir.FunctionCall("__decoded", node.args)
    if name == "make_datetime":
        return ir.FunctionCall("__try", (node,))
    if name == "row_cumsum" and inferred(node.args[0], types) == "int":
        return ir.FunctionCall("__int", (node,))
    if name == "bin_at" and inferred(node.args[2], types) == "datetime":
        return ir.FunctionCall("__bin_time_at", node.args)
    if name in ("sum", "avg") and inferred(node.args[0], types) == "timespan":
        return dataclasses.replace(node, name=f"__{name}_span")
    if name in PARTS:
        return ir.FunctionCall("__int", (node,))
    if name == "percentile" and inferred(node.args[0], types) == "int":
        first = ir.FunctionCall("__long", node.args[:1])
        return dataclasses.replace(node, args=(first, *node.args[1:]))
    if name == "column_ifexists" and len(node.args) == 2:
        wanted = getattr(node.args[0], "value", None)
        return ir.ColumnRef(wanted) if wanted in types else node.args[1]
    return node


def flattened(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """strcat(strcat(a, b), c) as strcat(a, b, c): nesting multiplies its SQL."""
    found: list[Any] = []
    for argument in args:
        nested = getattr(argument, "name", "")
        if type(argument).__name__ == "FunctionCall" and nested.lower() == "strcat":
            found += argument.args
        else:
            found.append(argument)
    return tuple(found)


def is_dynamic(args: tuple[Any, ...], types: Types) -> bool:
    """Is it a column that holds JSON, so that nothing else needs to be thought of?"""
    from duckdb_kql import ir

    (first, *others) = args
    column = isinstance(first, ir.ColumnRef) and not others
    return column and inferred(first, types) == "dynamic"


def joined(arrays: tuple[Any, ...]) -> ir.FunctionCall:
    """array_concat() as text: a null in duckdb-kql's own is no JSON any more.

    DuckDB gives the whole database up over it. Text is also twice as fast.
    """
    from duckdb_kql import ir

    items = tuple(ir.FunctionCall("__items", (each,)) for each in arrays)
    return ir.FunctionCall("__array_of", items)


def binned(node: ir.FunctionCall, types: Types) -> ir.FunctionCall:
    """bin() of a time by a timespan counts from 0001-01-01, a Monday."""
    from duckdb_kql import ir

    value, step = node.args
    if inferred(step, types) == "timespan" == inferred(value, types):
        return ir.FunctionCall("__bin_span", (value, step))
    if inferred(step, types) != "timespan" or inferred(value, types) != "datetime":
        return node
    return ir.FunctionCall("__bin_time", (value, step))
