"""A screen that repaints itself until Ctrl-C."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from ops import render, times
from ops.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

FASTEST_SECONDS = 1.0  # what is read costs the service something too

T = TypeVar("T")


def paint(
    look: Callable[[], T],
    draw: "Callable[[T, int, int], RenderableType]",
    *,
    seconds: float,
    whole_screen: bool = False,
) -> None:
    """Look and draw (into so many columns and lines) every so many seconds.

    Returns at Ctrl-C, with the terminal as it was; a new size is drawn at once. On the
    whole screen what was there before comes back; otherwise the last picture stays.
    """
    from rich.live import Live

    console = render.console()
    if not console.is_terminal:
        raise UsageError("A live screen needs a terminal; for a pipe take --json.")
    resized = Event()
    with (
        suppress(KeyboardInterrupt),
        _signals(resized),
        Live(console=console, screen=whole_screen, auto_refresh=False) as live,
    ):
        while True:
            due = time.monotonic() + seconds
            seen = look()
            while True:
                resized.clear()  # first: a size that changes while it draws counts
                size = console.size
                live.update(draw(seen, size.width, size.height), refresh=True)
                if not resized.wait(max(due - time.monotonic(), 0)):
                    break


def interval(text: str) -> float:
    """The seconds that --interval asks for; raise UsageError."""
    seconds = times.duration(text, "--interval").total_seconds()
    if not FASTEST_SECONDS <= seconds <= 3600:
        raise UsageError(f"--interval lies between 1s and 1h, not {text}.")
    return seconds


@contextmanager
def stoppable(stop: Event, wake: Event, says: str) -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into a wish to stop; a second one ends at once.

    What is in hand then is not cut in half.
    """

    def wish(number: int, frame: FrameType | None) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        stop.set()
        wake.set()
        render.note(says)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, wish) for number in numbers}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _signals(resized: Event) -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, terminal restored; SIGWINCH is told."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, end),
        signal.SIGWINCH: signal.signal(signal.SIGWINCH, lambda *_: resized.set()),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
