"""The access log: one JSON line a request, with Azure's columns for it."""

import json
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.localcloud.clock import real_time
from ops.localcloud.gateway.exchange import Exchange
from ops.localcloud.gateway.refusal import Answer

log = logging.getLogger(__name__)

SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENTS_KEPT = 8


def row(
    exchange: Exchange, answer: Answer, ended: float, now: datetime
) -> dict[str, Any]:
    """A row of AmlOnlineEndpointTrafficLog (Azure: how-to-monitor-online-endpoints).

    Durations and sizes are whole milliseconds and bytes, each duration counted from
    the start of the request. The copy of a mirrored request has a row of its own with
    OperationName "mirror" (else "score") and the XRequestId of the live one. The
    query string is left out, for callers put secrets there.
    """
    return {
        "TimeGenerated": _stamp(now),
        **exchange.endpoint.log,
        "OperationName": exchange.operation,
        "EndpointName": exchange.endpoint.name,
        "DeploymentName": exchange.deployment,
        "Method": exchange.method,
        "Path": exchange.path,
        "Protocol": exchange.protocol,
        "ResponseCode": answer.status,
        "ResponseCodeReason": answer.reason,
        "ModelStatusCode": exchange.model_status,
        "ModelStatusReason": exchange.model_reason,
        "RequestPayloadSize": exchange.request_size,
        "ResponsePayloadSize": len(answer.body),
        "RequestDurationMs": _milliseconds(exchange, exchange.received, ended),
        "ResponseDurationMs": _milliseconds(exchange, exchange.answered, ended),
        "RequestThrottlingDelayMs": 0,  # no bandwidth is rationed here
        "ResponseThrottlingDelayMs": 0,
        "TotalDurationMs": _milliseconds(exchange, ended, ended),
        "UserAgent": printable(exchange.user_agent)[:70],
        "XRequestId": exchange.request_id,
        "XMSClientRequestId": exchange.client_request_id,
        "AuthType": exchange.endpoint.auth_mode,
        "IdentityData": exchange.identity,
    }


def _stamp(now: datetime) -> str:
    return now.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _milliseconds(exchange: Exchange, at: float | None, ended: float) -> int:
    return round(((ended if at is None else at) - exchange.started) * 1000)


def printable(text: str) -> str:
    """The text without what no reader of UTF-8 would take."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class AccessLog:
    """Appends rows to a file, and starts a new one before it grows too large.

    A row is one write, made before its answer is sent: whatever kills the gateway, a
    request that was answered has its row. Full segments are renamed to
    traffic.000001.jsonl and on, and the oldest are removed.
    """

    def __init__(
        self,
        file: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        segments_kept: int = SEGMENTS_KEPT,
        now: Callable[[], datetime] = real_time,
    ) -> None:
        self._file = file
        self._segment_bytes = segment_bytes
        self._segments_kept = segments_kept
        self._now = now
        self._failing = False
        self._open()

    def write(self, exchange: Exchange, answer: Answer, ended: float) -> None:
        """Append a request's row. A disk that takes none must not stop scoring."""
        facts = row(exchange, answer, ended, self._now())
        line = json.dumps(facts).encode() + b"\n"
        try:
            if self._size and self._size + len(line) > self._segment_bytes:
                self._rotate()
            self._append(line)
        except OSError as error:
            if not self._failing:
                log.error("the access log takes no rows: %s", error)
            self._failing = True
        else:
            self._failing = False

    def close(self) -> None:
        os.close(self._descriptor)

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._file, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size
        # A row cut short by a full disk: the next one must not continue it.
        last = os.pread(self._descriptor, 1, max(self._size - 1, 0))
        self._torn = last not in (b"", b"\n")

    def _append(self, line: bytes) -> None:
        if self._torn:
            line = b"\n" + line
        written = os.write(self._descriptor, line)
        self._size += written
        self._torn = written < len(line)

    def _rotate(self) -> None:
        segments = self.segments()
        last = int(segments[-1].name.split(".")[1]) if segments else 0
        os.rename(self._file, self._file.with_suffix(f".{last + 1:06}.jsonl"))
        for segment in segments[: max(len(segments) + 1 - self._segments_kept, 0)]:
            segment.unlink(missing_ok=True)
        full = self._descriptor
        self._open()
        os.close(full)

    def segments(self) -> list[Path]:
        """The full segments, oldest first."""
        pattern = f"{self._file.stem}.[0-9]*.jsonl"
        return sorted(self._file.parent.glob(pattern), key=lambda path: path.name)
