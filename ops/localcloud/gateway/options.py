"""What the gateway's two processes are told on their command lines."""

import argparse
from pathlib import Path

HOST = "127.0.0.1"


def parse(program: str) -> argparse.Namespace:
    """`state`, a folder; `port`, 0 for any; `listener`, an inherited descriptor."""
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--state", type=Path, required=True, help="state directory")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument(
        "--listener", type=int, help="the descriptor of a socket that listens already"
    )
    return parser.parse_args()
