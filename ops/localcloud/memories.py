"""What an engine must remember of a resource from one run to the next."""

import json
from typing import Any

from ops.localcloud.database import Database
from ops.localcloud.records import normal_id


class Memories:
    """One JSON object for each resource."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, owner: str) -> dict[str, Any]:
        sql = "SELECT memory FROM memories WHERE owner = ?"
        rows = self._db.all(sql, normal_id(owner))
        found: dict[str, Any] = json.loads(rows[0]["memory"]) if rows else {}
        return found

    def set(self, owner: str, memory: dict[str, Any]) -> None:
        sql = "INSERT OR REPLACE INTO memories VALUES (?, ?)"
        self._db.write(sql, normal_id(owner), json.dumps(memory))

    def owners(self, suffix: str) -> list[str]:
        """Of whom something is remembered whose name ends so."""
        sql = "SELECT owner FROM memories WHERE substr(owner, -?) = ?"
        return [row["owner"] for row in self._db.all(sql, len(suffix), suffix)]

    def forget(self, owner: str) -> None:
        self._db.write("DELETE FROM memories WHERE owner = ?", normal_id(owner))
