"""How many requests each deployment and each instance has in flight."""

from collections.abc import Iterator
from contextlib import contextmanager


class Load:
    """Counts by name; a name with nothing in flight isn't held.

    The counts don't depend on the routing table, so an instance that was taken out of
    it is still counted until its last request is answered.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def of(self, name: str) -> int:
        return self.counts.get(name, 0)

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """Count one more request as long as the block runs."""
        self.counts[name] = self.of(name) + 1
        try:
            yield
        finally:
            left = self.counts[name] - 1
            if left:
                self.counts[name] = left
            else:
                del self.counts[name]
