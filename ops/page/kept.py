"""Readings that are kept a while for whoever asks, and made once for all of them."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any

MOST_KEPT = 200  # readings: a page that is left open keeps no more than that


@dataclass
class Place:
    """Where one reading is kept; whoever comes while it is made waits for it."""

    lock: Lock = field(default_factory=Lock)
    due: float = 0.0
    value: Any = None


class Kept:
    """The latest readings; the one that was asked for longest ago goes first."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._lock = Lock()
        self._places: OrderedDict[Hashable, Place] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: Hashable, seconds: float, read: Callable[[Any], Any]) -> Any:
        """What `read` has said within so many seconds; it gets what it said before."""
        with self._lock:
            place = self._places.setdefault(key, Place())
            self._places.move_to_end(key)
            while len(self._places) > self._most:
                self._places.popitem(last=False)
        with place.lock:
            if monotonic() >= place.due:
                place.value = read(place.value)
                place.due = monotonic() + seconds
            return place.value

    def fresh(self, key: Hashable) -> Any:
        """What was said, where that is still good; None else. It never waits."""
        place = self._places.get(key)
        return place.value if place and monotonic() < place.due else None
