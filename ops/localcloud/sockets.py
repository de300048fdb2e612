"""Where scoring instances listen: socket files that one user of the machine can reach.

On an open port of the loopback any local user could ask a model, past the gateway and
its keys. An instance is known by a number: that of its file here, from FIRST on; a
lower one is a TCP port of the loopback.
"""

import http.client
import os
import secrets
import socket
import stat
from contextlib import suppress
from pathlib import Path

FIRST, LAST = 1 << 16, 1 << 31
BACKLOG = 2048  # gunicorn's own
HOST = "127.0.0.1"


def listen() -> socket.socket:
    """A socket for one instance to take over; raise OSError."""
    place = folder()
    place.mkdir(mode=0o700, exist_ok=True)
    _require_ours(place)
    listener = socket.socket(socket.AF_UNIX)
    try:
        while True:
            number = FIRST + secrets.randbelow(LAST - FIRST)
            if not path(number).exists():
                break
        listener.bind(str(path(number)))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def number_of(listener: socket.socket) -> int:
    return int(Path(listener.getsockname()).stem)


def folder() -> Path:
    """The same for every process of a user, whatever TMPDIR says; names stay short."""
    return Path(f"/tmp/localcloud-{os.getuid()}")


def path(number: int) -> Path:
    return folder() / f"{number}.sock"


def address(number: int) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    """How to connect to the instance of that number."""
    if number < FIRST:
        return socket.AF_INET, (HOST, number)
    return socket.AF_UNIX, str(path(number))


def remove(number: int | None) -> None:
    """Let go of the file of an instance that is no more."""
    if number is not None and number >= FIRST:
        with suppress(OSError):
            path(number).unlink()


class Connection(http.client.HTTPConnection):
    """HTTP with the instance of a number."""

    def __init__(self, number: int, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._number = number

    def connect(self) -> None:
        family, place = address(self._number)
        self.sock = socket.socket(family)
        self.sock.settimeout(self.timeout)
        self.sock.connect(place)


def _require_ours(place: Path) -> None:
    """Raise where somebody else could reach what listens in the folder."""
    status = place.lstat()
    private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    if status.st_uid != os.getuid() or not private:
        raise PermissionError(f"{place} must be a folder of this user alone (0700)")
