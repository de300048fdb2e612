"""What can be read of an endpoint: console lines, requests and events, as one kind.

All three have a time, a deployment and a message, so that they merge in time order.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

MODEL_FAILED = 424  # by the gateway, whatever the model itself said
LEVELS = ("debug", "info", "warning", "error", "critical")
SHORT = {"D": "debug", "I": "info", "W": "warning", "E": "error", "C": "critical"}
WORDS = {"warn": "warning", "fatal": "critical", "exception": "error"}
# The inference server's lines: `2026-11-23 14:05:01,123 E [71] azmlinfsrv - text`;
# what the script prints has such a head too, of azmlinfsrv.print.
SERVER = re.compile(
    r"[0-9]{4}-[0-9-]{5} [0-9:,.]+ ([DIWEC]) \[[0-9]+\] ([\w.]{1,80}) - ?"
)
# How localcloud's and other builders begin a line: the time that stands before it.
STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(?:Z|\+00:00) ")
NAMED = re.compile(
    r"\b(DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\b"
    r"|\[(debug|info|warning|error|critical)\]"
)
RAISED = re.compile(
    r"Traceback \(most recent|(?:\w+\.)*\w*(?:Error|Exception)\b(?::|$)"
)
SHOWN = 4000  # characters of a message in text; json, raw and csv have all
HEAD = 200  # a level stands at the beginning of a line


@dataclass(frozen=True, kw_only=True)
class Record:
    """One line, request or event."""

    time: datetime  # aware UTC
    kind: str  # "console", "request" or "event"
    deployment: str
    instance: str = ""  # "" for a request: the traffic log doesn't say
    container: str = ""
    message: str
    level: str = ""  # one of LEVELS; "" where the line shows none
    status: int = 0  # requests: HTTP status
    duration_ms: int = 0  # requests: from first byte in to last byte out
    request_id: str = ""
    arrived: datetime | None = None  # when Log Analytics took it in; aware UTC
    late: bool = False  # it came so late that its place among the others is past
    columns: dict[str, Any] = field(default_factory=dict)  # the row as it came

    @property
    def statuses(self) -> tuple[int, ...]:
        """A request's status, and the model's own where that is what failed."""
        model = self.columns.get("ModelStatusCode") or 0
        return (self.status, model) if self.status == MODEL_FAILED else (self.status,)

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells one row from another, but for true doubles."""
        return (
            *(self.time.isoformat(), self.kind, self.deployment, self.instance),
            *(self.container, self.request_id, self.message),
        )


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something to know beside the lines: for stderr."""

    text: str


def console(row: dict[str, Any]) -> Record:
    """A row of AmlOnlineEndpointConsoleLog."""
    message = row["Message"] or ""
    return Record(
        time=aware(row["TimeGenerated"]),
        kind="console",
        deployment=row["DeploymentName"] or "",
        instance=row["InstanceId"] or "",
        container=row["ContainerName"] or "",
        message=message,
        level=level(message),
        request_id=_request_id(message),
        arrived=_arrived(row),
        columns=row,
    )


def request(row: dict[str, Any]) -> Record:
    """A row of AmlOnlineEndpointTrafficLog."""
    status, model = row["ResponseCode"] or 0, row["ModelStatusCode"] or 0
    said = f" (the model said {model})" if model not in (0, status) else ""
    sizes = row["RequestPayloadSize"] or 0, row["ResponsePayloadSize"] or 0
    mirrored = " mirrored" if row["OperationName"] == "mirror" else ""
    return Record(
        time=aware(row["TimeGenerated"]),
        kind="request",
        deployment=row["DeploymentName"] or "",
        message=(
            f"{row['Method']} {row['Path']} {status}{said}{mirrored} "
            f"{row['TotalDurationMs'] or 0} ms, {sizes[0]} B in, {sizes[1]} B out, "
            f"request {row['XRequestId']}"
        ),
        level="error"
        if status >= 500 or status == 424
        else "warning"
        if status >= 400
        else "info",
        status=status,
        duration_ms=row["TotalDurationMs"] or 0,
        request_id=row["XRequestId"] or "",
        arrived=_arrived(row),
        columns=row,
    )


def event(row: dict[str, Any]) -> Record:
    """A row of AmlOnlineEndpointEventLog."""
    name = row["Name"] or ""
    bad = name in ("BackOff", "LivenessProbeFailed", "ReadinessProbeFailed")
    return Record(
        time=aware(row["TimeGenerated"]),
        kind="event",
        deployment=row["DeploymentName"] or "",
        instance=row["InstanceId"] or "",
        message=f"{name}: {row['Message'] or ''}",
        level="warning" if bad else "info",
        arrived=_arrived(row),
        columns=row,
    )


KINDS = {"console": console, "request": request, "event": event}
TABLES = {
    "console": "AmlOnlineEndpointConsoleLog",
    "request": "AmlOnlineEndpointTrafficLog",
    "event": "AmlOnlineEndpointEventLog",
}


def level(message: str) -> str:
    """The level a line shows of itself: the server's, JSON's, or a word's."""
    head = message[:HEAD]
    if told := structured(message):
        return _json_level(told)
    if found := SERVER.match(head):
        return SHORT[found[1]]
    if RAISED.match(head):
        return "error"
    if found := NAMED.search(head):
        return _level_word(found[1] or found[2])
    return ""


def inherited(records: Iterable[Record]) -> Iterator[Record]:
    """Give the lines of a traceback the level of its first line."""
    last: dict[tuple[str, str, str], str] = {}
    for record in records:
        writer = (record.deployment, record.instance, record.container)
        if record.kind == "console" and not record.level and record.message[:1] == " ":
            record = replace(record, level=last.get(writer, ""))
        last[writer] = record.level
        yield record


def aware(value: Any) -> datetime:
    """A time of a row; text that the SDK left as it was is read, or is the epoch."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def _arrived(row: dict[str, Any]) -> datetime | None:
    """When a row was taken in, where its query asks for that and the service knows."""
    told = row.get("IngestionTime")
    return aware(told) if told else None


def structured(message: str) -> dict[str, Any]:
    """The JSON object that a line is, behind the server's head; else {}."""
    said = spoken(message)[1]
    if not said.startswith("{"):
        return {}
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def spoken(message: str) -> tuple[str, str]:
    """Who logged a line, "" if it doesn't say, and the line without its head."""
    found = SERVER.match(message)
    return (found[2], message[found.end() :]) if found else ("", message)


def shown(message: str) -> tuple[str, str]:
    """Who logged a line, and what of it stands on the screen."""
    logger, said = spoken(message)
    said = STAMP.sub("", said, count=1) if STAMP.match(said) else said
    return logger.removeprefix("azmlinfsrv."), told(message) or said[:SHOWN].rstrip(
        "\n"
    )


def told(message: str) -> str:
    """A line of JSON as `score status=400 reason="..." rows=3`; "" for other lines."""
    fields = structured(message)
    if not fields or len(message) > SHOWN:
        return ""
    first = [name for name in ("status", "reason", "duration_ms") if name in fields]
    left_out = (*first, "event", "time")
    rest = [name for name in fields if name not in left_out]
    event = str(fields["event"]) if "event" in fields else ""
    values = [
        f"{n}={_short(fields[n])}" for n in first + rest if fields[n] not in ("", None)
    ]
    return " ".join([*([event] if event else []), *values])


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    plain = isinstance(value, str) and value and not re.search(r'[\s"=]', value)
    text = str(value) if plain else text
    return text if len(text) <= 200 else f"{text[:200]}..."


def _json_level(found: dict[str, Any]) -> str:
    named = found.get("level") or found.get("severity") or found.get("levelname")
    if isinstance(named, str) and _level_word(named) in LEVELS:
        return _level_word(named)
    status = found.get("status")
    if isinstance(status, int) and status >= 400:
        return "error" if status >= 500 else "warning"
    return "info"


def _level_word(text: str) -> str:
    return WORDS.get(text.lower(), text.lower())


def _request_id(message: str) -> str:
    found = structured(message).get("request_id")
    return found if isinstance(found, str) else ""
