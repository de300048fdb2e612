"""Operators that only choose columns or rows, once the columns are known."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ops.localcloud.kql import lexer, scopes
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lexer import Token

if TYPE_CHECKING:
    from ops.localcloud.kql.compiler import Compiler


def spelled(name: str) -> str:
    """A column's name as KQL text, whatever it is made of."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


def listed(columns: list[str]) -> str:
    return ", ".join(map(spelled, columns))


def patterns(text: str, words: list[Token]) -> list[tuple[str, str]]:
    """Each column or wildcard of a list, with the `asc` or `desc` after it."""
    found = []
    for run in lexer.split(words, ","):
        order = run[-1].text if len(run) > 1 and run[-1].text in ORDERS else ""
        kept = run[:-1] if order else run
        found.append((unquoted(lexer.span(text, kept)), order))
    return found


ORDERS = ("asc", "desc")


def unquoted(name: str) -> str:
    return name.strip("[]").strip("'\"")


def matching(columns: list[str], pattern: str, order: str) -> list[str]:
    found = [column for column in columns if fnmatchcase(column, pattern)]
    return sorted(found, reverse=order == "desc") if order else found


def project_keep(
    compiler: Compiler, current: str, text: str, words: list[Token]
) -> str:
    name = compiler.stage(current)
    columns = list(compiler.columns(name))
    wanted = {
        column
        for pattern, order in patterns(text, words)
        for column in matching(columns, pattern, order)
    }
    return f"{name}\n| project {listed([c for c in columns if c in wanted])}"


def project_away(
    compiler: Compiler, current: str, text: str, words: list[Token]
) -> str:
    if not any(word.text == "*" for word in words):
        return f"{current}\n| project-away {scopes.rewritten(compiler, text, words)}"
    name = compiler.stage(current)
    columns = list(compiler.columns(name))
    gone = {
        column
        for pattern, order in patterns(text, words)
        for column in matching(columns, pattern, order)
    }
    return f"{name}\n| project {listed([c for c in columns if c not in gone])}"


def project_reorder(
    compiler: Compiler, current: str, text: str, words: list[Token]
) -> str:
    name = compiler.stage(current)
    columns = list(compiler.columns(name))
    first: dict[str, None] = {}
    for pattern, order in patterns(text, words):
        first.update(dict.fromkeys(matching(columns, pattern, order)))
    return f"{name}\n| project {listed(list({**first, **dict.fromkeys(columns)}))}"


def distinct(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    if [word.text for word in words] != ["*"]:
        return f"{current}\n| distinct {scopes.rewritten(compiler, text, words)}"
    name = compiler.stage(current)
    return f"{name}\n| distinct {listed(list(compiler.columns(name)))}"


def summarize(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    """take_any(*) stands for one take_any() a column that isn't a key.

    `(a, b) = arg_max(x, y)` is written as `a = arg_max(x, y)`, whose y is renamed.
    """
    body, renames = untupled(compiler, text, words)
    for index, word in enumerate(words):
        star = [following.text for following in words[index + 1 : index + 4]]
        if word.text in ("take_any", "any") and star == ["(", "*", ")"]:
            name = compiler.stage(current)
            keys = {
                unquoted(lexer.span(text, run))
                for run in lexer.split(after(words, "by"), ",")
                if run
            }
            wanted = [c for c in compiler.columns(name) if c not in keys]
            calls = ", ".join(f"{spelled(c)} = take_any({spelled(c)})" for c in wanted)
            body = body.replace(f"{word.text}(*)", calls, 1)
            current = name
    renamed = f"\n| project-rename {', '.join(renames)}" if renames else ""
    return f"{current}\n| summarize {body}{renamed}"


def untupled(
    compiler: Compiler, text: str, words: list[Token]
) -> tuple[str, list[str]]:
    """A summarize's body without tuples of names, and what is to be renamed after."""
    parts, renames = [], []
    for run in lexer.split(words, ","):
        end = lexer.closing(run, 0) if run and run[0].text == "(" else 0
        if not end or end + 1 >= len(run) or run[end + 1].text != "=":
            parts.append(scopes.rewritten(compiler, text, run))
            continue
        first, *others = [
            lexer.span(text, name) for name in lexer.split(run[1:end], ",")
        ]
        call = run[end + 2 :]
        _, *values = lexer.split(call[2 : lexer.closing(call, 1)], ",")
        if len(others) > len(values):
            raise QueryError(
                f"{call[0].text}(): there are more names than values.",
                inner_code="SEM0219",
                token=call[0].text,
            )
        for name, value in zip(others, values, strict=False):
            if len(value) != 1 or value[0].kind != "name":
                raise QueryError(
                    f"{call[0].text}(): localcloud can name values of columns alone.",
                    inner_code="LOCAL001",
                    token=call[0].text,
                )
            if name != value[0].text:
                renames.append(f"{name} = {value[0].text}")
        parts.append(f"{first} = {scopes.rewritten(compiler, text, call)}")
    return ", ".join(parts), renames


def after(words: list[Token], keyword: str) -> list[Token]:
    """The words after a keyword that stands outside all brackets."""
    for index, word in enumerate(words):
        if word.text == keyword and word.depth == words[0].depth:
            return words[index + 1 :]
    return []


def before(words: list[Token], keyword: str) -> list[Token]:
    for index, word in enumerate(words):
        if word.text == keyword and word.depth == words[0].depth:
            return words[:index]
    return words


def sample(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    """Rows at random."""
    count = scopes.rewritten(compiler, text, words)
    return (
        f"{current}\n| extend __kql_rand = rand()\n| top {count} by __kql_rand"
        "\n| project-away __kql_rand"
    )


def top_hitters(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    """Azure estimates these; here they are exact."""
    count = lexer.span(text, before(words, "of"))
    value = lexer.span(text, before(after(words, "of"), "by"))
    weight = lexer.span(text, after(after(words, "of"), "by"))
    call = f"sum({weight})" if weight else "count()"
    name = f"approximate_sum_{weight}" if weight else f"approximate_count_{value}"
    return (
        f"{current}\n| summarize {spelled(name)} = {call} by {value}"
        f"\n| top {count} by {spelled(name)} desc"
    )
