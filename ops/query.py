"""Any KQL against the endpoint's rows, or a query by its name."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ops import kql, times
from ops.clients import Workspace
from ops.errors import UsageError
from ops.kql import Query, Result
from ops.settings import shown
from ops.times import Span

MOST_CHARACTERS = 100_000


def chosen(text: str | None, file: str | None, name: str | None) -> Query:
    """The one query that was typed, or lies in a file, or has a name."""
    given = [each for each in (text, file, name) if each]
    if len(given) != 1:
        raise UsageError(
            "Say one of: a query in quotes, --file PATH, --name NAME.",
            "invoke query --list",
        )
    if name:
        return kql.named(name)
    if file:
        return kql.read(shown(Path(file)), _contents(Path(file)))
    return Query(name="the query", title="", text=(text or "").strip())


def listing() -> list[Query]:
    """Every named query."""
    return [kql.named(name) for name in kql.names()]


def bound(query: Query, parameters: Sequence[str]) -> Query:
    """The query with `name=value` pairs bound, as it will be sent."""
    values: dict[str, str] = {}
    for pair in parameters:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--param takes name=value, not {pair!r}.")
        if name in values:
            raise UsageError(f"--param {name} is given twice.")
        values[name] = value
    text = kql.bind(query, values)
    return Query(
        name=query.name, title=query.title, text=text, parameters=query.parameters
    )


def run(workspace: Workspace, query: Query, span: Span, endpoint: str | None) -> Result:
    """Run a bound query over an endpoint's rows, or with None the whole workspace's."""
    return kql.rows(workspace, query.text, span=span, endpoint=endpoint)


def _contents(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8"
        raise UsageError(f"{shown(path)} can't be read: {reason}.") from None
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"{shown(path)} is longer than any query may be.")
    return text


def span(since: str | None, from_: str | None, to: str | None, now: datetime) -> Span:
    """What --since, --from and --to mean now."""
    return times.span(since, from_, to, now=now)
