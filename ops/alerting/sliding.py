"""A rule's query turned into one that answers for many evaluations at once.

Each row is given to every evaluation whose window it lies in, and everything after is
done by evaluation:

    T | summarize n = count() by D      becomes
    T | mv-expand ... | extend AmlAt = ... | summarize n = count() by D, AmlAt

What can't be turned so, a join or a `take`, is said; such a query is asked once for
each evaluation.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

AT, STEP, VALUE, ROWS = "AmlAt", "AmlStep", "AmlValue", "AmlRows"
ROWWISE = ("where", "extend", "parse", "parse-where", "mv-expand", "mv-apply")
KEEPING = ("project-away", "project-rename")  # every column they don't name is kept
DROPPED = ("sort", "order", "render")  # the order of rows that are then aggregated
NOW = re.compile(r"\bnow\s*\(\s*\)")
AGO = re.compile(r"\bago\s*\(")
BY = re.compile(r"\bby\b")
# What looks at other rows than those of one evaluation, inside any operator.
ACROSS = re.compile(
    r"\b(prev|next|row_number|row_cumsum|row_rank_\w+|toscalar|materialize|"
    r"ingestion_time)\s*\("
)
OPENING, CLOSING = "([{", ")]}"
FUNCTIONS = {"Average": "avg", "Minimum": "min", "Maximum": "max", "Total": "sum"}
MOST_STEPS = 1500  # evaluations that one row is given to


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How a rule looks at a query."""

    query: str
    measure: str  # "" counts rows
    aggregate: str
    dimensions: tuple[str, ...]
    window: timedelta
    every: timedelta


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A query in its parts."""

    lets: list[str]
    table: str
    operators: list[str]

    def joined(self, *operators: str) -> str:
        pipeline = "\n| ".join([self.table, *operators])
        return "\n".join([*(f"{let};" for let in self.lets), pipeline])


class CannotSlide(Exception):
    """Why a query can't answer for many evaluations at once."""


def slid(rule: Measured, start: datetime, end: datetime) -> str:
    """The query for all evaluations after `start` and up to `end`.

    Its rows are AmlAt, the dimensions and AmlValue. Raise CannotSlide.
    """
    steps = math.ceil(rule.window / rule.every)
    if steps > MOST_STEPS:
        raise CannotSlide(f"every row lies in {steps} windows")
    parts = _parts(rule.query)
    before = list(takewhile(_before, parts.operators))
    expanding = [
        f"mv-expand {STEP} = dynamic([{','.join(map(str, range(1, steps + 1)))}]) "
        "to typeof(long)",
        f"extend {AT} = bin(TimeGenerated, {kql(rule.every)}) + "
        f"{kql(rule.every)} * {STEP}",
        f"where {AT} <= TimeGenerated + {kql(rule.window)} and {AT} > {kql(start)} "
        f"and {AT} <= {kql(end)}",
    ]
    return parts.joined(
        f"where TimeGenerated >= {kql(start + rule.every - rule.window)} "
        f"and TimeGenerated < {kql(end)}",
        *before,
        *expanding,
        *(
            each
            for text in parts.operators[len(before) :]
            for each in _by_evaluation(text)
        ),
        *measured(rule, AT),
    )


def measured(rule: Measured, *more: str) -> list[str]:
    """The rule's own aggregation, as Azure does it behind the query."""
    by = ", ".join([*more, *map(_spelled, rule.dimensions)])
    grouped = f" by {by}" if by else ""
    if not rule.measure or rule.aggregate == "Count":
        return [f"summarize {VALUE} = count(){grouped}"]
    return [
        f"extend {VALUE} = todouble({_spelled(rule.measure)})",
        f"where isnotnull({VALUE}) and not(isnan({VALUE}))",
        f"summarize {VALUE} = {FUNCTIONS[rule.aggregate]}({VALUE}){grouped}",
    ]


def at_once(rule: Measured, at: datetime) -> str:
    """The query as one evaluation asks it, the present being that of then."""
    text = _timed(rule.query.rstrip().rstrip(";"), kql(at))
    return "\n| ".join([text, *measured(rule)])


def without_rows(rule: Measured) -> str:
    """The same of no rows at all: what a window without any is measured as."""
    parts = _parts(rule.query)
    return parts.joined("where false", *parts.operators, *measured(rule))


def tables(query: str) -> set[str]:
    """The log tables that a query names."""
    return set(
        re.findall(r"\b(?:AmlOnlineEndpoint\w+|App[A-Z]\w+|AzureMetrics)", query)
    )


def kql(value: timedelta | datetime) -> str:
    if isinstance(value, datetime):
        return f"datetime({value.isoformat()})"
    seconds = value.total_seconds()
    return f"{seconds / 60:.0f}m" if seconds % 60 == 0 else f"{seconds:.0f}s"


def _parts(query: str) -> Parts:
    statements = [text.strip() for text in _split(_uncommented(query), ";")]
    *lets, last = [text for text in statements if text]
    table, *operators = [text.strip() for text in _split(last, "|")]
    if not re.fullmatch(r"\w+", table):
        raise CannotSlide(f"it begins with {table.split()[0]}, which is no table")
    for let in lets:
        if not let.startswith("let ") or NOW.search(let) or AGO.search(let):
            raise CannotSlide("a let of it depends on the time")
        if tables(let) or re.match(rf"let {table}\b", let):
            raise CannotSlide("a let of it reads a table")
    if any(tables(text) for text in operators):
        raise CannotSlide("it reads a second table")
    if found := ACROSS.search(last):
        raise CannotSlide(f"it calls {found[1]}")
    return Parts(lets=lets, table=table, operators=operators)


def _before(operator: str) -> bool:
    """Whether an operator is the same for every evaluation."""
    timed = NOW.search(operator) or AGO.search(operator)
    return operator.split()[0] in ("where", "extend", "parse") and not timed


def _by_evaluation(operator: str) -> Iterator[str]:
    """An operator that is done for each evaluation by itself."""
    text = _timed(operator, AT)
    word, _, rest = text.partition(" ")
    if word in ROWWISE or word in KEEPING:
        yield text
    elif word == "summarize":
        by = [m.end() for m in BY.finditer(rest) if _depth(rest[: m.start()]) == 0]
        yield f"summarize {rest.rstrip()}{',' if by else ' by'} {AT}"
    elif word in ("project", "distinct", "project-keep"):
        yield f"{word} {AT}, {rest.strip()}"
    elif text.strip() == "count":
        yield f"summarize Count = count() by {AT}"
    elif word not in DROPPED:
        raise CannotSlide(f"it has a {word}")


def _timed(text: str, at: str) -> str:
    """With a time for now() and ago(), wherever they stand."""
    text = NOW.sub(at, text)
    while found := AGO.search(text):
        end = next(
            i
            for i in range(found.end(), len(text) + 1)
            if _depth(text[found.start() : i]) == 0
        )
        inner = text[found.end() : end - 1]
        text = f"{text[: found.start()]}({at} - ({inner})){text[end:]}"
    return text


def _split(text: str, mark: str) -> list[str]:
    """The parts between marks that stand in no bracket and no string."""
    parts, begun = [], 0
    for i, inside in enumerate(_inside(text)):
        if text[i] == mark and not inside:
            parts.append(text[begun:i])
            begun = i + 1
    return [*parts, text[begun:]]


def _depth(text: str) -> int:
    found = list(_inside(text + " "))
    return found[-1]


def _inside(text: str) -> Iterator[int]:
    """For each character how many brackets it lies in; in a string, one more."""
    depth, quote, verbatim, skip = 0, "", False, False
    for i, character in enumerate(text):
        if skip:
            skip = False
        elif quote:
            skip = character == "\\" and not verbatim
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote, verbatim = character, text[max(0, i - 1) : i] == "@"
        elif character in CLOSING:
            depth -= 1
        yield depth + bool(quote)
        if not quote and character in OPENING:
            depth += 1


def _uncommented(query: str) -> str:
    lines = (line for line in query.splitlines() if not line.lstrip().startswith("//"))
    return "\n".join(lines)


def _spelled(column: str) -> str:
    return column if column.isidentifier() else f"['{column}']"
