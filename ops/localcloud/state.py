"""What localcloud must remember: resources as clients want them, and what was done.

One SQLite file in WAL mode, opened by the control plane alone. A write has reached
the file when its method returns, so a control plane that is killed loses nothing it
has acknowledged. ARM ids are compared without regard to case, as on Azure.
"""

import json
import uuid
from pathlib import Path
from typing import Any

from ops.localcloud.activity import Activity
from ops.localcloud.clock import Clock
from ops.localcloud.database import Database
from ops.localcloud.memories import Memories
from ops.localcloud.outbox import Outbox
from ops.localcloud.records import (
    SERVICE,
    Instance,
    Lease,
    Operation,
    Resource,
    normal_id,
    parent_of,
    text,
    to_blob,
    to_instance,
    to_lease,
    to_operation,
    to_resource,
)


class State:
    """The SQLite file. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self.database = self._db = Database(path)
        self._all, self._write = self._db.all, self._db.write
        self.transaction, self.close = self._db.transaction, self._db.close
        self.activity = Activity(self._db)
        self.memories = Memories(self._db)
        self.outbox = Outbox(self._db)
        self.clock = Clock(path.parent)

    # Resources

    def resource(self, resource_id: str) -> Resource | None:
        rows = self._all("SELECT * FROM resources WHERE id = ?", normal_id(resource_id))
        return to_resource(rows[0]) if rows else None

    def children(self, parent: str, type_: str) -> list[Resource]:
        """The resources of one type right below `parent`, oldest first."""
        rows = self._all(
            "SELECT * FROM resources WHERE parent = ? AND type = ? "
            "ORDER BY created, rowid",
            normal_id(parent),
            type_.lower(),
        )
        return [to_resource(row) for row in rows]

    def of_type(self, type_: str) -> list[Resource]:
        """Every resource of one type, oldest first."""
        rows = self._all(
            "SELECT * FROM resources WHERE type = ? ORDER BY created, rowid",
            type_.lower(),
        )
        return [to_resource(row) for row in rows]

    def put(self, body: dict[str, Any], by: str = SERVICE) -> Resource:
        """Write a resource by its body["id"]: a client's wish, so one generation on."""
        id_, now = normal_id(body["id"]), text(self.clock.now())
        self._write(
            "INSERT INTO resources VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body, "
            "generation = generation + 1, modified = excluded.modified, "
            "modified_by = excluded.modified_by",
            *(id_, parent_of(id_), id_.rsplit("/", 2)[1], json.dumps(body)),
            *(now, now, by, by),
        )
        resource = self.resource(id_)
        assert resource is not None
        return resource

    def observe(self, resource_id: str, **properties: object) -> None:
        """Set what the service itself knows of a resource, such as provisioningState.

        The generation stays: nobody's wish has changed. A resource that has gone
        meanwhile is left gone.
        """
        with self.transaction():
            resource = self.resource(resource_id)
            if resource is None:
                return
            body = resource.body
            body["properties"] = {**body["properties"], **properties}
            self._write(
                "UPDATE resources SET body = ? WHERE id = ?",
                json.dumps(body),
                resource.id,
            )

    def delete(self, resource_id: str) -> bool:
        """Delete a resource, all below it and their secrets; tell whether it was."""
        id_ = normal_id(resource_id)
        below = id_ + "/"
        with self.transaction():
            # Not LIKE: an underscore in a name would match any letter.
            self._write(
                "DELETE FROM secrets WHERE owner = ? OR substr(owner, 1, ?) = ?",
                id_,
                len(below),
                below,
            )
            self._write(
                "DELETE FROM resources WHERE substr(id, 1, ?) = ?", len(below), below
            )
            return self._write("DELETE FROM resources WHERE id = ?", id_) > 0

    # Secrets

    def secret(self, owner: str, name: str) -> str | None:
        rows = self._all(
            "SELECT value FROM secrets WHERE owner = ? AND name = ?",
            normal_id(owner),
            name,
        )
        return rows[0]["value"] if rows else None

    def set_secret(self, owner: str, name: str, value: str) -> None:
        self._write(
            "INSERT OR REPLACE INTO secrets VALUES (?, ?, ?)",
            normal_id(owner),
            name,
            value,
        )

    # Operations

    def begin(self, kind: str, resource: Resource) -> Operation:
        """Open an operation on the resource's current generation.

        One that is still open is Canceled: what it was to achieve is no longer asked.
        """
        id_ = str(uuid.uuid4())
        now = text(self.clock.now())
        with self.transaction():
            self._write(
                "UPDATE operations SET status = 'Canceled', ended = ? "
                "WHERE resource = ? AND status = 'InProgress'",
                now,
                resource.id,
            )
            self._write(
                "INSERT INTO operations "
                "VALUES (?, ?, ?, ?, 'InProgress', NULL, ?, NULL)",
                id_,
                resource.id,
                kind,
                resource.generation,
                now,
            )
        operation = self.operation(id_)
        assert operation is not None
        return operation

    def operation(self, operation_id: str) -> Operation | None:
        rows = self._all("SELECT * FROM operations WHERE id = ?", operation_id)
        return to_operation(rows[0]) if rows else None

    def open_operation(self, resource_id: str) -> Operation | None:
        """The operation in progress on a resource, if any."""
        rows = self._all(
            "SELECT * FROM operations WHERE resource = ? AND status = 'InProgress'",
            normal_id(resource_id),
        )
        return to_operation(rows[0]) if rows else None

    def finish(self, operation_id: str, error: dict[str, Any] | None = None) -> None:
        """Close an operation: Failed with Azure's {code, message, details}, or done."""
        self._write(
            "UPDATE operations SET status = ?, error = ?, ended = ? "
            "WHERE id = ? AND status = 'InProgress'",
            "Failed" if error else "Succeeded",
            json.dumps(error) if error else None,
            text(self.clock.now()),
            operation_id,
        )

    # Instances

    def instances(self, deployment: str | None = None) -> list[Instance]:
        if deployment is None:
            rows = self._all("SELECT * FROM instances ORDER BY rowid")
        else:
            rows = self._all(
                "SELECT * FROM instances WHERE deployment = ? ORDER BY rowid",
                normal_id(deployment),
            )
        return [to_instance(row) for row in rows]

    def save_instance(self, instance: Instance) -> None:
        values = {
            **vars(instance),
            "started": instance.started and text(instance.started),
            "ready": instance.ready and text(instance.ready),
            "detail": json.dumps(instance.detail or {}),
        }
        columns = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        updates = ", ".join(f"{name} = excluded.{name}" for name in values)
        self._write(
            f"INSERT INTO instances ({columns}) VALUES ({marks}) "
            f"ON CONFLICT (id) DO UPDATE SET {updates}",
            *values.values(),
        )

    def delete_instance(self, instance_id: str) -> None:
        self._write("DELETE FROM instances WHERE id = ?", instance_id)

    # Events, as AmlOnlineEndpointEventLog names them

    def record(self, resource: str, instance: str, name: str, message: str) -> None:
        self._write(
            "INSERT INTO events (at, resource, instance, name, message) "
            "VALUES (?, ?, ?, ?, ?)",
            text(self.clock.now()),
            normal_id(resource),
            instance,
            name,
            message,
        )

    def events(self, resource: str, most: int = 100) -> list[dict[str, Any]]:
        """The latest events of a resource, oldest first."""
        rows = self._all(
            "SELECT * FROM events WHERE resource = ? ORDER BY number DESC LIMIT ?",
            normal_id(resource),
            most,
        )
        return [dict(row) for row in reversed(rows)]

    def events_after(self, number: int, most: int) -> list[dict[str, Any]]:
        """The events of all resources that came after one, oldest first."""
        rows = self._all(
            "SELECT * FROM events WHERE number > ? ORDER BY number LIMIT ?",
            number,
            most,
        )
        return [dict(row) for row in rows]

    # Blob metadata (the bytes are files, see blobstore.py)

    def blob(self, container: str, name: str) -> dict[str, Any] | None:
        rows = self._all(
            "SELECT * FROM blobs WHERE container = ? AND name = ?", container, name
        )
        return to_blob(rows[0]) if rows else None

    def blobs(self, container: str, prefix: str = "") -> list[dict[str, Any]]:
        rows = self._all(
            "SELECT * FROM blobs WHERE container = ? AND substr(name, 1, ?) = ? "
            "ORDER BY name",
            container,
            len(prefix),
            prefix,
        )
        return [to_blob(row) for row in rows]

    def blob_files(self) -> list[tuple[str, str, str]]:
        """Container, name and file of every blob."""
        rows = self._all("SELECT container, name, file FROM blobs")
        return [tuple(row) for row in rows]

    def save_blob(self, row: dict[str, Any]) -> None:
        self._write(
            "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(row[column] for column in ("container", "name", "file", "size")),
            *(row["md5"], row["etag"], row["content_type"]),
            *(json.dumps(row["metadata"]), row["modified"]),
        )

    def delete_blob(self, container: str, name: str) -> None:
        with self.transaction():
            self.set_lease(container, name, None)
            self._write(
                "DELETE FROM blobs WHERE container = ? AND name = ?", container, name
            )

    def leases(self, container: str) -> dict[str, Lease]:
        """The leases of a container's blobs, those that are over too, by blob."""
        rows = self._all("SELECT * FROM leases WHERE container = ?", container)
        return {row["blob"]: to_lease(row) for row in rows}

    def lease(self, container: str, blob: str) -> Lease | None:
        rows = self._all(
            "SELECT * FROM leases WHERE container = ? AND blob = ?", container, blob
        )
        return to_lease(rows[0]) if rows else None

    def set_lease(self, container: str, blob: str, lease: Lease | None) -> None:
        if lease is None:
            sql = "DELETE FROM leases WHERE container = ? AND blob = ?"
            self._write(sql, container, blob)
            return
        self._write(
            "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?)",
            *(container, blob, lease.id, lease.seconds, lease.ends, lease.breaks),
        )
