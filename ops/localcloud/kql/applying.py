"""mv-apply: a small query over the elements of each row's array."""

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
UNCHANGED = {"where", "filter", "extend", "order", "sort", "project-away", "serialize"}


def mv_apply(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    """Number the rows, expand, run the body by number, join back what it left."""
    targets, body = shaping.before(words, "on"), shaping.after(words, "on")
    rows = compiler.stage_sql(
        f"SELECT *, row_number() OVER () AS {quoted(ID)}"
        f" FROM {quoted(compiler.stage(current))}",
        keep=True,
    )
    inner = f"{rows}\n| mv-expand {scopes.rewritten(compiler, text, targets)}"
    whole = True
    for segment in lexer.split(body[1:-1], "|"):
        keyword, rest = scopes.keyword_of(segment)
        whole = whole and keyword not in ("summarize", "project")
        inner = applied(compiler, inner, text, keyword, rest)
    if whole:
        return f"{inner}\n| project-away {ID}"
    return joined_back(compiler, rows, compiler.stage(inner))


def applied(
    compiler: Compiler, current: str, text: str, keyword: str, words: list[Token]
) -> str:
    """One operator of the body, kept within the row it came from."""
    kql = scopes.rewritten(compiler, text, words)
    if keyword in UNCHANGED:
        return f"{current}\n| {keyword} {kql}"
    if keyword == "summarize":
        by = f"{kql}, {ID}" if shaping.after(words, "by") else f"{kql} by {ID}"
        return f"{current}\n| summarize {by}"
    if keyword == "project":
        return f"{current}\n| project {ID}, {kql}"
    if keyword in ("take", "limit"):
        return first_of_each(current, kql, "")
    if keyword == "top":
        count = scopes.rewritten(compiler, text, shaping.before(words, "by"))
        keys = scopes.rewritten(compiler, text, shaping.after(words, "by"))
        return first_of_each(current, count, f", {keys}")
    raise QueryError(
        f"'{keyword}' within mv-apply is not supported by localcloud; it takes "
        "where, extend, project, summarize, order, top and take.",
        inner_code="LOCAL001",
        token=keyword,
    )


def first_of_each(current: str, count: str, keys: str) -> str:
    return (
        f"{current}\n| order by {ID} asc{keys}"
        f"\n| extend {PLACE} = row_number(1, {ID} != prev({ID}))"
        f"\n| where {PLACE} <= {count}\n| project-away {PLACE}"
    )


def joined_back(compiler: Compiler, rows: str, inner: str) -> str:
    made = [column for column in compiler.columns(inner) if column != ID]
    kept = [
        column
        for column in compiler.columns(rows)
        if column != ID and column not in made
    ]
    columns = [f"r.{quoted(c)}" for c in kept] + [f"i.{quoted(c)}" for c in made]
    return compiler.stage_sql(
        f"SELECT {', '.join(columns)} FROM {quoted(rows)} r"
        f" JOIN {quoted(inner)} i ON r.{quoted(ID)} = i.{quoted(ID)}"
        f" ORDER BY r.{quoted(ID)}"
    )
