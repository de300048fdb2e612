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

from ops.alerting.kqltext import depth_after, is_timed, split, timed, uncommented
from ops.times import Span

AT, STEP, VALUE, ROWS = "AmlAt", "AmlStep", "AmlValue", "AmlRows"
ROWWISE = ("where", "extend", "parse", "parse-where", "mv-expand", "mv-apply")
KEEPING = ("project-away", "project-rename")  # every column they don't name is kept
DROPPED = ("sort", "order", "render")  # the order of rows that are then aggregated
BY = re.compile(r"\bby\b")
LET = re.compile(r"let (\w+)\s*=(?!\s*\()")
JOINING = r"(?:join|lookup)(?:\s+kind\s*=\s*\w+)?"
JOIN = re.compile(r"(join|lookup)\s+(?:kind\s*=\s*(\w+)\s*)?\(")
KINDS = ("inner", "innerunique", "leftouter", "leftanti", "leftsemi")
# What looks at other rows than those of one evaluation, inside any operator.
ACROSS = re.compile(
    r"\b(prev|next|row_number|row_cumsum|row_rank_\w+|toscalar|materialize|"
    r"ingestion_time)\s*\("
)
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


def slid(rule: Measured) -> str:
    """The query for all evaluations of a stretch of time; raise CannotSlide.

    Its rows are AmlAt, the dimensions and AmlValue. It must be asked over whole
    windows: evaluations at the edges, whose windows are cut, are told wrongly. The
    text is the same for every stretch, so that it is understood only once.
    """
    parts = _parts(rule.query)
    return parts.joined(*_pipeline(parts, rule), *measured(rule, AT))


def asked(rule: Measured, start: datetime, end: datetime) -> Span:
    """The rows that evaluations after `start` and up to `end` look at."""
    return Span(start=start + rule.every - rule.window, end=end)


def _pipeline(parts: Parts, rule: Measured) -> Iterator[str]:
    """The operators behind a table, with each row given to its evaluations."""
    steps = math.ceil(rule.window / rule.every)
    if steps > MOST_STEPS:
        raise CannotSlide(f"every row lies in {steps} windows")
    every, before = kql(rule.every), list(takewhile(_before, parts.operators))
    yield from before
    numbers = ",".join(map(str, range(1, steps + 1)))
    yield f"mv-expand {STEP} = dynamic([{numbers}]) to typeof(long)"
    yield f"extend {AT} = bin(TimeGenerated, {every}) + {every} * {STEP}"
    yield f"where {AT} <= TimeGenerated + {kql(rule.window)}"
    for text in parts.operators[len(before) :]:
        if joined := JOIN.match(text):
            yield _joined(joined, text, rule)
        else:
            yield from _by_evaluation(text)


def _joined(found: re.Match[str], text: str, rule: Measured) -> str:
    """A join with what another table held at the same evaluation."""
    inner, _, keys = text[found.end() :].rpartition(")")
    if found[2] and found[2] not in KINDS:
        raise CannotSlide(f"it has a {found[2]} join")
    if not keys.strip().startswith("on ") or depth_after(inner):
        raise CannotSlide("it has a join that is not understood")
    parts = _parts(inner)
    other = parts.joined(*_pipeline(parts, rule))
    return f"{text[: found.end()]}{other}\n) {keys.strip()}, {AT}"


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
    text = timed(rule.query.rstrip().rstrip(";"), kql(at))
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
    statements = [text.strip() for text in split(uncommented(query), ";")]
    *lets, last = _inlined([text for text in statements if text])
    if any(map(is_timed, lets)):
        raise CannotSlide("a let of it depends on the time")
    table, *operators = _pipes(last)
    if not re.fullmatch(r"\w+", table):
        raise CannotSlide(f"it begins with {table.split()[0]}, which is no table")
    if any(tables(text) and not JOIN.match(text) for text in operators):
        raise CannotSlide("it reads a second table")
    if found := ACROSS.search(last):
        raise CannotSlide(f"it calls {found[1]}")
    return Parts(lets=lets, table=table, operators=operators)


def _inlined(statements: list[str]) -> list[str]:
    """With what a let reads from a table where the let is named."""
    kept: list[str] = []
    for number, text in enumerate(statements):
        let = LET.match(text)
        if not let or not tables(text):
            kept.append(text)
            continue
        body = f"({text[let.end() :].strip()})"
        for later in range(number + 1, len(statements)):
            statements[later] = _with(statements[later], let[1], body)
    return kept


def _with(text: str, name: str, body: str) -> str:
    """With a table for its name, which must stand nowhere but where a table does."""
    named = re.compile(rf"(^(?:let \w+\s*=\s*)?|\b(?:{JOINING})\s+){name}\b")
    if len(named.findall(text)) != len(re.findall(rf"\b{name}\b", text)):
        raise CannotSlide(f"it names {name} where no table stands")
    return named.sub(lambda found: found[1] + body, text)


def _pipes(text: str) -> list[str]:
    """A table and the operators behind it; one in brackets is what is in them."""
    first, *others = [each.strip() for each in split(text, "|")]
    if first.startswith("(") and first.endswith(")"):
        return [*_pipes(first[1:-1]), *others]
    return [first, *others]


def _before(operator: str) -> bool:
    """Whether an operator is the same for every evaluation."""
    return operator.split()[0] in ("where", "extend", "parse") and not is_timed(
        operator
    )


def _by_evaluation(operator: str) -> Iterator[str]:
    """An operator that is done for each evaluation by itself."""
    text = timed(operator, AT)
    word, *_ = text.split(maxsplit=1)
    rest = text[len(word) :]
    if word in ROWWISE or word in KEEPING:
        yield text
    elif word == "summarize":
        by = [m.end() for m in BY.finditer(rest) if not depth_after(rest[: m.start()])]
        yield f"summarize{rest.rstrip()}{',' if by else ' by'} {AT}"
    elif word in ("project", "distinct", "project-keep"):
        yield f"{word} {AT}, {rest.strip()}"
    elif text.strip() == "count":
        yield f"summarize Count = count() by {AT}"
    elif word not in DROPPED:
        raise CannotSlide(f"it has a {word}")


def _spelled(column: str) -> str:
    return column if column.isidentifier() else f"['{column}']"
