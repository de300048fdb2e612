"""The gateway's access log, read across its segments."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from ops.localcloud.lines import CHUNK, opened, read_lines
from ops.localcloud.logstore import Position

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    lines: list[bytes]
    position: Position


def read_traffic(file: Path, position: Position, most: int = CHUNK) -> Traffic:
    """The next lines of the access log, and the position behind them.

    Full segments are renamed to traffic.000001.jsonl and on while this reads; the
    number of the one in `file` is the next. A segment of which nothing is left to read
    leads to the following one in the same call. Segments that were removed before
    they were read are skipped, and said so.
    """
    with opened(file) as active:
        inode = os.fstat(active.fileno()).st_ino if active else None
        full = segments(file)  # after opening: what was renamed since shows here
        current = next(
            (number for number, path in full.items() if _inode(path) == inode),
            max(full, default=0) + 1,
        )
        position = _existing(position, full, current)
        while position.segment < current:
            with opened(full[position.segment]) as stream:
                if stream is None:  # removed at this moment
                    return Traffic(lines=[], position=position)
                reading = read_lines(stream, position.offset, ended=True, most=most)
            if reading.lines:
                at = Position(segment=position.segment, offset=reading.offset)
                return Traffic(lines=reading.lines, position=at)
            position = Position(segment=position.segment + 1)
        if active is None:
            return Traffic(lines=[], position=position)
        reading = read_lines(active, position.offset, ended=False, most=most)
        at = Position(segment=current, offset=reading.offset)
        return Traffic(lines=reading.lines, position=at)


def segments(file: Path) -> dict[int, Path]:
    """The full segments by number, oldest first."""
    found = {}
    for path in file.parent.glob(f"{file.stem}.[0-9]*.jsonl"):
        number = path.name.split(".")[1]
        if number.isdecimal():
            found[int(number)] = path
    return dict(sorted(found.items()))


def _existing(position: Position, full: dict[int, Path], current: int) -> Position:
    """The position, or the beginning of the oldest segment that is left."""
    if position.segment in full or position.segment == current:
        return position
    oldest = min(full, default=current)
    if position.segment and position.segment < oldest:
        log.error(
            "the access log's segments %s to %s were removed before they were read",
            position.segment,
            oldest - 1,
        )
    return Position(segment=min(oldest, current))


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
