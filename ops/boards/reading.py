"""The data of a panel, through the toolkit's own clients, as plain rows.

However long the time, a line has few points and a table few rows; and what can't be
read for one panel is that panel's failure alone.
"""

from collections.abc import Callable, Iterable, Mapping

from ops.boards import (
    driftreading,
    factreading,
    logreading,
    metricreading,
    rolloutreading,
)
from ops.boards.model import Panel
from ops.boards.tables import Asked, Failure, Table
from ops.clients import Workspace
from ops.errors import OpsError
from ops.measures import Window

READERS: Mapping[str, Callable[[Asked], Table]] = {
    "logs": logreading.logs,
    "budgets": logreading.budgets,
    "burn": logreading.burn,
    "metrics": metricreading.metrics,
    "endpoint": factreading.endpoint,
    "activity": factreading.activity,
    "alerts": factreading.alerts,
    "journal": factreading.journal,
    "decisions": rolloutreading.decisions,
    "verdicts": rolloutreading.verdicts,
    "drift": driftreading.drift,
    "days": driftreading.days,
    "cells": driftreading.cells,
}


def read(
    workspace: Workspace,
    endpoint: str,
    panel: Panel,
    window: Window,
    deployments: Iterable[str] = (),
) -> Table | Failure:
    """A panel's rows in a time, which tables.window() makes; a text has none."""
    if panel.source == "text":
        return Table(columns=(), rows=[], window=window)
    asked = Asked(
        workspace=workspace,
        endpoint=endpoint,
        panel=panel,
        window=window,
        deployments=tuple(deployments),
    )
    try:
        return READERS[panel.source](asked)
    except OpsError as error:
        return Failure(problem=error.problem, remedies=tuple(error.remedies))
