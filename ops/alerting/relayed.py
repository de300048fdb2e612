"""What each target has been told of each alert: a file that survives the relay."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Lock

from ops import private
from ops.alerting.fired import Alert
from ops.alerting.posting import Posted
from ops.errors import Busy, OpsError
from ops.settings import shown, state_directory


@dataclass(frozen=True, kw_only=True)
class Page:
    """The message that a target has of an alert, and what it says."""

    condition: str  # fired or resolved
    state: str  # new, acknowledged, closed
    started: str  # when the alert fired: what is old enough is let go of
    channel: str = ""  # what the message is edited by, where it can be
    ts: str = ""

    def arrived(self, done: Posted) -> "Page":
        """The same, once it is known where it stands."""
        place = {"channel": done.channel, "ts": done.ts} if done.ts else {}
        return replace(self, **place)


def page(alert: Alert, before: Page | None) -> Page:
    """What a message about an alert would say, in the place of an earlier one."""
    place = {"channel": before.channel, "ts": before.ts} if before else {}
    started = alert.started.isoformat()
    return Page(condition=alert.condition, state=alert.state, started=started, **place)


class Book:
    """The pages of a stage, by target and alert; on the disk when keep() returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._pages = _read(path)

    def page(self, target: str, alert: str) -> Page | None:
        return self._pages.get(target, {}).get(alert)

    def keep(self, target: str, alert: str, page: Page | None) -> None:
        """Remember a message, or with None that there is none."""
        with self._lock:
            pages = self._pages.setdefault(target, {})
            if page is None:
                pages.pop(alert, None)
            else:
                pages[alert] = page
            self._write()

    def forget(self, before: datetime) -> None:
        """Let go of alerts that fired so long ago that nobody lists them any more.

        Not of those that are missing from a list: one that comes back is no new one.
        """
        with self._lock:
            gone = [
                (target, alert)
                for target, pages in self._pages.items()
                for alert, page in pages.items()
                if datetime.fromisoformat(page.started) < before
            ]
            for target, alert in gone:
                del self._pages[target][alert]
            if gone:
                self._write()

    def _write(self) -> None:
        data = {
            target: {alert: asdict(page) for alert, page in pages.items()}
            for target, pages in self._pages.items()
        }
        fresh = self._path.with_suffix(".new")
        try:
            with private.opened(fresh, "w") as stream:
                json.dump(data, stream)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise OpsError(
                f"{shown(self._path)} can't be written: {error.strerror}. Nothing is "
                "posted that could not be remembered."
            ) from None


@contextmanager
def opened(stage: str) -> Iterator[Book]:
    """The book of a stage, for one relay of this machine; raise Busy for a second."""
    path = state_directory() / "relay" / f"{stage}.json"
    with private.opened(path.with_suffix(".lock"), "a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"Another alerts.relay of {stage} runs on this machine."
            ) from None
        yield Book(path)


def _read(path: Path) -> dict[str, dict[str, Page]]:
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {
            target: {alert: Page(**page) for alert, page in pages.items()}
            for target, pages in data.items()
        }
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise OpsError(
            f"{shown(path)} can't be read ({type(error).__name__}): what was posted "
            "already is not known.",
            f"mv {shown(path)} {shown(path)}.broken   # posts what is fired once more",
        ) from None
