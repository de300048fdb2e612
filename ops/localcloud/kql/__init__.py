"""The embedded log engine: KQL as Log Analytics speaks it, over DuckDB."""

from ops.localcloud.kql.engine import Engine
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.results import Limits, Result, Table, Warning
from ops.localcloud.kql.tables import TABLES, create_table

__all__ = [
    "TABLES",
    "Engine",
    "Limits",
    "QueryError",
    "Result",
    "Table",
    "Warning",
    "create_table",
    "harden",
]


def harden(connection: object) -> None:
    """Shut the store's connection to files and the network: see catalog.harden."""
    from ops.localcloud.kql.catalog import harden as shut

    shut(connection)  # type: ignore[arg-type]
