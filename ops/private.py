"""Files of the state directory: read by their owner alone, whatever the umask is.

What was made by an earlier version is closed when it is opened next.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ops.settings import state_directory

OTHERS = 0o077


def opened(path: Path, mode: str) -> Any:
    """A file for its owner alone, of text or bytes; makes its folder if need be."""
    make(path.parent)
    text = None if "b" in mode else "utf-8"
    return open(path, mode, encoding=text, opener=_open)


def make(folder: Path) -> None:
    """A folder below the state directory, which nobody else may enter."""
    top = state_directory()
    top.mkdir(parents=True, exist_ok=True, mode=0o700)
    for each in (*reversed(folder.parents), folder):
        if each != top and each.is_relative_to(top):
            each.mkdir(exist_ok=True, mode=0o700)
            if each.stat().st_mode & OTHERS:
                each.chmod(0o700)


def _open(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    if os.fstat(descriptor).st_mode & OTHERS:
        with suppress(PermissionError):  # another user's, who has let us in
            os.fchmod(descriptor, 0o600)
    return descriptor
