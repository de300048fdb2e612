"""Who wrote, deleted or did what on a resource, and how it ended: the last events."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.localcloud.database import Database
from ops.localcloud.records import normal_id, text

MOST = 20_000  # events; older ones are forgotten


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An event as it was written; or, with `ended`, how its operation ended since."""

    at: datetime
    event: dict[str, Any]
    ended: str = ""  # Succeeded, Failed, Canceled
    error: dict[str, Any] | None = None


class Activity:
    """The events. How a long-running operation ended is read from the operation."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self, at: datetime, resource: str, event: dict[str, Any], operation: str = ""
    ) -> None:
        """Keep an event; `operation` is the one that it has begun."""
        self._db.write(
            "INSERT INTO activity (at, resource, operation, event) VALUES (?, ?, ?, ?)",
            *(text(at), normal_id(resource), operation, json.dumps(event)),
        )
        self._db.write(
            "DELETE FROM activity WHERE number <= last_insert_rowid() - ?", MOST
        )

    def between(
        self, start: datetime, end: datetime, resource: str = ""
    ) -> list[Recorded]:
        """The events of a time, both ends included, newest first."""
        of = "(? = '' OR a.resource = ?)"
        id_ = normal_id(resource) if resource else ""
        rows = self._db.all(
            "SELECT a.number, a.at, a.event, '' AS ended, NULL AS error, 0 AS rank "
            f"FROM activity a WHERE a.at >= ? AND a.at <= ? AND {of} "
            "UNION ALL "
            "SELECT a.number, o.ended, a.event, o.status, o.error, 1 "
            "FROM operations o JOIN activity a ON a.operation = o.id "
            f"WHERE o.ended >= ? AND o.ended <= ? AND {of} "
            "ORDER BY at DESC, rank DESC, number DESC",
            *(text(start), text(end), id_, id_) * 2,
        )
        return [
            Recorded(
                at=datetime.fromisoformat(row["at"]),
                event=json.loads(row["event"]),
                ended=row["ended"],
                error=json.loads(row["error"]) if row["error"] else None,
            )
            for row in rows
        ]
