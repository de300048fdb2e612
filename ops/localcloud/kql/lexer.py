"""KQL text as tokens that know where they stand.

Only what rewriting needs: strings, comments and brackets are told apart, so that a
pipe within a string never splits a query.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ops.localcloud.kql.errors import QueryError, syntax_error

TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<string>[hH]?(?:```.*?```|~~~.*?~~~|@"(?:[^"]|"")*"|@'(?:[^']|'')*'
        |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<moment>(?:datetime|timespan|time|guid|date)\s*\([^()"']*\))
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[a-zA-Z]*)
  | (?P<name>\$?[A-Za-z_][A-Za-z0-9_]*)
  | (?P<mark>=>|==|!=|=~|!~|<=|>=|<>|\.\.|<\||.)
    """,
    re.VERBOSE | re.DOTALL,
)
OPENING = {"(": ")", "[": "]", "{": "}"}
MOST_NESTED = 100


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a query: kind is string, moment, number, name or mark."""

    kind: str
    text: str
    start: int
    depth: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def tokens(text: str) -> list[Token]:
    """Every token but space and comments, with its depth of brackets.

    Raises QueryError for brackets that don't pair and for text nested deeper than
    a parser's stack should be asked to go.
    """
    found: list[Token] = []
    open_brackets: list[Token] = []
    for match in TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind == "space":
            continue
        word = match.group()
        if word in (")", "]", "}"):
            if not open_brackets or OPENING[open_brackets[-1].text] != word:
                raise unparsed(text, match.start())
            open_brackets.pop()
        token = Token(kind, word, match.start(), len(open_brackets))
        found.append(token)
        if word in OPENING:
            open_brackets.append(token)
            if len(open_brackets) > MOST_NESTED:
                raise too_deep(text, token)
    if open_brackets:
        raise unparsed(text, open_brackets[-1].start)
    return found


def too_deep(text: str, token: Token) -> QueryError:
    line, position = place(text, token.start)
    return QueryError(
        f"The query is nested deeper than {MOST_NESTED} levels.",
        code="SyntaxError",
        inner_code="SYN0003",
        line=line,
        position=position,
        token=token.text,
    )


def unparsed(text: str, offset: int) -> QueryError:
    line, position = place(text, offset)
    return syntax_error(line, position, text[offset : offset + 1])


def place(text: str, offset: int) -> tuple[int, int]:
    """Line (from 1) and position in it (from 0) of an offset."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1)


def split(words: list[Token], mark: str) -> Iterator[list[Token]]:
    """The runs of tokens between marks that stand outside all brackets."""
    if not words:
        return
    depth = words[0].depth
    run: list[Token] = []
    for word in words:
        if word.text == mark and word.depth == depth and word.kind == "mark":
            yield run
            run = []
        else:
            run.append(word)
    yield run


def span(text: str, words: list[Token]) -> str:
    """The text that a run of tokens covers."""
    return text[words[0].start : words[-1].end] if words else ""


def closing(words: list[Token], opening: int) -> int:
    """The index of the bracket that closes the one at an index."""
    depth = words[opening].depth
    for index in range(opening + 1, len(words)):
        if words[index].depth == depth and words[index].text in (")", "]", "}"):
            return index
    raise AssertionError("tokens() lets only paired brackets through")
