"""ingestion_time(): when the store took a row in.

A hidden column holds it. A pipeline that asks reads its table with that column, which
travels with each row up to the last operator that asks, and is put away there. Rows
that are made anew, by summarize for one, were never taken in: theirs is null, as it is
of rows that no table holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.localcloud.kql import lexer, scopes
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lexer import Token
from ops.localcloud.kql.tables import ARRIVAL, reading, with_arrival

if TYPE_CHECKING:
    from ops.localcloud.kql.compiler import Compiler

FUNCTION = "ingestion_time"
SPELLED = f"['{ARRIVAL}']"
NEVER = "datetime(null)"
# Whose rows were never in a table, and which operators make such rows.
MADE = {"print", "datatable", "range"}
ANEW = {"summarize", "distinct", "count", "make-series", "top-hitters", "getschema"}


@dataclass
class Arrival:
    """How far the hidden column is carried through one pipeline."""

    compiler: Compiler
    source: list[Token]
    left: int  # operators up to the last that asks
    there: bool = False
    shown: bool = False  # the query itself made a column of it

    def sourced(self, current: str) -> str:
        """The source, with the column if anything asks for it."""
        if asks(self.source):
            current = current.replace(SPELLED, NEVER)
        if not self.left:
            return current
        self.there = True
        if current in self.compiler.schema:
            table = with_arrival(self.compiler.schema[current])
            self.compiler.tables[reading(current)] = table
            return reading(current)
        if self.source[0].text in MADE:
            return f"{current}\n| extend {SPELLED} = {NEVER}"
        raise QueryError(
            f"'{FUNCTION}' is known to localcloud of a table's own rows only; ask for "
            "it in the pipeline that begins with the table, and give it a name.",
            inner_code="LOCAL001",
            token=FUNCTION,
        )

    def before(self, current: str, segment: list[Token]) -> str:
        """Nothing hidden may be among what an operator groups or counts."""
        if not self.left or not anew(segment) or asks(segment) or self.shown:
            return current
        self.there = False
        return away(current)

    def projected(self, keyword: str, body: str) -> str:
        """A project that lets the column through to those that ask behind it."""
        if self.left > 1 and keyword == "project" and not self.shown:
            return body if SPELLED in body else f"{body}, {SPELLED}"
        return body

    def after(self, current: str, keyword: str, segment: list[Token]) -> str:
        """The column made null where it was lost, and put away behind the last."""
        if not self.left:
            return current
        self.left -= 1
        self.shown |= names(keyword, segment)
        if anew(segment):
            self.shown &= ARRIVAL in self.compiler.columns(
                current := self.compiler.stage(current)
            )
            self.there = self.shown
        elif keyword == "project":
            self.there = self.left > 0 or self.shown
        if self.left and not self.there:
            self.there = True
            return f"{current}\n| extend {SPELLED} = {NEVER}"
        hidden = self.there and not self.shown
        return away(current) if hidden and not self.left else current


def asked(
    compiler: Compiler, source: list[Token], segments: list[list[Token]]
) -> Arrival:
    left = max((n for n, each in enumerate(segments, 1) if asks(each)), default=0)
    return Arrival(compiler, source, left)


def asks(words: list[Token]) -> bool:
    """Whether ingestion_time() is called here, and not in a pipeline within."""
    index = 0
    while index < len(words):
        word = words[index]
        called = index + 1 < len(words) and words[index + 1].text == "("
        if called and word.text == FUNCTION:
            return True
        if word.text == "(" and word.kind == "mark":
            end = lexer.closing(words, index)
            inside = words[index + 1 : end]
            if len(list(lexer.split(inside, "|"))) > 1:
                index = end
        index += 1
    return False


def names(keyword: str, segment: list[Token]) -> bool:
    """Whether an operator makes a column of the hidden one's name."""
    if keyword not in ("project", "extend", "summarize", "distinct"):
        return False
    text = "".join(word.text for word in segment[1:])
    call = f"{FUNCTION}()"
    if keyword == "summarize":
        by = "".join(text.partition("by")[1:])
        return call in by or f"arg_max({call}" in text or f"arg_min({call}" in text
    runs = ["".join(w.text for w in run) for run in lexer.split(segment[1:], ",")]
    return call in runs


def anew(segment: list[Token]) -> bool:
    """Whether an operator makes new rows of those it reads."""
    texts = [word.text for word in segment]
    return scopes.keyword_of(segment)[0] in ANEW or texts[:2] == ["evaluate", "pivot"]


def called(words: list[Token]) -> str:
    """One call as the column it reads."""
    if len(words) > 3:
        raise QueryError(
            f"{FUNCTION}(): function expects 0 argument(s).",
            inner_code="SEM0219",
            token=FUNCTION,
        )
    return SPELLED


def away(current: str) -> str:
    return f"{current}\n| project-away {SPELLED}"
