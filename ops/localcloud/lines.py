"""Whole lines out of files that others go on writing to."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

CHUNK = 256 * 1024  # bytes read at a time
LONGEST = 4 << 20  # a line without end is taken in pieces of so many bytes
# Azure: service-limits, "Data ingestion": longer values are truncated at 64 KB.
MESSAGE_BYTES = 64 * 1024

TICK = timedelta(microseconds=1)
# "2026-11-23 10:46:09,354 I" of the inference server, "2026-11-23T10:46:09.354+00:00"
# of builders, "[2026-11-23 10:46:09 +0000]" of gunicorn.
STAMP = re.compile(
    r"\[?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?"
    r"(Z| ?[+-]\d\d:?\d\d)?(?=[\s\]|]|$)"
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Lines of a file and where the next one begins."""

    lines: list[bytes]
    offset: int
    inode: int


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO | None]:
    """The file, or None when there is none."""
    try:
        stream = path.open("rb", buffering=0)
    except FileNotFoundError:
        yield None
        return
    with stream:
        yield stream


def read_lines(
    stream: BinaryIO, offset: int, *, ended: bool, most: int = CHUNK
) -> Reading:
    """The lines from `offset` on, about `most` bytes of them.

    A line without its end is left for later, unless the file has `ended` or the line
    is longer than any should be.
    """
    descriptor = stream.fileno()
    inode = os.fstat(descriptor).st_ino
    data = os.pread(descriptor, most, offset)
    while len(data) < LONGEST and b"\n" not in data:
        more = os.pread(descriptor, most, offset + len(data))
        if not more:
            break
        data += more
    end = data.rfind(b"\n") + 1
    endless = not end and len(data) >= LONGEST
    if endless or (ended and not os.pread(descriptor, 1, offset + len(data))):
        end = len(data)
    lines = data[:end].split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return Reading(lines=lines, offset=offset + end, inode=inode)


def message(line: bytes) -> str:
    """A line as a row holds it: valid text, without NUL, cut where Azure cuts it."""
    line = line.removesuffix(b"\r")
    note = ""
    if len(line) > MESSAGE_BYTES:
        note = f" [cut: the line has {len(line)} bytes]"
        line = line[: MESSAGE_BYTES - len(note)]
    return line.decode(errors="replace").replace("\0", "\ufffd") + note


def own_time(text: str) -> datetime | None:
    """The time that a line begins with; one without a zone is this machine's."""
    found = STAMP.match(text)
    if not found:
        return None
    day, time, fraction, zone = found.groups()
    zone = (zone or "").strip().replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(f"{day}T{time}.{fraction or 0:0<6}{zone}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def times(
    texts: list[str],
    last: datetime | None,
    earliest: datetime,
    now: datetime,
    shown: Callable[[datetime], datetime],
) -> list[datetime]:
    """When each line of a source was written, each later than the one before it.

    A line's own time, as the clock has `shown` it then, counts where it can be true:
    not before `earliest` and not after `now`. Else it is as old as the line before it,
    or was written just now.
    """
    found = []
    told = False  # by a line of this reading
    for text in texts:
        real = own_time(text)
        own = shown(real) if real else None
        if own is not None and earliest <= own <= now:
            moment, told = own, True
        else:
            moment = last if told and last else now
        if last is not None and moment <= last:
            moment = last + TICK
        found.append(moment)
        last = moment
    return found
