"""evaluate: plugins whose columns depend on the data, so that it is read first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ops.localcloud.kql import lexer, scopes, shaping, signatures
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lexer import Token
from ops.localcloud.kql.tables import quoted

if TYPE_CHECKING:
    from ops.localcloud.kql.compiler import Compiler

MOST_COLUMNS = 1_000
ZERO = {"count", "countif", "sum", "sumif", "dcount", "dcountif"}


def evaluate(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    while len(words) > 4 and words[0].text.startswith("hint"):
        words = words[5:] if words[1].text == "." else words[3:]
    plugin = words[0].text if words else ""
    arguments = list(lexer.split(words[2 : lexer.closing(words, 1)], ","))
    if plugin == "bag_unpack":
        return bag_unpack(compiler, current, text, arguments)
    if plugin == "pivot":
        return pivot(compiler, current, text, arguments)
    raise QueryError(
        f"The plugin '{plugin}' is not supported by localcloud; bag_unpack and pivot "
        "are.",
        inner_code="LOCAL001",
        token=plugin,
    )


def bag_unpack(
    compiler: Compiler, current: str, text: str, arguments: list[list[Token]]
) -> str:
    """Each property of a bag as a column, typed if all its values are of one type."""
    name = compiler.stage(current)
    given = by_parameter(arguments)
    bag = column(compiler, name, lexer.span(text, given["Column"]))
    prefix = literal(given.get("OutputColumnPrefix", []))
    conflict = literal(given.get("columnsConflict", [])) or "error"
    ignored = re.findall(
        r"[\"']([^\"']*)[\"']", lexer.span(text, given.get("ignoredProperties", []))
    )
    require_known(conflict)
    found = compiler.asked(
        f"SELECT e.key, list(DISTINCT e.type) FROM {quoted(name)} r,"
        f" json_each(r.{quoted(bag)}) e"
        f" WHERE json_type(r.{quoted(bag)}) = 'OBJECT' GROUP BY 1 ORDER BY 1"
    )
    found = [(key, types) for key, types in found if key not in ignored]
    within_limit(len(found))
    kept = [other for other in compiler.columns(name) if other != bag]
    clash = [key for key, _ in found if prefix + key in kept]
    if conflict == "keep_source":
        found = [(key, types) for key, types in found if key not in clash]
    elif conflict == "replace_source":
        kept = [other for other in kept if other not in {prefix + key for key in clash}]
    elif clash:
        raise QueryError(
            f"bag_unpack: the property '{clash[0]}' has the name of a column; give a "
            "prefix as second argument.",
            inner_code="SEM0001",
            token="bag_unpack",
        )
    columns = [quoted(other) for other in kept]
    columns += [
        f"{property_sql(bag, key, set(types))} AS {quoted(prefix + key)}"
        for key, types in found
    ]
    if not columns:
        raise QueryError("bag_unpack: there is no property to unpack.")
    return compiler.stage_sql(f"SELECT {', '.join(columns)} FROM {quoted(name)}")


UNPACKING = ("Column", "OutputColumnPrefix", "columnsConflict", "ignoredProperties")
CONFLICTS = ("error", "replace_source", "keep_source")


def by_parameter(arguments: list[list[Token]]) -> dict[str, list[Token]]:
    """The arguments of bag_unpack by name, whether they are given by place or name."""
    found: dict[str, list[Token]] = {}
    names = {name.lower(): name for name in UNPACKING}
    for place, words in enumerate(arguments):
        named, value = signatures.split_name(words)
        by_place = UNPACKING[place] if place < len(UNPACKING) else ""
        name = names.get(named.lower(), "") if named else by_place
        if not name or name in found:
            raise QueryError(
                f"bag_unpack: {named or 'an argument'} is not expected; it takes "
                f"{', '.join(UNPACKING)}.",
                inner_code="SEM0219",
                token=named or "bag_unpack",
            )
        found[name] = value
    if "Column" not in found:
        raise QueryError("bag_unpack: it takes a column.", inner_code="SEM0219")
    return found


def require_known(conflict: str) -> None:
    if conflict not in CONFLICTS:
        raise QueryError(
            f"bag_unpack: columnsConflict is one of {', '.join(CONFLICTS)}, not "
            f"'{conflict}'.",
            inner_code="SEM0219",
            token="bag_unpack",
        )


INTEGERS = {"BIGINT", "UBIGINT"}


def property_sql(bag: str, key: str, types: set[str]) -> str:
    path = "'$.\"" + key.replace('"', '\\"').replace("'", "''") + "\"'"
    types = types - {"NULL"}
    text = f"({quoted(bag)} ->> {path})"
    if types <= INTEGERS:
        return f"TRY_CAST({text} AS BIGINT)"
    if types <= INTEGERS | {"DOUBLE"}:
        return f"TRY_CAST({text} AS DOUBLE)"
    if types == {"BOOLEAN"}:
        return f"TRY_CAST({text} AS BOOLEAN)"
    if types == {"VARCHAR"}:
        return f"coalesce({text}, '')"
    return f"json_extract({quoted(bag)}, {path})"


def pivot(
    compiler: Compiler, current: str, text: str, arguments: list[list[Token]]
) -> str:
    """A column for each value of a column, holding an aggregate by the other keys."""
    name = compiler.stage(current)
    over = column(compiler, name, lexer.span(text, arguments[0]))
    call = arguments[1] if len(arguments) > 1 else []
    aggregate = scopes.rewritten(compiler, text, call) or "count()"
    read = {word.text for word in call}
    keys = [column(compiler, name, lexer.span(text, run)) for run in arguments[2:]] or [
        other for other in compiler.columns(name) if other != over and other not in read
    ]
    by = ", ".join(
        [*map(shaping.spelled, keys), f"__kql_c = tostring({shaping.spelled(over)})"]
    )
    groups = compiler.stage(f"{name}\n| summarize __kql_v = {aggregate} by {by}")
    values = compiler.asked(f"SELECT DISTINCT __kql_c FROM {quoted(groups)} ORDER BY 1")
    within_limit(len(values))
    empty = "0" if not call or call[0].text in ZERO else "NULL"
    columns = [quoted(key) for key in keys]
    columns += [
        f"coalesce(any_value(__kql_v) FILTER (WHERE __kql_c = {sql_text(value)}),"
        f" {empty}) AS {quoted(value)}"
        for (value,) in values
    ]
    if not columns:
        raise QueryError("pivot: there is no row to make columns of.")
    grouped = f" GROUP BY {', '.join(map(quoted, keys))}" if keys else ""
    return compiler.stage_sql(
        f"SELECT {', '.join(columns)} FROM {quoted(groups)}{grouped}"
    )


def sql_text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def column(compiler: Compiler, stage: str, text: str) -> str:
    name = shaping.unquoted(text)
    if name not in compiler.columns(stage):
        raise QueryError(
            f"Failed to resolve column or scalar expression named '{name}'",
            inner_code="SEM0100",
            token=name,
        )
    return name


def literal(words: list[Token]) -> str:
    return words[0].text.strip("@hH")[1:-1] if words else ""


def within_limit(count: int) -> None:
    if count > MOST_COLUMNS:
        raise QueryError(
            f"The plugin would make {count:,} columns; {MOST_COLUMNS:,} is the most.",
            code="ResourceLimit",
            inner_code="E_QUERY_RESULT_SET_TOO_LARGE",
        )
