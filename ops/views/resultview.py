"""What a query answered: as a table, a chart, JSON or CSV."""

import csv
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ops.diagnostics import Setting
from ops.errors import UsageError
from ops.hints import led
from ops.kql import Query, Result
from ops.views import charts, render

if TYPE_CHECKING:
    from ops.patterns import Found

FORMATS = ("table", "chart", "json", "csv")
MOST_ROWS = 500  # of a table; nobody reads more
MOST_WIDTH = 300  # characters of a cell
LESS = "ask for less: a shorter --since, a where, a summarize"
NUMBERS = ("int", "long", "real", "decimal")


def output(name: str | None, json: bool) -> str | None:
    """The value of --output or --json; None leaves it to the query."""
    chosen = name or ("json" if json else None)
    if chosen not in (*FORMATS, None):
        raise UsageError(f"--output takes {', '.join(FORMATS)}, not {chosen!r}.")
    return chosen


def show(result: Result, form: str | None, title: str = "") -> None:
    """Print a result; without a form a chart where `render` asks for one."""
    match form or ("chart" if _asks_for_chart(result) else "table"):
        case "json":
            rows = [{k: _plain(v) for k, v in row.items()} for row in result.records()]
            render.line(json.dumps(rows, indent=2, default=str))
        case "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(column.name for column in result.columns)
            writer.writerows([_csv(v) for v in row] for row in result.rows)
        case "chart":
            render.line(chart(result, title))
        case _:
            _table(result)
    if result.partial:
        render.note(f"rows are missing: {render.clean(result.partial)}; {LESS}")


def listing(queries: list[Query]) -> None:
    table = render.grid(
        "query", "what it shows", "parameters", prose=["what it shows", "parameters"]
    )
    for each in queries:
        takes = ", ".join(f"{p.name}={p.default}" for p in each.parameters)
        table.add_row(f"[bold]{each.name}[/]", render.safe(each.title), takes)
    render.console().print(table)


def explain(query: Query) -> None:
    """The text as it is sent, and what its parameters are."""
    if query.title:
        render.line(f"{query.name}: {query.title}\n")
    render.line(render.clean(query.text))
    if query.parameters:
        table = render.grid("parameter", "type", "default", "")
        for each in query.parameters:
            default = each.default if each.default else '""'
            table.add_row(each.name, each.kind, default, render.safe(each.about))
        render.line("")
        render.console().print(table)


def diagnostics(settings: list[Setting]) -> None:
    """What flows where; or that nothing does."""
    if not settings:
        render.line(f"diagnostics are off: {led('invoke diagnostics.on')}")
        return
    table = render.grid("setting", "logs", "metrics", "to")
    for each in settings:
        to = each.log_workspace.split("/")[-1] or "something else than a log workspace"
        logs = ", ".join(each.logs) or "none"
        metrics = "all" if each.metrics else "none"
        table.add_row(render.safe(each.name), logs, metrics, render.safe(to))
    render.console().print(table)


def patterns(found: "list[Found]") -> None:
    """Templates with their counts by deployment; what is new stands first, marked."""
    if not found:
        render.note("no lines in this time")
        return
    names = sorted({name for each in found for name in each.counts})
    table = render.grid("new", *names, "before", "last", "pattern", prose=["pattern"])
    for column in table.columns[1 : len(names) + 2]:
        column.justify = "right"
    for each in found:
        colour = {"error": "red", "critical": "red", "warning": "yellow"}.get(
            each.level
        )
        pattern = render.safe(each.pattern[:500])
        table.add_row(
            f"[bold magenta]{each.new}[/]" if each.new else "",
            *(str(each.counts.get(name, "")) for name in names),
            str(each.before or ""),
            render.ago(each.last) if each.last else "",
            f"[{colour}]{pattern}[/]" if colour else pattern,
        )
    render.console().print(table)


def chart(result: Result, title: str) -> str:
    """Lines over the first datetime column, one for each text and each number.

    Raise UsageError for a result that has no time or no number.
    """
    times = [n for n, column in enumerate(result.columns) if column.type == "datetime"]
    values = [n for n, column in enumerate(result.columns) if column.type in NUMBERS]
    if not times or not values:
        raise UsageError("A chart needs a datetime column and a number column.")
    names = [n for n, column in enumerate(result.columns) if column.type == "string"]
    series: dict[str, list[tuple[datetime, float | None]]] = {}
    for row in result.rows:
        for value in values:
            label = [str(row[n]) for n in names]
            if len(values) > 1 or not label:
                label.append(result.columns[value].name)
            points = series.setdefault(render.clean(" ".join(label)), [])
            if isinstance(row[times[0]], datetime):
                points.append((row[times[0]], _number(row[value])))
    for points in series.values():
        points.sort(key=lambda point: point[0])
    unit = result.columns[values[0]].name if len(values) == 1 else ""
    return charts.line(title or unit, series, unit=unit)


def cell(value: Any) -> str:
    """A value as text that can't drive a terminal."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f}"[:23]
    if isinstance(value, float):
        return f"{value:.6g}"
    return render.clean(str(value))


def _table(result: Result) -> None:
    from rich.text import Text

    table = render.grid()
    for column in result.columns:
        justify: Any = "right" if column.type in NUMBERS else "left"
        table.add_column(render.safe(column.name), justify=justify, overflow="fold")
    for row in result.rows[:MOST_ROWS]:
        table.add_row(*(Text(cell(value)[:MOST_WIDTH]) for value in row))
    render.console().print(table)
    left = len(result.rows) - MOST_ROWS
    if left > 0:
        render.note(f"{left:,} more rows: --output csv or json has all")
    if not result.rows:
        render.note("no rows")


def _asks_for_chart(result: Result) -> bool:
    asked = (result.render or {}).get("visualization")
    return asked in ("timechart", "linechart", "areachart") and bool(result.rows)


def _csv(value: Any) -> str:
    """As cell(), but times and numbers whole."""
    if isinstance(value, float):
        return repr(value)
    return str(_plain(value)) if isinstance(value, datetime) else cell(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
