"""What localcloud's state is made of: the rows of its tables, typed."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MOST_INSTANCES = 50  # of a deployment; Azure: how-to-manage-quotas

SERVICE = "localcloud"  # who does what no client has asked for


@dataclass(frozen=True, kw_only=True)
class Resource:
    """An ARM resource as a client wrote it, completed with what the service adds."""

    id: str  # lower case; body["id"] keeps the case that the client used
    type: str
    body: dict[str, Any]
    generation: int
    created: datetime
    modified: datetime
    created_by: str = SERVICE
    modified_by: str = SERVICE

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def properties(self) -> dict[str, Any]:
        properties: dict[str, Any] = self.body["properties"]
        return properties


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A long-running operation: what an Azure-AsyncOperation URL answers about."""

    id: str
    resource: str
    kind: str  # "oe" endpoint, "od" deployment
    generation: int  # of the resource when the operation began
    status: str  # InProgress, Succeeded, Failed, Canceled
    error: dict[str, Any] | None
    started: datetime
    ended: datetime | None


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One scoring process of a deployment."""

    id: str
    deployment: str  # the deployment's resource id
    fingerprint: str  # of the template (code, model, environment...) it runs
    # Starting, Ready, NotReady (was ready, its probe fails), Waiting (backing off),
    # Draining, Stopping, Stopped (kept for the sake of its log)
    state: str
    pid: int | None = None
    process_created: float | None = None  # tells a process from a later one of that pid
    port: int | None = None
    started: datetime | None = None
    ready: datetime | None = None
    restarts: int = 0
    detail: dict[str, Any] | None = None  # the supervisor's own notes


@dataclass(frozen=True, kw_only=True)
class Lease:
    """Who alone may write to a blob, and for how long, in seconds of real time."""

    id: str
    seconds: int  # -1: until it is released or broken
    ends: float | None  # None: never
    breaks: float | None = None  # somebody broke it: when it is over

    def state(self, now: float) -> str:
        if self.breaks is not None:
            return "breaking" if now < self.breaks else "broken"
        return "expired" if self.ends is not None and now >= self.ends else "leased"

    def held(self, now: float) -> bool:
        return self.state(now) in ("leased", "breaking")


def normal_id(resource_id: str) -> str:
    return "/" + resource_id.strip("/").lower()


def parent_of(resource_id: str) -> str:
    return normal_id(resource_id).rsplit("/", 2)[0]


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def to_resource(row: sqlite3.Row) -> Resource:
    return Resource(
        id=row["id"],
        type=row["type"],
        body=json.loads(row["body"]),
        generation=row["generation"],
        created=datetime.fromisoformat(row["created"]),
        modified=datetime.fromisoformat(row["modified"]),
        created_by=row["created_by"],
        modified_by=row["modified_by"],
    )


def to_operation(row: sqlite3.Row) -> Operation:
    return Operation(
        id=row["id"],
        resource=row["resource"],
        kind=row["kind"],
        generation=row["generation"],
        status=row["status"],
        error=json.loads(row["error"]) if row["error"] else None,
        started=datetime.fromisoformat(row["started"]),
        ended=moment(row["ended"]),
    )


def to_instance(row: sqlite3.Row) -> Instance:
    values = dict(row)
    values["started"] = moment(row["started"])
    values["ready"] = moment(row["ready"])
    values["detail"] = json.loads(row["detail"])
    return Instance(**values)


def to_blob(row: sqlite3.Row) -> dict[str, Any]:
    return {**dict(row), "metadata": json.loads(row["metadata"])}


def to_lease(row: sqlite3.Row) -> Lease:
    facts = ("id", "seconds", "ends", "breaks")
    return Lease(**{name: row[name] for name in facts})
