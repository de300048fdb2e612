"""A screen that repaints itself until Ctrl-C."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from ops import times
from ops.errors import UsageError
from ops.views import render

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
    resized: SimpleQueue[None] = SimpleQueue()
    with (
        suppress(KeyboardInterrupt),
        _signals(resized),
        Live(console=console, screen=whole_screen, auto_refresh=False) as live,
    ):
        while True:
            due = time.monotonic() + seconds
            seen = look()
            while True:
                size = console.size
                live.update(draw(seen, size.width, size.height), refresh=True)
                if not _changed(resized, due - time.monotonic()):
                    break


def interval(text: str) -> float:
    """The seconds that --interval asks for; raise UsageError."""
    seconds = times.duration(text, "--interval").total_seconds()
    if not FASTEST_SECONDS <= seconds <= 3600:
        raise UsageError(f"--interval lies between 1s and 1h, not {text}.")
    return seconds


def _changed(resized: "SimpleQueue[None]", seconds: float) -> bool:
    """Whether the size changes within so many seconds, or has since it was drawn."""
    try:
        resized.get(timeout=max(seconds, 0))
    except Empty:
        return False
    with suppress(Empty):
        while True:  # many changes at once are drawn once
            resized.get_nowait()
    return True


@contextmanager
def stoppable(stop: Event, wake: Event, says: str) -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into a wish to stop; a second one ends at once.

    What is in hand then is not cut in half. The handler writes to a queue alone, as
    that of _signals does; a thread of its own sets the events.
    """
    wishes: SimpleQueue[bool] = SimpleQueue()

    def wish(number: int, frame: FrameType | None) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        wishes.put(True)

    def listen() -> None:
        if not wishes.get():
            return
        try:
            render.note(says)
        finally:  # even where nobody listens
            stop.set()
            wake.set()

    Thread(target=listen, name="stop", daemon=True).start()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, wish) for number in numbers}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        wishes.put(False)


@contextmanager
def _signals(resized: "SimpleQueue[None]") -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, terminal restored; SIGWINCH is told.

    By a queue, because a handler may write to it whatever it interrupts. An Event has
    a lock: set by the handler while wait() holds that, it would wait for itself.
    """

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, end),
        signal.SIGWINCH: signal.signal(signal.SIGWINCH, lambda *_: resized.put(None)),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
