"""Which live pages run on this machine: a small file each, while one does."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops import private
from ops.errors import OpsError
from ops.settings import shown, state_directory


@contextmanager
def noted(stage: str, endpoint: str, url: str) -> Iterator[None]:
    """Let others find the page of this process while it runs. The file is 0600."""
    path = _path(stage, endpoint)
    try:
        with private.opened(path, "w") as stream:
            json.dump({"url": url, "pid": os.getpid()}, stream)
    except OSError as error:
        text = f"{shown(path)} can't be written: {error.strerror}."
        raise OpsError(text) from None
    try:
        yield
    finally:
        if _read(path).get("pid") == os.getpid():  # it may be a later one's by now
            path.unlink(missing_ok=True)


def find(stage: str, endpoint: str) -> str | None:
    """The address of a page that runs; None where there is none."""
    told = _read(_path(stage, endpoint))
    pid, url = told.get("pid"), told.get("url")
    if not isinstance(pid, int) or not isinstance(url, str):
        return None
    with suppress(PermissionError):  # it is there, and somebody else's
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
    return url


def _path(stage: str, endpoint: str) -> Path:
    return state_directory() / "pages" / f"{stage}.{endpoint}.json"


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
