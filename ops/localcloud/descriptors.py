"""File descriptors: as many as the system allows, since each connection takes one."""

import asyncio
import errno
import logging
import os
import resource
import socket
from typing import Any

log = logging.getLogger(__name__)

SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
RESERVE = 256  # for files, and the gateway's way to instances; at most half of all
PERIOD_SECONDS = 60.0  # from one log line about a shortage to the next


def allow_all() -> None:
    """Raise the soft limit, 1,024 as a rule, to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Listener(socket.socket):
    """A listening socket that leaves some descriptors to all but its callers.

    Were callers to take the last one, whatever else opens a file would fail. They
    wait in the socket's queue instead, as when none is left.
    """

    def accept(self) -> tuple[socket.socket, Any]:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        following = os.dup(self.fileno())  # the system gives the lowest that is free
        os.close(following)
        if following >= limit - min(RESERVE, limit // 2):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


class Shortage:
    """Log connections that can't be accepted: the first at once, the others counted.

    To be set as a loop's exception handler. asyncio tries again every second, and
    tells of each try as often as its listening socket has places in its queue.
    """

    def __init__(self, period_seconds: float = PERIOD_SECONDS) -> None:
        self._period = period_seconds
        self._failures = 0  # since the last line
        self._timer: asyncio.TimerHandle | None = None

    def __call__(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in SHORT):
            loop.default_exception_handler(context)
        elif self._timer:
            self._failures += 1
        else:
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            log.error(
                "new connections wait: %s (at most %s descriptors)",
                error.strerror,
                f"{limit:,}",
            )
            self._timer = loop.call_later(self._period, self._sum_up, loop)

    def _sum_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell how many followed; where none did, the next one is a first one again."""
        self._timer = None
        if self._failures:
            log.error(
                "new connections could not be accepted %s more times in %g s",
                f"{self._failures:,}",
                self._period,
            )
            self._failures = 0
            self._timer = loop.call_later(self._period, self._sum_up, loop)
