"""Functions that a query defines: which argument is for which parameter.

duckdb-kql binds by place alone, and takes a parameter for a `let` of the same name.
So calls are written out in the order of the parameters, and parameters of functions
that return a value get names that nothing outside has.
"""

from __future__ import annotations

from dataclasses import dataclass

from ops.localcloud.kql import lexer
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lexer import Token

Parameters = tuple[tuple[str, str | None], ...]  # name and default


@dataclass(frozen=True)
class Scalar:
    """A let function that returns a value."""

    name: str
    parameters: Parameters


def parameters(text: str, words: list[Token]) -> Parameters:
    """What stands between the brackets of `(name:type = default, ...)`."""
    return tuple(_parameter(text, run) for run in lexer.split(words, ",") if run)


def ordered(
    name: str, taken: Parameters, arguments: list[tuple[str, str]]
) -> list[str]:
    """The value of each parameter, of arguments that may be named; or QueryError."""
    names = [parameter for parameter, _ in taken]
    values: dict[str, str] = {}
    for place, (named, value) in enumerate(arguments):
        if not named and place >= len(names):
            raise wrong_number(name, taken)
        parameter = named or names[place]
        if parameter not in names or parameter in values:
            what = "is given twice" if parameter in values else "is not a parameter"
            raise QueryError(
                f"{name}(): '{parameter}' {what}; it takes {', '.join(names)}.",
                inner_code="SEM0219",
                token=name,
            )
        values[parameter] = value
    for parameter, default in taken:
        if parameter not in values and default is None:
            raise wrong_number(name, taken)
        values.setdefault(parameter, default or "")
    return [values[parameter] for parameter in names]


def split_name(words: list[Token]) -> tuple[str, list[Token]]:
    """`name = value` as its name and the words of its value; "" for a value alone."""
    if len(words) > 2 and words[0].kind == "name" and words[1].text == "=":
        return words[0].text, words[2:]
    return "", words


def hidden(text: str, words: list[Token], end: int, number: int) -> str:
    """A function of a value with its parameters under names of their own.

    `words[:end + 1]` is the list of parameters, the rest its body.
    """
    own = {run[0].text for run in lexer.split(words[1:end], ",") if run}
    found: list[str] = []
    position = words[0].start
    for index, word in enumerate(words):
        before = words[index - 1].text if index else ""
        found.append(text[position : word.start])
        theirs = word.kind == "name" and word.text in own and before != "."
        found.append(f"__{number}_{word.text}" if theirs else word.text)
        position = word.end
    return "".join(found)


def wrong_number(name: str, taken: Parameters) -> QueryError:
    return QueryError(
        f"{name}(): function expects {len(taken)} argument(s).",
        inner_code="SEM0219",
        token=name,
    )


def _parameter(text: str, words: list[Token]) -> tuple[str, str | None]:
    """Name and default of `name:type = default`."""
    for index, word in enumerate(words):
        if word.text == "=" and word.depth == words[0].depth:
            return words[0].text, lexer.span(text, words[index + 1 :])
    return words[0].text, None
