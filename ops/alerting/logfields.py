"""How the `log` condition of an alert rule is read: a query, a column, a threshold."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ops import fields, kql, literals
from ops.alerting.conditionfields import (
    AGGREGATES,
    LIMITS,
    spelled,
    threshold,
    worded,
    written,
)
from ops.alerting.rules import DIMENSIONS, Log
from ops.errors import UsageError
from ops.fields import Known, Mistake

# Azure refuses rules with these: alerts-log-query, "Log query constraints".
BARRED = re.compile(
    r"\b(bag_unpack|pivot|narrow)\s*\(|(?:^|[|;(])\s*(search)\b", re.MULTILINE
)
# And these from rules of one minute: alerts-create-log-alert-rule, limitations.
SLOW = re.compile(
    r"(?:^|[|;(])\s*(union|take|limit)\b|\b(ingestion_time|adx|arg)\s*\(",
    re.MULTILINE,
)
WRITTEN = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|//[^\n]*")
AGO = re.compile(r"\bago\s*\(([^)]*)\)")
LENGTH = re.compile(r"\s*\d+(?:\.\d+)?[a-z]+\s*")
NUMBERS = ("int", "long", "real", "decimal")
COLUMN = re.compile(r"[A-Za-z_]\w*")
NAME = re.compile(r"[\w-]+")


def log(data: Any, at: str, mistakes: list[Mistake]) -> Log | None:
    """What a log block means; None where it is wrong."""
    before = len(mistakes)
    values = fields.read(data, at, LOG, mistakes)
    if not isinstance(data, dict):
        return None
    operator, limit = threshold(
        data,
        values,
        at,
        mistakes,
        allowed="slo" if values.get("unit") == "ms" else "",
    )
    measure = values.get("measure", "")
    aggregate = values.get("aggregate", "Average" if "measure" in data else "Count")
    if aggregate == "Count" and measure:
        text = f"count counts rows: it takes no measure ({measure})"
        mistakes.append(Mistake(field=f"{at}.aggregate", text=text))
    if aggregate != "Count" and "measure" not in data:
        text = "needs a measure: the column to aggregate"
        mistakes.append(Mistake(field=f"{at}.aggregate", text=text))
    name, query = _query(values, at, mistakes) if "query" in values else ("", "")
    if name in kql.names() and measure:
        mistakes += _column_of(name, measure, f"{at}.measure")
    if "query" not in data:
        mistakes.append(Mistake(field=at, text="needs a query: a name, or KQL"))
    if len(mistakes) > before:
        return None
    return Log(
        query=query,
        name=name,
        measure=measure,
        aggregate=aggregate,
        operator=operator,
        threshold=limit,
        unit=values.get("unit", ""),
    )


def missing(by: Iterable[str], condition: Log) -> Iterator[Mistake]:
    """Columns of `by` that the query says it has not; what it gives it may not tell."""
    for column in by:
        if condition.name:
            yield from _column_of(condition.name, column, "by")


def hurried(query: str) -> Iterator[str]:
    """What Azure has run no more often than every five minutes."""
    code = WRITTEN.sub('""', query)
    for word in dict.fromkeys(m[1] or m[2] for m in SLOW.finditer(code)):
        yield f"Azure runs no query with {word} every minute: say every: 5m"


def columns(by: Iterable[str]) -> list[str]:
    """The columns that the words of `by` mean; raise ValueError for what is none."""
    found = [DIMENSIONS.get(word, word) for word in by]
    if bad := next((word for word in found if not COLUMN.fullmatch(word)), None):
        raise ValueError(f"{bad!r} is no name of a column")
    return found


def _column_of(name: str, column: str, at: str) -> Iterator[Mistake]:
    """What is wrong with a column, where the query's header tells what it gives."""
    gives = {each.name: each.type for each in kql.named(name).gives}
    if gives and column not in gives:
        near = difflib.get_close_matches(column, gives, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it gives {', '.join(gives)}"
        yield Mistake(field=at, text=f"{name} has no column {column!r} ({hint})")
    elif gives and at != "by" and gives[column] not in NUMBERS:
        text = f"{column} is {gives[column]}: only numbers are compared"
        yield Mistake(field=at, text=text)


def _query(
    values: Mapping[str, Any], at: str, mistakes: list[Mistake]
) -> tuple[str, str]:
    """The query's name, "" for one written in the file, and its KQL."""
    given = values["query"].strip()
    name = given if NAME.fullmatch(given) else ""
    if name and name not in kql.names():
        near = difflib.get_close_matches(name, kql.names(), n=1)
        hint = f"did you mean {near[0]}?" if near else "invoke query --list"
        text = f"no query in ops/queries is named {name!r} ({hint})"
        mistakes.append(Mistake(field=f"{at}.query", text=text))
        return name, ""
    query = kql.named(name) if name else kql.read("the rule's query", given)
    code = WRITTEN.sub('""', query.text)
    if barred := BARRED.search(code):
        text = f"Azure takes no alert rule with {barred[1] or barred[2]}"
        mistakes.append(Mistake(field=f"{at}.query", text=text))
    if any(not LENGTH.fullmatch(each) for each in AGO.findall(code)):
        text = "Azure's rules take nothing but a length of time in ago(), such as 5m"
        mistakes.append(Mistake(field=f"{at}.query", text=text))
    bound = _bound(query, values.get("params", {}), f"{at}.params", mistakes)
    return name, bound


def _bound(
    query: kql.Query, given: Mapping[str, str], at: str, mistakes: list[Mistake]
) -> str:
    """The query behind its parameters, each spelled by its type."""
    before = len(mistakes)
    known = {each.name: each for each in query.parameters}
    for name, text in given.items():
        if name not in known:
            takes = ", ".join(known) or "none"
            text = f"{query.name} has no such parameter (it takes: {takes})"
            mistakes.append(Mistake(field=f"{at}.{name}", text=text))
            continue
        try:
            literals.literal(known[name].kind, text, "the value")
        except UsageError as error:
            mistakes.append(Mistake(field=f"{at}.{name}", text=error.problem))
    return kql.bind(query, given) if len(mistakes) == before else ""


def _params(value: Any) -> dict[str, str]:
    """Texts, as --param takes them; a list is one with commas between."""
    if not isinstance(value, dict):
        raise ValueError("must map parameters to values, such as {slower_than: 500ms}")
    return {str(name): spelled(each) for name, each in value.items()}


def _column(value: Any) -> str:
    if not isinstance(value, str) or not COLUMN.fullmatch(value):
        raise ValueError("must be the name of one of the query's columns")
    return value


LOG: Known = {
    "query": ("query", written),
    "params": ("params", _params),
    "measure": ("measure", _column),
    "aggregate": ("aggregate", worded(AGGREGATES)),
    "unit": ("unit", written),
    **LIMITS,
}
