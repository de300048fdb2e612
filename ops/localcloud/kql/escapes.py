"""Escapes in KQL's strings that duckdb-kql would read as the letters behind them."""

import re

from ops.localcloud.kql import lexer
from ops.localcloud.kql.errors import QueryError

# An escape by code, or any other: so that the second half of `\\` starts none.
ESCAPE = re.compile(
    r"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\U[0-9a-fA-F]{8}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[0-7]{1,3}|\\.",
    re.DOTALL,
)
LETTERS = {"a": "\a", "b": "\b", "f": "\f", "v": "\v"}
SHORT = {"\\": r"\\", "'": r"\'", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}

PLAIN = re.compile(r'[\\"\n\r\t]')  # what a quoted string can't hold as it is


def spelled_out(kql: str) -> str:
    """The query with `\\u0041`, `\\x41` and their like as the characters they are.

    The h of an obfuscated string goes too: it only hides text from Azure's own logs.
    """
    parts, end = [], 0
    for word in lexer.tokens(kql):
        if word.kind == "string":
            parts += [kql[end : word.start], literal(word.text.lstrip("hH"))]
            end = word.end
    return "".join([*parts, kql[end:]])


def literal(text: str) -> str:
    """A string without codes; in @"..." and ```...``` a backslash is itself."""
    if text[:3] in ("```", "~~~"):  # duckdb-kql would keep the marks
        return '"' + PLAIN.sub(lambda found: SHORT[found[0]], text[3:-3]) + '"'
    return ESCAPE.sub(character, text) if text[0] in "'\"" else text


def character(found: re.Match[str]) -> str:
    """One escape as the query may hold it: a quote, say, stays escaped."""
    escape = found.group()
    digits = escape[2:] if escape[1] in "uUx" else ""
    if "\\" in digits:  # both halves of a surrogate pair
        code = bytes.fromhex(escape.replace("\\u", "")).decode("utf-16-be")
    elif digits and int(digits, 16) <= 0x10FFFF:
        code = chr(int(digits, 16))
    elif digits:
        raise unreadable(escape)
    elif escape[1] in "01234567":
        code = chr(int(escape[1:], 8))
    elif escape[1] in LETTERS:
        code = LETTERS[escape[1]]
    else:
        return escape
    if code == "\0" or "\ud800" <= code <= "\udfff":
        raise unreadable(escape)
    return SHORT.get(code, code)


def unreadable(escape: str) -> QueryError:
    return QueryError(
        f"The escape '{escape}' stands for no character that localcloud can hold.",
        inner_code="LOCAL001",
        token=escape,
    )
