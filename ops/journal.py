"""What the toolkit did: a durable file with one line before and one after a change.

A change whose second line is missing was cut off, and `invoke history` says so.
"""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from ops.errors import Busy, OpsError, UsageError
from ops.settings import shown, state_directory, who


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One change: what, when, who, why, and the state before and after it."""

    id: str
    verb: str
    stage: str
    endpoint: str
    at: datetime
    who: str
    reason: str
    before: Any = None
    after: Any = None
    outcome: str = "cut off"  # done, failed, interrupted; cut off: no second line
    detail: str = ""


@dataclass
class Change:
    """A change in progress: set `before` and `after` as they become known."""

    before: Any = None
    after: Any = None


@contextmanager
def change(
    verb: str,
    stage: str,
    endpoint: str,
    reason: str = "",
    before: Any = None,
    *,
    at: datetime,
) -> Iterator[Change]:
    """Hold the endpoint's lock on this machine and journal what happens within.

    `at` is the service's time, so that the journal fits its logs.
    """
    noting = noted(verb, stage, endpoint, reason, before, at=at)
    with lock(verb, stage, endpoint), noting as record:
        yield record


@contextmanager
def noted(
    verb: str,
    stage: str,
    endpoint: str,
    reason: str = "",
    before: Any = None,
    *,
    at: datetime,
) -> Iterator[Change]:
    """Journal what happens within, beside whatever else happens to the endpoint."""
    record = Change(before=before)
    first = {
        "id": uuid.uuid4().hex[:12],
        "verb": verb,
        "stage": stage,
        "endpoint": endpoint,
        "at": at.isoformat(timespec="milliseconds"),
        "who": who(),
        "reason": reason,
        "before": before,
    }
    _append(stage, first, "Nothing has been changed.")
    outcome, detail = "done", ""
    try:
        yield record
    except BaseException as error:
        # GeneratorExit: the one who watched the change was interrupted.
        interrupted = isinstance(error, KeyboardInterrupt | GeneratorExit)
        outcome = "interrupted" if interrupted else "failed"
        name = type(error).__name__
        detail = error.problem if isinstance(error, OpsError) else name
        raise
    finally:
        last = {"id": first["id"], "outcome": outcome, "detail": detail}
        if record.before is not None:
            last["before"] = record.before
        _append(stage, {**last, "after": record.after}, "The change itself is made.")


def entries(stage: str, endpoint: str | None = None, most: int = 20) -> list[Entry]:
    """The latest changes, newest first. A line that can't be read is passed over."""
    found: dict[str, dict[str, Any]] = {}
    path = _path(stage)
    if not path.exists():
        return []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
            found.setdefault(row["id"], {}).update(row)
        except (ValueError, KeyError, TypeError):
            continue  # torn by a crash or a full disk: the others still count
    whole = [row for row in found.values() if "verb" in row]
    chosen = [row for row in whole if endpoint in (None, row["endpoint"])]
    return [_entry(row) for row in reversed(chosen[-most:])]


def most(text: str) -> int:
    """How many entries --most asks for."""
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 10_000:
        raise UsageError(f"--most takes a number from 1 to 10000, not {text!r}.")
    return int(text)


@contextmanager
def lock(verb: str, stage: str, endpoint: str) -> Iterator[None]:
    """Keep other changing verbs of this machine off an endpoint; raise Busy."""
    path = state_directory() / "locks" / f"{stage}.{endpoint}"
    with _opened(path) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip() or "another verb"
            raise Busy(
                f"{endpoint} on {stage} is being changed on this machine: {holder}.",
                "invoke history   # and again when it is done",
            ) from None
        stream.truncate(0)
        now = datetime.now(UTC).strftime("%H:%M:%S")
        with suppress(OSError):  # a full disk: the lock holds, nameless
            holder = f"{verb}, process {os.getpid()}, since {now} UTC"
            os.write(stream.fileno(), holder.encode())
        yield


def _opened(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        raise OpsError(
            f"The lock {shown(path)} can't be taken: {error.strerror}. "
            "Nothing has been changed."
        ) from None


def _path(stage: str) -> Path:
    return state_directory() / "journal" / f"{stage}.jsonl"


def _append(stage: str, row: dict[str, Any], consequence: str) -> None:
    """One line, on the disk when this returns; else say what that means."""
    path = _path(stage)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            torn = stream.tell() and not _ends_with_newline(path)
            line = ("\n" if torn else "") + json.dumps(row, default=str) + "\n"
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise OpsError(
            f"The journal {shown(path)} can't be written: {error.strerror}. "
            f"{consequence}",
            f"df -h {shown(path.parent)}",
        ) from None


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _entry(row: dict[str, Any]) -> Entry:
    known = {key: row[key] for key in Entry.__dataclass_fields__ if key in row}
    return Entry(**{**known, "at": datetime.fromisoformat(row["at"])})
