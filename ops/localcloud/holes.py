"""Frees the disk under what has been read of a log that is still written to.

An instance holds its console.log open and appends, so the file can't be replaced, and
to truncate it would race with the next line. A hole can be punched into it instead:
sizes and offsets stay, what is written stays, and only bytes that were read are gone.
"""

import ctypes
import functools
import logging
import os
from collections.abc import Callable
from pathlib import Path

from ops.localcloud.console import KEPT_BYTES

log = logging.getLogger(__name__)

STEP = 16 << 20  # bytes that are freed at a time
KEEP_SIZE, PUNCH_HOLE = 1, 2  # linux/falloc.h


def free(path: Path, read: int, freed: int) -> int:
    """Free what was read of a log, but for its last megabytes; return up to where.

    `freed` is up to where it was done before. Does nothing where the system can't.
    """
    end = (read - KEPT_BYTES) // STEP * STEP
    if end <= freed:
        return freed
    punch = _fallocate()
    if punch is not None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if punch(descriptor, KEEP_SIZE | PUNCH_HOLE, freed, end - freed):
                code = ctypes.get_errno()
                log.warning("%s keeps growing: %s", path, os.strerror(code))
        finally:
            os.close(descriptor)
    return end


@functools.cache
def _fallocate() -> Callable[..., int] | None:
    """The C library's fallocate; Python knows only the one that makes files larger."""
    try:
        function = ctypes.CDLL(None, use_errno=True).fallocate
    except (AttributeError, OSError):  # not Linux
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    function.restype = ctypes.c_int
    return function
