"""Ask Log Analytics in KQL: named queries, their parameters, and what comes back.

A named query is a file in ops/queries/. Comment lines at its top say what it is and
what it takes:

    // title: Slow requests, the slowest first
    // param slower_than: timespan = 500ms -- only answers that took longer
    // gives TimeGenerated: datetime, DeploymentName: string, ResponseCode: int

What it gives is told where panels of dashboards are checked against it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops import literals, suggestions
from ops.errors import NotFound, OpsError, ServiceError, UsageError

if TYPE_CHECKING:
    from ops.clients import Workspace
    from ops.times import Span

FOLDER = Path(__file__).parent / "queries"
TITLE = re.compile(r"// title: (.+)")
PARAMETER = re.compile(r"// param (\w+): (\w+) = (.*?)(?: -- (.+))?")
GIVES = re.compile(r"// gives (.+)")
SECONDS = 180  # Log Analytics' own limit, unless a query asks for up to 600


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One value that a named query takes."""

    name: str
    kind: str  # as literals.literal has them
    default: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    type: str  # Kusto's: string, datetime, long, int, real, bool, dynamic, timespan


@dataclass(frozen=True, kw_only=True)
class Query:
    """KQL with a name, a title and parameters."""

    name: str
    title: str
    text: str
    parameters: tuple[Parameter, ...] = ()
    gives: tuple[Column, ...] = ()  # () where the header doesn't tell


@dataclass(frozen=True, kw_only=True)
class Result:
    """A table: datetimes are aware UTC, a dynamic value is JSON text."""

    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]
    partial: str = ""  # why rows are missing; "" when none are
    render: Mapping[str, Any] | None = None  # what `render` asked for

    def records(self) -> list[dict[str, Any]]:
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


class QueryRefused(OpsError):
    """The query itself is wrong; the place is marked below its line."""


def rows(
    workspace: "Workspace",
    text: str,
    *,
    span: "Span | None" = None,
    endpoint: str | None = None,
    seconds: int = SECONDS,
) -> Result:
    """Run KQL over the rows of one endpoint, or of the stage's whole log workspace.

    Raise QueryRefused where the text is wrong, ServiceError or Unreachable otherwise.
    """
    scope = f"{workspace.id}/onlineEndpoints/{endpoint}" if endpoint else ""
    between = (span.start, span.end) if span else None
    try:
        found = workspace.query_logs(text, scope=scope, span=between, seconds=seconds)
    except ServiceError as error:
        raise _explained(error, text) from None
    return result(found)


def run(
    workspace: "Workspace",
    name: str,
    values: Mapping[str, str] | None = None,
    *,
    span: "Span | None" = None,
    endpoint: str | None = None,
) -> Result:
    """Run a named query with some of its parameters set."""
    text = bind(named(name), values or {})
    return rows(workspace, text, span=span, endpoint=endpoint)


def result(found: Any) -> Result:
    """A Result of what azure.monitor.query returns."""
    error = getattr(found, "partial_error", None)
    tables = found.partial_data if error else found.tables
    table = tables[0]
    return Result(
        columns=tuple(
            Column(name=name, type=str(getattr(kind, "value", kind)))
            for name, kind in zip(table.columns, table.columns_types, strict=True)
        ),
        rows=[tuple(row) for row in table.rows],
        partial=_why_partial(error) if error else "",
        render=found.visualization or None,
    )


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.kql"))


def named(name: str) -> Query:
    """Read a named query; raise NotFound with the names there are."""
    if name not in names():
        raise NotFound(
            f"There is no query named {name!r}.",
            *suggestions.remedies(name, names(), "invoke query --list"),
        )
    return read(name, (FOLDER / f"{name}.kql").read_text(encoding="utf-8"))


def read(name: str, text: str) -> Query:
    """A query with what its comment header says."""
    lines = text.splitlines()
    header = [line for line in lines if line.startswith("//")]
    title = next((m[1] for line in header if (m := TITLE.fullmatch(line))), name)
    found = [m for line in header if (m := PARAMETER.fullmatch(line))]
    return Query(
        name=name,
        title=title,
        text="\n".join(line for line in lines if not line.startswith("//")).strip(),
        parameters=tuple(
            Parameter(name=m[1], kind=m[2], default=m[3], about=m[4] or "")
            for m in found
        ),
        gives=tuple(
            Column(name=column, type=kind)
            for line in header
            if (m := GIVES.fullmatch(line))
            for column, kind in re.findall(r"(\w+): (\w+)", m[1])
        ),
    )


def bind(query: Query, values: Mapping[str, str]) -> str:
    """The query's text behind one `let` for each parameter.

    Raise UsageError for a parameter it hasn't, or a value its type can't hold.
    """
    known = {each.name: each for each in query.parameters}
    for name in values:
        if name not in known:
            takes = ", ".join(known) or "none"
            raise UsageError(
                f"{query.name} has no parameter {name!r} (it takes: {takes}).",
                f"invoke query --name {query.name} --explain",
            )
    lets, text = [], query.text
    for name, each in known.items():
        value = _value(each, values.get(name, each.default))
        if each.kind == "count":  # not every engine lets a name stand in `take`
            text = re.sub(rf"\b{name}\b", value, text)
        else:
            lets.append(f"let {name} = {value};")
    return "\n".join([*lets, text])


def _value(parameter: Parameter, text: str) -> str:
    return literals.literal(parameter.kind, text, f"--param {parameter.name}")


def _explained(error: ServiceError, text: str) -> OpsError:
    """The refusal with its place marked, where the service names one."""
    inner = error.innermost
    if "line" not in inner:
        return _in_words(error)
    number, column = int(inner["line"]), int(inner.get("pos") or 0)
    lines = text.splitlines() or [""]
    shown = lines[min(max(number, 1), len(lines)) - 1]
    # A long line is cut around the place, so that the mark stays under it.
    start = max(0, column - 60)
    token = str(inner.get("token") or "")
    width = max(1, min(len(token.split("\n")[0]), 40, len(shown) - column))
    mark = " " * (column - start) + "^" * width
    return QueryRefused(
        f"{inner.get('message') or error.problem}\n"
        f"  {shown[start : start + 100].expandtabs(1)}\n  {mark}"
    )


def _in_words(error: ServiceError) -> ServiceError:
    """A refusal that has no place: what lies innermost says most."""
    message = str(error.innermost.get("message") or "")
    if not message or message in error.problem:
        return error
    return ServiceError(
        message,
        *error.remedies,
        code=error.service_code,
        http_status=error.http_status,
        innermost=error.innermost,
    )


def _why_partial(error: Any) -> str:
    """What lies innermost: which limit was passed, not that something went wrong."""
    found: dict[str, Any] = next(iter(error.details or ()), {})
    while isinstance(found.get("innererror"), dict):
        found = found["innererror"]
    return str(found.get("message") or error.message or error.code)
