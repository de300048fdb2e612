"""One thread that ends queries whose time is up.

A thread a query would cost more than many a query does.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable

AGAIN = 0.05  # seconds; an interrupt between two statements is lost


class Deadlines:
    """What is to be called, and when, unless it is forgotten before."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[Callable[[], None], float] = {}
        self._wakes = 0.0  # when the thread looks again by itself
        self._thread: threading.Thread | None = None
        self._closed = False

    def set(self, end: Callable[[], None], seconds: float) -> None:
        """Call `end` in so many seconds, then again and again until forgotten."""
        due = time.monotonic() + seconds
        with self._changed:
            self._due[end] = due
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()
                atexit.register(self._close)
            elif due < self._wakes:
                self._changed.notify()

    def forget(self, end: Callable[[], None]) -> None:
        """After this returns `end` is not called any more."""
        with self._changed:
            self._due.pop(end, None)

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                for end in [end for end, due in self._due.items() if due <= now]:
                    end()
                    self._due[end] = now + AGAIN
                self._wakes = min(self._due.values(), default=now + 3600)
                self._changed.wait(self._wakes - now)

    def _close(self) -> None:
        """End the thread before the interpreter takes away what it stands on."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread:
            self._thread.join()
