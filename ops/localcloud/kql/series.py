"""make-series: aggregates on a regular axis, with its gaps filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.localcloud.kql import lexer, ranges, scopes, shaping
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lexer import Token
from ops.localcloud.kql.tables import quoted

if TYPE_CHECKING:
    from ops.localcloud.kql.compiler import Compiler

KEYWORDS = ("on", "from", "to", "step", "by")


@dataclass(frozen=True, kw_only=True)
class Request:
    """The operator's parts as KQL text; start and end may be left to the data."""

    aggregates: list[str]
    defaults: list[str]
    axis: str
    axis_name: str
    start: str
    end: str
    step: str
    keys: str
    even_if_empty: bool


def make_series(compiler: Compiler, current: str, text: str, words: list[Token]) -> str:
    request = read(compiler, text, words)
    rows = compiler.stage(f"{current}\n| extend __kql_x = {request.axis}")
    kind = compiler.columns(rows)["__kql_x"]
    bounds = compiler.stage("print " + bounded(request, rows, kind))
    binned = compiler.stage_sql(
        f'SELECT r.*, {bin_sql(kind)} AS "__kql_t" FROM {quoted(rows)} r, '
        f"{quoted(bounds)} b WHERE r.__kql_x >= b.lo AND r.__kql_x < b.hi"
    )
    keys = f"{request.keys}, " if request.keys else ""
    groups = compiler.stage(
        f"{binned}\n| summarize {', '.join(request.aggregates)} by {keys}__kql_t"
    )
    return compiler.stage_sql(together(compiler, request, groups, bounds, kind))


def read(compiler: Compiler, text: str, words: list[Token]) -> Request:
    """Take the operator apart at its keywords."""
    even_if_empty = False
    if len(words) > 3 and words[0].text == "kind" and words[1].text == "=":
        even_if_empty, words = words[2].text == "nonempty", words[3:]
    parts: dict[str, list[Token]] = {"": []}
    keyword = ""
    for word in words:
        if word.depth == words[0].depth and word.text in KEYWORDS:
            keyword = word.text
            parts[keyword] = []
        elif word.depth == words[0].depth and word.text == "in":
            raise QueryError(
                "make-series ... in range() is deprecated; write from, to and step.",
                inner_code="LOCAL001",
                token="in",
            )
        else:
            parts[keyword].append(word)

    def kql(name: str) -> str:
        return scopes.rewritten(compiler, text, parts.get(name, []))

    aggregates, defaults = [], []
    for run in lexer.split(parts[""], ","):
        aggregates.append(
            scopes.rewritten(compiler, text, shaping.before(run, "default"))
        )
        default = shaping.after(run, "default")
        defaults.append(
            scopes.rewritten(compiler, text, default[1:]) if default else "0"
        )
    axis, name = axis_of(text, parts.get("on", []), kql("on"))
    return Request(
        aggregates=aggregates,
        defaults=defaults,
        axis=axis,
        axis_name=name,
        start=kql("from"),
        end=kql("to"),
        step=kql("step"),
        keys=kql("by"),
        even_if_empty=even_if_empty,
    )


def axis_of(text: str, words: list[Token], kql: str) -> tuple[str, str]:
    if len(words) > 2 and words[1].text == "=":
        return lexer.span(text, words[2:]), words[0].text
    return kql, kql if len(words) == 1 else "Column1"


def bounded(request: Request, rows: str, kind: str) -> str:
    """Start, end, step and the defaults, worked out once."""
    least = f"toscalar({rows} | summarize min(__kql_x))"
    start = request.start or f"bin({least}, {request.step})"
    tick = "1microsecond" if kind == "datetime" else "1"
    end = request.end or f"toscalar({rows} | summarize max(__kql_x)) + {tick}"
    defaults = [f"d{i} = {value}" for i, value in enumerate(request.defaults)]
    return ", ".join([f"lo = {start}, hi = {end}, st = {request.step}", *defaults])


def bin_sql(kind: str) -> str:
    if kind == "datetime":
        return (
            "make_timestamp(epoch_us(b.lo) + (epoch_us(r.__kql_x) - epoch_us(b.lo))"
            " // epoch_us(b.st) * epoch_us(b.st))"
        )
    return "b.lo + floor((r.__kql_x - b.lo) / CAST(b.st AS DOUBLE)) * b.st"


def axis_sql(bounds: str, kind: str) -> str:
    """Every point of the axis; more than a million is a mistake in the step."""
    if kind == "datetime":
        count = "(epoch_us(b.hi) - epoch_us(b.lo)) / CAST(epoch_us(b.st) AS DOUBLE)"
        point = "make_timestamp(epoch_us(b.lo) + i * epoch_us(b.st))"
    else:
        count = "(b.hi - b.lo) / CAST(b.st AS DOUBLE)"
        point = "b.lo + i * b.st"
    points = ranges.at_most(f"ceil({count})", ranges.MOST_POINTS, ranges.AXIS_TOO_LONG)
    return (
        f"SELECT {point} AS t FROM (SELECT b.*, unnest(range({points})) AS i"
        f" FROM {quoted(bounds)} b) b"
    )


def together(
    compiler: Compiler, request: Request, groups: str, bounds: str, kind: str
) -> str:
    """Each key with each point of the axis, as one row of lists a key."""
    columns = [c for c in compiler.columns(groups) if c != "__kql_t"]
    count = len(request.aggregates)
    keys, values = columns[: len(columns) - count], columns[len(columns) - count :]
    lists = [
        f"to_json(list(coalesce(g.{quoted(name)}, b.d{i}) ORDER BY x.t))"
        f" AS {quoted(name)}"
        for i, name in enumerate(values)
    ]
    point = "x.t"
    if kind == "datetime":
        point = "strftime(x.t, '%Y-%m-%dT%H:%M:%S.%f0Z')"
    axis = f"to_json(list({point} ORDER BY x.t)) AS {quoted(request.axis_name)}"
    names = ", ".join(f"k.{quoted(name)}" for name in keys)
    distinct = f"SELECT DISTINCT {', '.join(map(quoted, keys))} FROM {quoted(groups)}"
    once = f"SELECT 1 WHERE EXISTS (SELECT 1 FROM {quoted(groups)})"
    if request.even_if_empty:
        once = "SELECT 1"
    same = [f"g.{quoted(n)} IS NOT DISTINCT FROM k.{quoted(n)}" for n in keys]
    return (
        f"SELECT {', '.join([*([names] if names else []), *lists, axis])}"
        f" FROM ({distinct if keys else once}) k"
        f" CROSS JOIN ({axis_sql(bounds, kind)}) x CROSS JOIN {quoted(bounds)} b"
        f" LEFT JOIN {quoted(groups)} g ON {' AND '.join([*same, 'g.__kql_t = x.t'])}"
        + (f" GROUP BY {names}" if names else " HAVING count(*) > 0")
    )
