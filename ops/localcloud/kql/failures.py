"""Where in the text a refusal belongs.

The engine refuses a query as a whole. Which operator it means is found by asking it
again about the query's beginnings: the first that is refused in the same words ends in
the operator at fault. There the word is looked for that the refusal is about.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator

from ops.localcloud.kql import lexer, scopes
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lexer import Token

# How the engine refuses a text; None where it doesn't.
Trial = Callable[[str], QueryError | None]

MOST_CHARACTERS = 20_000  # of a text that is worth asking about again
ITEMS = {",", "and", "or", "by"}  # between the parts of an operator
NAMED = ("SemanticError", "SyntaxError")
OF_OPERATORS = (
    "Failed to resolve",
    "An operator or",
    "Cannot compare",
    "The expression",
)


def located(error: QueryError, kql: str, trial: Trial) -> QueryError:
    """The same refusal with line, position and the operator's name, where known."""
    if error.line is not None or error.code not in NAMED:
        return error
    try:
        words = lexer.tokens(kql)
    except QueryError:
        return error
    if error.token and not _spelled(words, error):  # a part of a word, if anything
        if (offset := kql.find(error.token)) >= 0:
            error.line, error.position = lexer.place(kql, offset)
        return error
    word = _at_fault(error, kql, words, trial) or _first(words, error)
    if word is None:
        return error
    error.line, error.position = lexer.place(kql, word.start)
    error.token = word.text
    name = operator(words[: words.index(word) + 1])
    if name and error.message.startswith(OF_OPERATORS):
        error.message = f"'{name}' operator: {error.message}"
    return error


def operator(words: list[Token]) -> str:
    """The operator that the last of these words belongs to."""
    depth = words[-1].depth
    for index in range(len(words) - 1, -1, -1):
        if words[index].text == "|" and words[index].depth <= depth:
            name, _ = scopes.keyword_of(words[index + 1 :])
            return name if re.fullmatch(r"[a-z-]+", name) else ""
        depth = min(depth, words[index].depth)
    return ""


def _at_fault(
    error: QueryError, kql: str, words: list[Token], trial: Trial
) -> Token | None:
    """The word that a refusal is about, by what the engine says of beginnings."""
    told = error.inner_code, error.message

    def refused(text: str) -> bool:
        found = trial(text)
        return found is not None and (found.inner_code, found.message) == told

    if len(kql) > MOST_CHARACTERS:
        return None
    for lets, body in _pipelines(kql, words):
        segment = _segment(kql, lets, body, refused)
        if segment:
            before = lets + kql[body[0].start : segment[0].start]
            return _word(kql, before, segment, error, refused)
    return None


def _pipelines(kql: str, words: list[Token]) -> Iterator[tuple[str, list[Token]]]:
    """The value of each `let` and the query itself, with the statements before."""
    lets = ""
    for run in lexer.split(words, ";"):
        if run:
            named = run[0].text == "let" and len(run) > 3 and run[2].text == "="
            yield lets, run[3:] if named else run
            lets = f"{kql[: run[-1].end]};\n"


def _segment(
    kql: str, lets: str, body: list[Token], refused: Callable[[str], bool]
) -> list[Token]:
    """The first operator that is refused, or one of a pipeline within it; or []."""
    segments = [run for run in lexer.split(body, "|") if run]
    if not segments or not refused(lets + lexer.span(kql, body)):
        return []

    def beginning(number: int) -> bool:
        return refused(lets + kql[body[0].start : segments[number][-1].end])

    number = bisect_left(range(len(segments) - 1), True, key=beginning)
    segment = segments[number]
    for inside in _within(segment):
        if deeper := _segment(kql, lets, inside, refused):
            return deeper
    return segment


def _within(segment: list[Token]) -> Iterator[list[Token]]:
    """The pipelines in an operator's brackets."""
    for index, word in enumerate(segment):
        if word.text == "(" and word.kind == "mark" and word.depth == segment[0].depth:
            inside = segment[index + 1 : lexer.closing(segment, index)]
            if len(list(lexer.split(inside, "|"))) > 1:
                yield inside


def _word(
    kql: str,
    before: str,
    segment: list[Token],
    error: QueryError,
    refused: Callable[[str], bool],
) -> Token:
    """The word in an operator: the only one of its kind, or that of the first part."""
    found = _spelled(segment, error)
    if len(found) > 1:
        for index, word in enumerate(segment):
            if word.text in ITEMS and word.depth == segment[0].depth:
                part = segment[:index]
                if refused(before + lexer.span(kql, part)):
                    within = _spelled(part, error)
                    return within[-1] if within else part[0]
    return found[-1 if len(found) > 1 else 0] if found else segment[0]


def _first(words: list[Token], error: QueryError) -> Token | None:
    return next(iter(_spelled(words, error)), None)


def _spelled(words: list[Token], error: QueryError) -> list[Token]:
    """The words that say what a refusal names, best those that give it no value."""
    wanted = {error.token.lower()} if error.token else error.spellings
    following = [*(word.text for word in words[1:]), ""]
    pairs = list(zip(words, following, strict=True))
    found = [pair for pair in pairs if _text(pair[0]) in wanted]
    read = [word for word, after in found if after != "="]
    return read or [word for word, _ in found]


def _text(word: Token) -> str:
    return word.text.lower() if word.kind != "string" else word.text.strip("\"'")
