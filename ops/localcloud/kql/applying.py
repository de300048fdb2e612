"""mv-apply: a small query over the elements of each row's array.

The rows are numbered and expanded, and the body runs over all of them at once, each
of its operators kept within the row an element came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.localcloud.kql import lexer, scopes, shaping
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lexer import Token
from ops.localcloud.kql.tables import quoted

if TYPE_CHECKING:
    from ops.localcloud.kql.compiler import Compiler

ID = "__kql_id"
PLACE = "__kql_n"
RESTART = f"{ID} != prev({ID})"
ONE_BY_ONE = {
    *("where", "filter", "extend", "project-away", "project-rename", "mv-expand"),
    *("parse", "parse-where", "serialize"),
}
GROUPING = {"summarize", "distinct", "count"}


def mv_apply(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    targets, body = shaping.before(words, "on"), shaping.after(words, "on")
    rows = compiler.stage_sql(
        f"SELECT *, row_number() OVER () AS {quoted(ID)}"
        f" FROM {quoted(compiler.stage(current))}",
        keep=True,
    )
    inner = f"{rows}\n| mv-expand {scopes.rewritten(compiler, text, targets)}"
    keywords: set[str] = set()
    for segment in lexer.split(body[1:-1], "|"):
        if keywords & GROUPING:  # what follows finds each row's own together again
            inner = f"{compiler.stage(inner)}\n| order by {ID} asc"
        keyword, rest = scopes.keyword_of(segment)
        keywords.add(keyword)
        inner = applied(compiler, inner, text, keyword, rest)
    outer = [
        column
        for column in compiler.columns(rows)
        if column not in (ID, *replaced(text, targets))
    ]
    whole = not keywords & {*GROUPING, "project", "project-away", "project-rename"}
    return gathered(compiler, rows, compiler.stage(inner), outer, whole=whole)


def replaced(text: str, targets: list[Token]) -> list[str]:
    """The columns that are expanded under their own name: the array itself is gone."""
    if len(targets) > 3 and targets[0].text == "with_itemindex":
        targets = targets[3:]
    found = []
    for run in lexer.split(targets, ","):
        expression = shaping.before(shaping.before(run, "to"), "limit")
        if len(expression) == 1 or expression[0].text == "[":
            found.append(shaping.unquoted(lexer.span(text, expression)))
    return found


def applied(
    compiler: Compiler, current: str, text: str, keyword: str, words: list[Token]
) -> str:
    """One operator of the body, kept within the row it came from."""
    kql = restarting(scopes.rewritten(compiler, text, words))
    if keyword in ONE_BY_ONE:
        return f"{current}\n| {keyword} {kql}"
    if keyword == "project":
        return f"{current}\n| project {ID}, {kql}"
    if keyword == "distinct":
        return f"{current}\n| distinct {ID}, {kql}"
    if keyword == "count":
        return f"{current}\n| summarize Count = count() by {ID}"
    if keyword == "summarize":
        by = f"{kql}, {ID}" if shaping.after(words, "by") else f"{kql} by {ID}"
        return f"{current}\n| summarize {by}"
    if keyword in ("order", "sort"):
        keys = scopes.rewritten(compiler, text, shaping.after(words, "by"))
        return f"{current}\n| order by {ID} asc, {keys}"
    if keyword in ("take", "limit"):
        return first_of_each(current, kql)
    if keyword == "top":
        count = scopes.rewritten(compiler, text, shaping.before(words, "by"))
        keys = scopes.rewritten(compiler, text, shaping.after(words, "by"))
        return first_of_each(f"{current}\n| order by {ID} asc, {keys}", count)
    raise QueryError(
        f"'{keyword}' within mv-apply is not supported by localcloud; it takes "
        f"{', '.join(sorted((ONE_BY_ONE | GROUPING) - {'filter', 'serialize'}))}, "
        "order, project, take and top.",
        inner_code="LOCAL001",
        token=keyword,
    )


def first_of_each(current: str, count: str) -> str:
    """The first so many of each row, in the order they stand in."""
    return (
        f"{current}\n| extend {PLACE} = row_number(1, {RESTART})"
        f"\n| where {PLACE} <= {count}\n| project-away {PLACE}"
    )


def restarting(kql: str) -> str:
    """Window functions that begin anew with each row, each being a table of its own."""
    words = lexer.tokens(kql)
    found, position, index = [], 0, 0
    while index < len(words):
        word, end = words[index], index
        called = index + 1 < len(words) and words[index + 1].text == "("
        found.append(kql[position : word.start])
        if called and word.text in ("prev", "next"):
            raise QueryError(
                f"'{word.text}' within mv-apply is not supported by localcloud; it "
                "would read another row's elements.",
                inner_code="LOCAL001",
                token=word.text,
            )
        if called and word.text in ("row_number", "row_cumsum"):
            end = lexer.closing(words, index + 1)
            runs = lexer.split(words[index + 2 : end], ",")
            arguments = [restarting(lexer.span(kql, run)) for run in runs if run]
            found.append(restarted(word.text, arguments))
        else:
            found.append(word.text)
        position = words[end].end
        index = end + 1
    return "".join(found)


def restarted(name: str, arguments: list[str]) -> str:
    value = arguments[0] if arguments else "1"
    also = f"({arguments[1]}) or " if len(arguments) > 1 else ""
    return f"{name}({value}, {also}{RESTART})"


def gathered(
    compiler: Compiler, rows: str, inner: str, outer: list[str], *, whole: bool
) -> str:
    """The body's columns behind those of the rows; what it dropped is joined back."""
    made = [column for column in compiler.columns(inner) if column != ID]
    columns = [*outer, *(column for column in made if column not in outer)]
    if whole:
        return f"{inner}\n| project {shaping.listed(columns)}"
    placed = compiler.stage_sql(
        f"SELECT *, row_number() OVER () AS {quoted(PLACE)} FROM {quoted(inner)}"
    )
    named = [f"{'i' if c in made else 'r'}.{quoted(c)}" for c in columns]
    return compiler.stage_sql(
        f"SELECT {', '.join(named)} FROM {quoted(rows)} r"
        f" JOIN {quoted(placed)} i ON r.{quoted(ID)} = i.{quoted(ID)}"
        f" ORDER BY r.{quoted(ID)}, i.{quoted(PLACE)}"
    )
