"""A whole dashboard of an endpoint, read panel by panel."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from ops import endpoints, readings
from ops.boards import limits, reading, tables
from ops.boards.limits import Limit
from ops.boards.model import Dashboard, Panel
from ops.boards.tables import Failure, Table
from ops.clients import Workspace
from ops.errors import OpsError
from ops.hints import led
from ops.measures import Window


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A panel with its data."""

    panel: Panel
    limits: list[Limit]
    data: Table | Failure


@dataclass(frozen=True, kw_only=True)
class ShownRow:
    title: str
    panels: list[Shown]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a dashboard shows of an endpoint."""

    endpoint: str
    dashboard: str
    title: str
    about: str
    window: Window
    rows: list[ShownRow]
    notes: list[str] = field(default_factory=list)


def look(
    workspace: Workspace,
    endpoint: str,
    board: Dashboard,
    length: timedelta | None = None,
    deployments: Iterable[str] = (),
) -> Look:
    """The last so long; the dashboard's own range and deployments by default.

    Raise NotFound for an endpoint that is not there.
    """
    endpoints.get(workspace, endpoint)
    now = workspace.now()
    window = tables.window(now - (length or board.variables.range), now)
    chosen = tuple(deployments) or board.variables.deployments

    def shown(panel: Panel) -> Shown:
        data = reading.read(workspace, endpoint, panel, window, chosen)
        return Shown(panel=panel, limits=limits.of(panel, endpoint), data=data)

    return Look(
        endpoint=endpoint,
        dashboard=board.name,
        title=board.title,
        about=board.about,
        window=window,
        rows=[
            ShownRow(title=row.title, panels=[shown(panel) for panel in row.panels])
            for row in board.rows
        ],
        notes=unheard(workspace, endpoint),
    )


def unheard(workspace: Workspace, endpoint: str) -> list[str]:
    """Why panels of logs may be empty though there was traffic; [] for no reason."""
    try:
        flows = readings.REQUESTS in readings.flowing(workspace, endpoint)
    except OpsError as error:
        return [f"whether rows flow is not known: {readings.first_line(error)}"]
    if flows:
        return []
    on = led("invoke diagnostics.on")
    return [f"diagnostics are off, so no requests are logged: {on}"]
