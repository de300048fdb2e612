"""search: a term in any column of a table, of some, or of all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ops.localcloud.kql import lexer, scopes, shaping
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lexer import Token
from ops.localcloud.kql.tables import ARRIVAL, quoted

if TYPE_CHECKING:
    from ops.localcloud.kql.compiler import Compiler

LOGIC = {"and", "or", "not", "(", ")", ""}


def search_source(compiler: Compiler, text: str, words: list[Token]) -> str:
    """`search [kind=...] [in (tables)] predicate` at the head of a pipeline."""
    cased, words = case_of(words)
    tables = list(compiler.schema)
    if words and words[0].text == "in":
        end = lexer.closing(words, 1)
        tables = [
            name
            for run in lexer.split(words[2:end], ",")
            for name in named(compiler, lexer.span(text, run))
        ]
        words = words[end + 1 :]
    arms = [
        f"({table} | where {predicate} | extend ['$table'] = \"{table}\")"
        for table in tables
        if (predicate := predicated(compiler, table, text, words, cased))
    ]
    if not arms:
        raise unresolved(text, words)
    united = f"union {', '.join(arms)}" if len(arms) > 1 else arms[0][1:-1]
    whole = compiler.stage(united)
    return table_first(compiler, scopes.filled(compiler, whole))


def search(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    """`T | search predicate`."""
    cased, words = case_of(words)
    name = compiler.stage(current)
    label = current if current in compiler.schema else ""
    predicate = predicated(compiler, name, text, words, cased)
    if not predicate:
        raise unresolved(text, words)
    found = compiler.stage(
        f"{name} | where {predicate} | extend ['$table'] = \"{label}\""
    )
    return table_first(compiler, found)


def where(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    """`where * has "x"`: any column may hold it."""
    if len(words) < 3 or words[0].text != "*":
        return f"{current}\n| where {scopes.rewritten(compiler, text, words)}"
    name = compiler.stage(current)
    found = [column for column in compiler.columns(name) if column != ARRIVAL]
    columns = ", ".join(map(shaping.spelled, found))
    test = scopes.rewritten(compiler, text, words[1:])
    return f"{name}\n| where __texts({columns}) {test}"


def case_of(words: list[Token]) -> tuple[bool, list[Token]]:
    if len(words) > 3 and words[0].text == "kind" and words[1].text == "=":
        return words[2].text == "case_sensitive", words[3:]
    return False, words


def named(compiler: Compiler, pattern: str) -> list[str]:
    """The tables a name or a wildcard stands for; an unknown name is told later."""
    if "*" not in pattern:
        return [pattern]
    return shaping.matching(list(compiler.schema), pattern, "")


def table_first(compiler: Compiler, name: str) -> str:
    label = quoted("$table")
    return compiler.stage_sql(
        f"SELECT {label}, * EXCLUDE ({label}) FROM {quoted(name)}"
    )


def predicated(
    compiler: Compiler, table: str, text: str, words: list[Token], cased: bool
) -> str:
    """The predicate for one table, or '' if it names a column the table lacks."""
    columns = compiler.tables.get(table, {})
    searched = [
        shaping.spelled(name)
        for name, kind in columns.items()
        if kind in ("string", "dynamic")
    ]
    found: list[str] = []
    for index, word in enumerate(words):
        before = words[index - 1].text if index else ""
        following = words[index + 1].text if index + 1 < len(words) else ""
        alone = before in LOGIC and following in LOGIC
        if word.kind == "string" and alone:
            found.append(any_column(searched, word.text, cased))
        elif word.text == "*" and alone:
            found.append("true")
        elif word.text == ":":
            found.append("has_cs" if cased else "has")
        elif is_column(word, following) and columns and word.text not in columns:
            return ""
        else:
            found.append(word.text)
    return " ".join(found)


OPERATORS = {":", "==", "!=", "=~", "<", ">", "<=", ">=", "has", "contains", "in"}


def is_column(word: Token, following: str) -> bool:
    if word.kind != "name":
        return False
    return following in OPERATORS or following.startswith(("startswith", "endswith"))


def any_column(columns: list[str], literal: str, cased: bool) -> str:
    """One term in any of the columns; `*` at its ends widens it."""
    term = literal.strip("@hH")[1:-1]
    suffix = "_cs" if cased else ""
    operator, bare = "has", term
    if term.strip("*") == "":
        return "true"
    if "*" in term.strip("*"):
        pattern = ".*".join(re.escape(part) for part in term.split("*"))
        flags = "" if cased else "(?i)"
        quote = (flags + pattern).replace('"', '""')
        return any_of(columns, f'matches regex @"{quote}"')
    if term.startswith("*") and term.endswith("*"):
        operator = "contains"
    elif term.endswith("*"):
        operator = "hasprefix"
    elif term.startswith("*"):
        operator = "hassuffix"
    return any_of(columns, f'{operator}{suffix} "{bare.strip("*")}"')


def any_of(columns: list[str], test: str) -> str:
    """The test on all the columns' texts at once, a line each.

    One test a column would be a statement that takes seconds to plan.
    """
    return f"__texts({', '.join(columns)}) {test}"


def unresolved(text: str, words: list[Token]) -> QueryError:
    return QueryError(
        "'search' operator: no table has the columns that "
        f"'{lexer.span(text, words)[:80]}' names.",
        inner_code="SEM0100",
        token="search",
    )
