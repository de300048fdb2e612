"""What the toolkit did: a durable file with one line before and one after a change.

A change whose second line is missing was cut off; `ops/unfinished.py` finds out what
became of it. The file is this machine's: what others did is in the endpoint's tags.
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
from time import monotonic, sleep
from typing import Any, TextIO

from ops import private
from ops.errors import Busy, OpsError, UsageError
from ops.settings import shown, state_directory, who

ASK_SECONDS = 0.1
BLOCK_BYTES = 64 * 1024  # of the journal that are read at a time
NEEDED = {"id", "verb", "stage", "endpoint", "at", "who", "reason"}


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
    wanted: Any = None  # what was to be, told beforehand
    after: Any = None
    # done, not done, failed, interrupted, not known; running: not over yet; cut off:
    # there is no second line and no process that could write it
    outcome: str = "cut off"
    detail: str = ""
    fence: int = 0  # the number of the lock it was made under
    pid: int = 0

    @property
    def open(self) -> bool:
        """Whether nobody has looked yet what became of it."""
        return self.outcome in ("cut off", "interrupted")


@dataclass
class Change:
    """A change in progress: set `before` and `after` as they become known."""

    id: str
    fence: int = 0
    before: Any = None
    after: Any = None


@contextmanager
def noted(
    verb: str,
    stage: str,
    endpoint: str,
    reason: str = "",
    before: Any = None,
    *,
    at: datetime,
    wanted: Any = None,
    fence: int = 0,
) -> Iterator[Change]:
    """Journal what happens within: once before it, once after it.

    `at` is the service's time, so that the journal fits its logs.
    """
    record = Change(id=uuid.uuid4().hex[:12], fence=fence, before=before)
    first = {
        "id": record.id,
        "verb": verb,
        "stage": stage,
        "endpoint": endpoint,
        "at": at.isoformat(timespec="milliseconds"),
        "who": who(),
        "reason": reason,
        "before": before,
        "wanted": wanted,
        "fence": fence,
        "pid": os.getpid(),
    }
    _append(stage, first, "Nothing has been changed.")
    outcome, detail = "done", ""
    try:
        yield record
    except BaseException as error:
        # GeneratorExit: the one who watched the change was interrupted.
        interrupted = isinstance(error, KeyboardInterrupt | GeneratorExit)
        outcome = "interrupted" if interrupted else "failed"
        detail = error.problem if isinstance(error, OpsError) else type(error).__name__
        raise
    finally:
        last: dict[str, Any] = {"id": record.id, "outcome": outcome, "detail": detail}
        if record.fence:
            last["fence"] = record.fence
        if record.before is not None:
            last["before"] = record.before
        _append(stage, {**last, "after": record.after}, "The change itself is made.")


def settle(entry: Entry, outcome: str, detail: str) -> None:
    """Write down what became of a change that was cut off."""
    after = {"after": entry.wanted} if outcome == "done" else {}
    row = {"id": entry.id, "outcome": outcome, "detail": detail, **after}
    _append(entry.stage, row, "Nothing has been changed.")


def entries(stage: str, endpoint: str | None = None, most: int = 20) -> list[Entry]:
    """The latest changes, newest first. A line that can't be read is passed over.

    Read from the end, so a long journal costs no more than a short one. What comes
    last of a change counts, and its first line, which is met last, ends it.
    """
    chosen: list[Entry] = []
    coming: dict[str, dict[str, Any]] = {}  # of changes whose first line is not met
    path = _path(stage)
    for line in _backwards(path):
        try:
            row = json.loads(line)
            row |= coming.pop(row["id"], {})
            if not row.keys() >= NEEDED:
                coming[row["id"]] = row
                continue
        except (ValueError, KeyError, TypeError):
            continue  # torn by a crash or a full disk: the others still count
        if endpoint in (None, row["endpoint"]):
            chosen.append(_entry(row))
            if len(chosen) == most:
                break
    return chosen


def _backwards(path: Path) -> Iterator[str]:
    """The lines of a file, the last one first; none where there is no file."""
    try:
        with path.open("rb") as stream:
            place, rest = stream.seek(0, os.SEEK_END), b""
            while place:
                size = min(BLOCK_BYTES, place)
                place = stream.seek(place - size)
                first, *lines = (stream.read(size) + rest).split(b"\n")
                yield from (each.decode(errors="replace") for each in reversed(lines))
                rest = first
            yield rest.decode(errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        text = f"The journal {shown(path)} can't be read: {error.strerror}."
        raise OpsError(text, f"mv {shown(path)} {shown(path)}.old") from None


def most(text: str) -> int:
    """How many entries --most asks for."""
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 10_000:
        raise UsageError(f"--most takes a number from 1 to 10000, not {text!r}.")
    return int(text)


@contextmanager
def lock(
    verb: str, stage: str, endpoint: str, patience_seconds: float = 0.0
) -> Iterator[None]:
    """Keep other changing verbs of this machine off an endpoint; raise Busy."""
    path = state_directory() / "locks" / f"{stage}.{endpoint}"
    with _opened(path) as stream:
        deadline = monotonic() + patience_seconds
        while not _locked(stream):
            if monotonic() >= deadline:
                raise _busy(stage, endpoint, stream)
            sleep(ASK_SECONDS)
        stream.truncate(0)
        now = datetime.now(UTC).strftime("%H:%M:%S")
        with suppress(OSError):  # a full disk: the lock holds, nameless
            holder = f"{verb}, process {os.getpid()}, since {now} UTC"
            os.write(stream.fileno(), holder.encode())
        yield


def _locked(stream: TextIO) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _busy(stage: str, endpoint: str, stream: TextIO) -> Busy:
    stream.seek(0)
    holder = stream.read().strip() or "another verb"
    return Busy(
        f"{endpoint} on {stage} is being changed on this machine: {holder}.",
        "invoke history   # and again when it is done",
    )


def _opened(path: Path) -> TextIO:
    try:
        stream: TextIO = private.opened(path, "a+")
        return stream
    except OSError as error:
        raise OpsError(
            f"The lock {shown(path)} can't be taken: {error.strerror}. "
            "Nothing has been changed.",
            *_remedies(path.parent),
        ) from None


def _remedies(folder: Path) -> list[str]:
    """What helps against a full disk: a rollback must not wait for a tidy one."""
    local = state_directory() / "localcloud"  # which stays where it is
    stays = local.is_dir() and not os.environ.get("AML_OPS_LOCALCLOUD")
    kept = f"AML_OPS_LOCALCLOUD={local} " if stays else ""
    return [
        f"df -h {shown(folder)}",
        f"export {kept}AML_OPS_STATE=$(mktemp -d)   # and the verb again",
    ]


def _path(stage: str) -> Path:
    return state_directory() / "journal" / f"{stage}.jsonl"


def _append(stage: str, row: dict[str, Any], consequence: str) -> None:
    """One line, on the disk when this returns; else say what that means."""
    path = _path(stage)
    try:
        with private.opened(path, "ab") as stream:
            torn = stream.tell() and not _ends_with_newline(path)
            line = ("\n" if torn else "") + json.dumps(row, default=str) + "\n"
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise OpsError(
            f"The journal {shown(path)} can't be written: {error.strerror}. "
            f"{consequence}",
            *_remedies(path.parent),
        ) from None


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _entry(row: dict[str, Any]) -> Entry:
    known = {key: row[key] for key in Entry.__dataclass_fields__ if key in row}
    entry = Entry(**{**known, "at": datetime.fromisoformat(row["at"])})
    if "outcome" not in row and _alive(entry.pid):
        return Entry(**{**vars(entry), "outcome": "running"})
    return entry


def _alive(pid: int) -> bool:
    """Whether there is such a process; it may be another one by now."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
