"""Statements and pipelines: lets, functions, and what each of their parts becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ops.localcloud.kql import arrivals, lexer, operators, signatures
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lexer import Token
from ops.localcloud.kql.tables import quoted

if TYPE_CHECKING:
    from ops.localcloud.kql.compiler import Compiler

SOURCES = {"union", "datatable", "range", "print", "search", "find", "materialize"}
HYPHENATED = {"project", "mv", "make", "top", "parse", "graph", "sample", "macro"}
MOST_CALLS = 50


@dataclass(frozen=True)
class Function:
    """A let function that returns a table: expanded where it is called."""

    name: str
    parameters: signatures.Parameters
    body: str


def declare(compiler: Compiler, text: str, words: list[Token]) -> None:
    """Take in one statement before the query itself."""
    first = words[0].text
    if first != "let" or len(words) < 4 or words[2].text != "=":
        compiler.prelude.append(lexer.span(text, words))
        return
    name, value = words[1].text, words[3:]
    if value[0].text == "view":
        value = value[1:]
    function = tabular_function(compiler, text, name, value)
    if function is not None:
        compiler.functions[name] = function
        return
    tabular = is_tabular(compiler, value)
    end = function_end(value)
    if end:
        taken = signatures.parameters(text, value[1:end])
        number = len(compiler.scalars)
        text = signatures.hidden(text, value, end, number)
        value = lexer.tokens(text)
        compiler.scalars[name] = signatures.Scalar(name, taken)
    body = pipeline(compiler, text, value)
    compiler.prelude.append(f"let {name} = {body}")
    if tabular:
        compiler.lets.add(name)


def tabular_function(
    compiler: Compiler, text: str, name: str, words: list[Token]
) -> Function | None:
    """The function that `(parameters) { body }` declares, if it returns a table."""
    end = function_end(words)
    if not end:
        return None
    inside = words[end + 2 : -1]
    if not inside:
        return None
    parameters = signatures.parameters(text, words[1:end])
    *_, last = [run for run in lexer.split(inside, ";") if run]
    takes_table = any(":(" in span for span in [lexer.span(text, words[1:end])])
    if not takes_table and not is_tabular(compiler, last):
        return None
    return Function(name, parameters, lexer.span(text, inside))


def function_end(words: list[Token]) -> int:
    """Where the parameters of `(parameters) { body }` end; 0 for anything else."""
    if words[0].text != "(":
        return 0
    end = lexer.closing(words, 0)
    function = end + 1 < len(words) and words[end + 1].text == "{"
    return end if function else 0


def is_tabular(compiler: Compiler, words: list[Token]) -> bool:
    if len(list(lexer.split(words, "|"))) > 1:
        return True
    first = words[0].text
    return (
        first in SOURCES
        or first in compiler.tables
        or first in compiler.lets
        or first in compiler.functions
    )


def pipeline(compiler: Compiler, text: str, words: list[Token]) -> str:
    """A pipeline as KQL that duckdb-kql knows, over the stages that had to be cut."""
    source, *rest = lexer.split(words, "|")
    if not source:
        raise lexer.unparsed(text, words[0].start if words else 0)
    current = operators.source(compiler, text, source)
    arrival = arrivals.asked(compiler, source, rest)
    current = arrival.sourced(current)
    for segment in rest:
        keyword, after = keyword_of(segment)
        current = arrival.before(current, segment)
        handler = operators.HANDLERS.get(keyword)
        if handler is None:
            body = rewritten(compiler, text, segment)
            current = f"{current}\n| {arrival.projected(keyword, body)}"
        else:
            current = handler(compiler, current, text, after)
        current = arrival.after(current, keyword, segment)
    return current


def keyword_of(words: list[Token]) -> tuple[str, list[Token]]:
    """An operator's name, hyphens included, and the words after it."""
    if not words:
        return "", []
    count = 1
    while (
        words[0].text in HYPHENATED
        and count + 1 < len(words)
        and words[count].text == "-"
        and words[count].start == words[count - 1].end
    ):
        count += 2
    return "".join(word.text for word in words[:count]), words[count:]


def rewritten(compiler: Compiler, text: str, words: list[Token]) -> str:
    """The same text with nested pipelines and calls of table functions replaced."""
    found: list[str] = []
    position = words[0].start if words else 0
    index = 0
    while index < len(words):
        word = words[index]
        found.append(text[position : word.start])
        end = index
        calls = index + 1 < len(words) and words[index + 1].text == "("
        if calls and word.text in compiler.functions:
            end = lexer.closing(words, index + 1)
            found.append(called(compiler, text, words[index : end + 1]))
        elif calls and word.text in compiler.scalars:
            end = lexer.closing(words, index + 1)
            found.append(computed(compiler, text, words[index : end + 1]))
        elif calls and word.text == arrivals.FUNCTION:
            end = lexer.closing(words, index + 1)
            found.append(arrivals.called(words[index : end + 1]))
        elif calls and word.text == "extract":
            end = lexer.closing(words, index + 1)
            found.append(extracted(compiler, text, words[index : end + 1]))
        elif word.text in lexer.OPENING and word.kind == "mark":
            end = lexer.closing(words, index)
            found.append(bracketed(compiler, text, words[index : end + 1]))
        elif word.text == "$table":
            found.append("['$table']")
        else:
            found.append(word.text)
        position = words[end].end
        index = end + 1
    return "".join(found)


def bracketed(compiler: Compiler, text: str, words: list[Token]) -> str:
    """A bracket and what is in it; a pipeline in parentheses is compiled as one."""
    inside = words[1:-1]
    if not inside:
        return words[0].text + words[-1].text
    runs = list(lexer.split(inside, "|"))
    is_pipeline = len(runs) > 1 or keyword_of(inside)[0] == "search"
    if words[0].text == "(" and is_pipeline:
        body = pipeline(compiler, text, inside)
    else:
        body = rewritten(compiler, text, inside)
    return words[0].text + body + words[-1].text


CONVERSIONS = {
    "int": "toint",
    "long": "tolong",
    "real": "todouble",
    "double": "todouble",
    "string": "tostring",
    "datetime": "todatetime",
    "timespan": "totimespan",
    "bool": "tobool",
    "guid": "toguid",
    "dynamic": "todynamic",
}


def extracted(compiler: Compiler, text: str, words: list[Token]) -> str:
    """extract(..., typeof(long)) as tolong(extract(...))."""
    arguments = list(lexer.split(words[2:-1], ","))
    if len(arguments) == 4 and arguments[3] and arguments[3][0].text == "typeof":
        wanted = CONVERSIONS.get(arguments[3][2].text, "tostring")
        inner = ", ".join(rewritten(compiler, text, run) for run in arguments[:3])
        return f"{wanted}(extract({inner}))"
    return words[0].text + bracketed(compiler, text, words[1:])


def computed(compiler: Compiler, text: str, words: list[Token]) -> str:
    """A call of a function of a value, its arguments in the order of the parameters."""
    function = compiler.scalars[words[0].text]
    given = given_arguments(compiler, text, words)
    values = signatures.ordered(function.name, function.parameters, given)
    return f"{function.name}({', '.join(values)})"


def given_arguments(
    compiler: Compiler, text: str, words: list[Token]
) -> list[tuple[str, str]]:
    """The name, if there is one, and the value of each argument of a call."""
    found = []
    for run in lexer.split(words[2:-1], ","):
        if run:
            name, value = signatures.split_name(run)
            found.append((name, rewritten(compiler, text, value)))
    return found


def called(compiler: Compiler, text: str, words: list[Token]) -> str:
    """A call of a table function as the stage that holds its rows."""
    function = compiler.functions[words[0].text]
    given = given_arguments(compiler, text, words)
    arguments = signatures.ordered(function.name, function.parameters, given)
    key = f"{function.name}({', '.join(arguments)})"
    if key not in compiler.calls:
        compiler.calls[key] = expanded(compiler, function, arguments)
    return compiler.calls[key]


def expanded(compiler: Compiler, function: Function, arguments: list[str]) -> str:
    if compiler.depth >= MOST_CALLS:
        raise QueryError(
            f"'{function.name}' calls itself, or too many functions deep.",
            inner_code="SEM0108",
            token=function.name,
        )
    body = substituted(compiler, function, arguments)
    body = renamed(body, len(compiler.calls) + compiler.depth)
    words = lexer.tokens(body)
    *before, last = [run for run in lexer.split(words, ";") if run]
    outer = (list(compiler.prelude), dict(compiler.functions), set(compiler.lets))
    scalars = dict(compiler.scalars)
    compiler.depth += 1
    for run in before:
        declare(compiler, body, run)
    name = compiler.stage(pipeline(compiler, body, last))
    compiler.depth -= 1
    compiler.prelude, compiler.functions, compiler.lets = outer
    compiler.scalars = scalars
    return name


def substituted(compiler: Compiler, function: Function, arguments: list[str]) -> str:
    """The body with each parameter replaced by its argument.

    A column of the same name wins over a parameter, as it does in Kusto.
    """
    names = [name for name, _ in function.parameters]
    values = dict(zip(names, arguments, strict=True))
    words = lexer.tokens(function.body)
    read = {word.text for word in words} & set(compiler.tables)
    columns = {column for table in read for column in compiler.tables[table]}
    found: list[str] = []
    position = 0
    for index, word in enumerate(words):
        following = words[index + 1].text if index + 1 < len(words) else ""
        before = words[index - 1].text if index else ""
        found.append(function.body[position : word.start])
        if (
            word.kind == "name"
            and word.text in values
            and word.text not in columns
            and following != "="
            and before != "."
        ):
            found.append(argument(values[word.text]))
        else:
            found.append(word.text)
        position = word.end
    return "".join(found)


def renamed(body: str, number: int) -> str:
    """The body with lets of its own under names that nothing outside has."""
    words = lexer.tokens(body)
    own = {b.text for a, b in pairwise(words) if a.text == "let"}
    found: list[str] = []
    position = 0
    for index, word in enumerate(words):
        following = words[index + 1].text if index + 1 < len(words) else ""
        before = words[index - 1].text if index else ""
        found.append(body[position : word.start])
        assigned = following == "=" and before != "let"
        if word.text in own and before != "." and not assigned:
            found.append(f"__{number}_{word.text}")
        else:
            found.append(word.text)
        position = word.end
    return "".join(found)


def argument(value: str) -> str:
    return value if re.fullmatch(r"\w+|\([^()]*\)", value) else f"({value})"


def filled(compiler: Compiler, name: str) -> str:
    """A stage in which produced nulls of string columns are '', as in Kusto."""
    texts = [
        column for column, kind in compiler.columns(name).items() if kind == "string"
    ]
    if not texts:
        return name
    replaced = ", ".join(
        f"coalesce({quoted(column)}, '') AS {quoted(column)}" for column in texts
    )
    return compiler.stage_sql(f"SELECT * REPLACE ({replaced}) FROM {quoted(name)}")
