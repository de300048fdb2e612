"""Starts the gateway: `python -m ops.localcloud.gateway --state DIR [--port N]`."""

import argparse
import asyncio
import errno
import logging
import resource
import sys
from pathlib import Path

from ops.localcloud.gateway.server import serve


def main() -> None:
    options = _options()
    logging.basicConfig(
        stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    _allow_many_connections()
    folder = options.state / "gateway"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        asyncio.run(serve(folder, options.port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"gateway: port {options.port} of 127.0.0.1 is taken")
        sys.exit(f"gateway: {error}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ops.localcloud.gateway")
    parser.add_argument("--state", type=Path, required=True, help="state directory")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    return parser.parse_args()


def _allow_many_connections() -> None:
    """Each request takes two descriptors, and the usual soft limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
