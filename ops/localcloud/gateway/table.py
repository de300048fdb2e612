"""The routing table: what the control plane publishes, read again when it changes."""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

AUTH_MODES = ("Key", "AMLToken", "AADToken")
LOG_COLUMNS = (
    "_ResourceId",
    "_SubscriptionId",
    "AzureMLWorkspaceId",
    "AzureMLWorkspaceName",
    "Location",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    id: str
    port: int
    delay_seconds: float = 0.0  # that a drill has asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    name: str
    max_concurrent: int
    timeout_seconds: float
    instance_count: int  # as asked for; fewer may be Ready
    instances: tuple[Instance, ...]

    @property
    def limit(self) -> int:
        """How many requests may be in flight before others are refused with 429.

        Counted on the instances asked for, not on those that are Ready, as Azure's
        rule is worded (how-to-troubleshoot-online-endpoints: 2 x
        max_concurrent_requests_per_instance x instance_count).
        """
        return 2 * self.max_concurrent * self.instance_count


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    name: str
    auth_mode: str
    credentials: tuple[bytes, ...]
    token_secret: str
    traffic: Mapping[str, int]
    mirror: Mapping[str, int]
    log: Mapping[str, str]
    deployments: Mapping[str, Deployment]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    version: int
    endpoints: Mapping[str, Endpoint]  # by name in lower case


def parse(text: str) -> Table:
    """Read routes.json; raise ValueError, TypeError or KeyError when it is malformed.

    Nothing is guessed: a table that is wrong in one place is refused as a whole.
    """
    document = json.loads(text)
    endpoints = [_endpoint(*item) for item in document["endpoints"].items()]
    return Table(
        version=_at_least(0, document["version"]),
        endpoints={endpoint.name.lower(): endpoint for endpoint in endpoints},
    )


def _endpoint(name: str, body: dict[str, Any]) -> Endpoint:
    if body["auth_mode"] not in AUTH_MODES:
        raise ValueError(f"{name}: auth_mode is none of {', '.join(AUTH_MODES)}")
    return Endpoint(
        name=name,
        auth_mode=body["auth_mode"],
        credentials=tuple(_text(item).encode() for item in body["credentials"]),
        token_secret=_text(body["token_secret"]),
        traffic=_percentages(body["traffic"]),
        mirror=_percentages(body["mirror"]),
        log={column: _text(body["log"][column]) for column in LOG_COLUMNS},
        deployments={
            deployment: _deployment(deployment, facts)
            for deployment, facts in body["deployments"].items()
        },
    )


def _deployment(name: str, body: dict[str, Any]) -> Deployment:
    return Deployment(
        name=name,
        max_concurrent=_at_least(1, body["max_concurrent"]),
        timeout_seconds=_at_least(1, body["request_timeout_ms"]) / 1000,
        instance_count=_at_least(0, body["instance_count"]),
        instances=tuple(
            Instance(
                id=_text(item["id"]),
                port=_at_least(1, item["port"]),
                delay_seconds=_at_least(0, item.get("delay_ms", 0)) / 1000,
            )
            for item in body["instances"]
        ),
    )


def _percentages(weights: dict[str, Any]) -> dict[str, int]:
    return {name: _at_least(0, weight) for name, weight in weights.items()}


def _at_least(least: int, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        # The value isn't shown: in a shifted document it may be a credential.
        raise ValueError(f"a number is not a whole one of at least {least}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is a {type(value).__name__}")
    return value


class Follower:
    """Follows routes.json: the last version of it that could be read is in force."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._table = Table(version=0, endpoints={})

    def current(self) -> Table:
        """The table in force. Costs one os.stat when the file hasn't changed."""
        try:
            facts = os.stat(self._file)
        except OSError:  # not published yet, or out of reach: go on as before
            return self._table
        if (facts.st_mtime_ns, facts.st_ino) != self._seen:
            self._read()
        return self._table

    def _read(self) -> None:
        try:
            with self._file.open() as stream:
                # Of the opened file: the name may already stand for the next one.
                facts = os.fstat(stream.fileno())
                self._seen = (facts.st_mtime_ns, facts.st_ino)
                self._table = parse(stream.read())
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.error(
                "routes.json can't be used (%s: %s), version %s stays in force",
                type(error).__name__,
                error,
                self._table.version,
            )
