"""Where in the text a refusal belongs."""

import re

from ops.localcloud.kql import lexer, scopes
from ops.localcloud.kql.errors import QueryError


def located(error: QueryError, kql: str) -> QueryError:
    """The same refusal with line, position and the operator's name, where known."""
    if error.line is not None or not error.token:
        return error
    try:
        words = lexer.tokens(kql)
    except QueryError:
        return error
    for index, word in enumerate(words):
        if word.text.strip("\"'").lower() == error.token.lower():
            error.line, error.position = lexer.place(kql, word.start)
            error.token = word.text
            name = operator(words[: index + 1])
            if error.message.startswith("Failed to resolve") and name:
                error.message = f"'{name}' operator: {error.message}"
            break
    return error


def operator(words: list[lexer.Token]) -> str:
    """The operator that the last of these words belongs to."""
    depth = words[-1].depth
    for index in range(len(words) - 1, -1, -1):
        if words[index].text == "|" and words[index].depth <= depth:
            name, _ = scopes.keyword_of(words[index + 1 :])
            return name if re.fullmatch(r"[a-z-]+", name) else ""
        depth = min(depth, words[index].depth)
    return ""
