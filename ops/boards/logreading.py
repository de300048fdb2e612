"""Panels whose rows are in Log Analytics: named queries, and error budgets."""

from ops import kql, literals, slo
from ops.boards import objectives
from ops.boards.sources import SOURCES
from ops.boards.tables import Asked, Table, table
from ops.times import Span


def logs(asked: Asked) -> Table:
    query = kql.named(asked.panel.query)
    known = {each.name for each in query.parameters}
    own = {
        "grain": f"{asked.window.grain.total_seconds():.0f}s",
        "deployments": ",".join(asked.deployments),
    }
    values = {name: value for name, value in own.items() if name in known}
    return _run(asked, kql.bind(query, {**asked.panel.params, **values}))


def budgets(asked: Asked) -> Table:
    """Over the time that each promise is about, up to the end of the window."""
    promised = slo.load(asked.endpoint)
    until = asked.window.until
    span = Span(start=until - promised.time_window, end=until)
    return _run(asked, objectives.budgets(promised), span)


def burn(asked: Asked) -> Table:
    promised = slo.load(asked.endpoint)
    grain = f"let grain = {literals.timespan(asked.window.grain)};\n"
    return _run(asked, grain + objectives.burn(promised))


def _run(asked: Asked, text: str, span: Span | None = None) -> Table:
    found = kql.rows(
        asked.workspace,
        text,
        span=span or asked.window.span,
        endpoint=asked.endpoint,
    )
    source = asked.panel.source
    given = SOURCES[source].columns if source in SOURCES else found.columns
    notes = [found.partial] if found.partial else []
    return table(asked, found.records(), given, notes)
