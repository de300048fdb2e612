"""Holds the gateway's listening socket, so that it outlives every gateway.

A gateway that ends leaves callers waiting in the socket's queue and not refused: this
process starts the next one upon the same socket at once, whether there is a control
plane or not. SIGTERM ends it and leaves the gateway as it is; SIGUSR1 has it replace
a gateway that answers no more.

    python -m ops.localcloud.gateway.listener --state DIR [--port N]
"""

import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

from ops.localcloud.gateway.options import HOST, parse
from ops.localcloud.marks import GATEWAY, NAME_MARK

BACKLOG = 1024  # callers that may wait while a gateway starts
STEADY_SECONDS = 5.0  # a gateway that ran so long did not fail at its start
LONGEST_PAUSE = 5.0  # between starts that fail


def main() -> None:
    options = parse("python -m ops.localcloud.gateway.listener")
    try:
        listener = socket.create_server((HOST, options.port), backlog=BACKLOG)
    except OSError as error:
        sys.exit(f"gateway: {HOST}:{options.port}: {error.strerror}")
    listener.set_inheritable(True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pause = 0.0
    while True:
        began = time.monotonic()
        status = run(str(options.state), listener.fileno())
        steady = status == 0 or time.monotonic() - began > STEADY_SECONDS
        pause = 0.0 if steady else min(2 * pause + 0.05, LONGEST_PAUSE)
        time.sleep(pause)


def run(state: str, descriptor: int) -> int:
    """Run one gateway to its end; return its exit status."""
    command = [sys.executable, "-m", "ops.localcloud.gateway"]
    command += ["--state", state, "--listener", str(descriptor)]
    gateway = subprocess.Popen(
        command,
        pass_fds=[descriptor],
        start_new_session=True,
        env=dict(os.environ) | {NAME_MARK: GATEWAY},
    )

    def replace(number: int, frame: FrameType | None) -> None:
        gateway.kill()

    signal.signal(signal.SIGUSR1, replace)
    return gateway.wait()


if __name__ == "__main__":
    main()
