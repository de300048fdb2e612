"""Operators that duckdb-kql lacks or gets wrong, each on top of a stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ops.localcloud.kql import applying, evaluation, scopes, searching, series, shaping
from ops.localcloud.kql.lexer import Token

if TYPE_CHECKING:
    from ops.localcloud.kql.compiler import Compiler

# compiler, the pipeline so far, the text, the operator's words -> the pipeline
Handler = Callable[["Compiler", str, str, list[Token]], str]


def source(compiler: Compiler, text: str, words: list[Token]) -> str:
    """What a pipeline starts from."""
    keyword, after = scopes.keyword_of(words)
    if keyword == "search":
        return searching.search_source(compiler, text, after)
    if keyword == "union":
        return scopes.filled(
            compiler, compiler.stage(scopes.rewritten(compiler, text, words))
        )
    return scopes.rewritten(compiler, text, words)


def union(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    body = scopes.rewritten(compiler, text, words)
    return scopes.filled(compiler, compiler.stage(f"{current}\n| union {body}"))


def joined(keyword: str) -> Handler:
    """join and lookup: the kinds that produce nulls are filled."""

    def handler(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
        body = scopes.rewritten(compiler, text, words)
        whole = f"{current}\n| {keyword} {body}"
        kind = option(words, "kind")
        produces = kind.endswith("outer") or (keyword == "lookup" and not kind)
        if not produces:
            return whole
        return scopes.filled(compiler, compiler.stage(whole))

    return handler


def option(words: list[Token], name: str) -> str:
    """The value of `name=value` among an operator's first words."""
    for index, word in enumerate(words[:-2]):
        if word.text == name and words[index + 1].text == "=":
            return words[index + 2].text
    return ""


def serialize(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    if not words:
        return current
    return f"{current}\n| extend {scopes.rewritten(compiler, text, words)}"


HANDLERS: dict[str, Handler] = {
    "union": union,
    "join": joined("join"),
    "lookup": joined("lookup"),
    "serialize": serialize,
    "summarize": shaping.summarize,
    "distinct": shaping.distinct,
    "project-keep": shaping.project_keep,
    "project-away": shaping.project_away,
    "project-reorder": shaping.project_reorder,
    "sample": shaping.sample,
    "top-hitters": shaping.top_hitters,
    "make-series": series.make_series,
    "mv-apply": applying.mv_apply,
    "search": searching.search,
    "where": searching.where,
    "evaluate": evaluation.evaluate,
}
