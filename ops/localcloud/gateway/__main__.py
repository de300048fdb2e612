"""Starts the gateway: `python -m ops.localcloud.gateway --state DIR [--port N]`.

`--listener FD` has it accept from a socket that listens already.
"""

import asyncio
import errno
import logging
import socket
import sys

from ops.localcloud import descriptors
from ops.localcloud.gateway.options import HOST, parse
from ops.localcloud.gateway.server import BACKLOG, serve


def main() -> None:
    options = parse("python -m ops.localcloud.gateway")
    logging.basicConfig(
        stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    descriptors.allow_all()
    folder = options.state / "gateway"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        if options.listener is None:
            opened = socket.create_server((HOST, options.port), backlog=BACKLOG)
            listener = descriptors.Listener(fileno=opened.detach())
        else:
            listener = descriptors.Listener(fileno=options.listener)
        asyncio.run(serve(folder, listener))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"gateway: port {options.port} of 127.0.0.1 is taken")
        sys.exit(f"gateway: {error}")


if __name__ == "__main__":
    main()
