"""The command line of localcloud: `python -m ops.localcloud serve --state DIR`."""

import argparse
import json
import logging
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.localcloud import directory
from ops.localcloud.directory import Serving, Unusable

PATIENCE = 15.0  # seconds for another process to let go of the directory


def main() -> int:
    arguments = _parser().parse_args()
    where = arguments.state.resolve()
    try:
        return int(arguments.verb(where, arguments))
    except KeyboardInterrupt:
        return 130
    except (Unusable, Serving) as problem:
        return _refuse(str(problem))
    except (OSError, sqlite3.Error) as problem:
        return _refuse(f"{where}: {getattr(problem, 'strerror', None) or problem}")


def serve(where: Path, arguments: argparse.Namespace) -> int:
    """Serve in the foreground; done at once where another one already serves."""
    directory.open_directory(where)
    try:
        with _held(where, serving=True):
            return _serve(where, arguments.port)
    except Serving as other:
        _say(f"localcloud already serves {where} (pid {other.pid})")
        return 0


def down(where: Path, arguments: argparse.Namespace) -> int:
    """End the control plane, then the gateway and every instance."""
    if where.is_dir():
        with _ended(where) as lines:
            _say("\n".join(lines) or "localcloud was not running")
    else:
        _say("localcloud was not running")
    return 0


def reset(where: Path, arguments: argparse.Namespace) -> int:
    """What `down` does; then remove all that localcloud keeps."""
    if where.is_dir():
        with _ended(where) as lines:
            directory.empty(where)
            _say("\n".join([*lines, f"emptied {where}"]))
    else:
        _say(f"{where} does not exist")
    return 0


def rehearse(where: Path, arguments: argparse.Namespace) -> int:
    """Try a deployment's script, told by JSON on stdin; say how far it came."""
    from ops.localcloud.rehearsal import rehearse as run

    outcome = run(json.load(sys.stdin), log=logging.getLogger("builder").info)
    _say(json.dumps(vars(outcome)))
    return 0


def autoscale(where: Path, arguments: argparse.Namespace) -> int:
    """Say what the autoscale engine would do, as JSON on stdin asks."""
    from ops.localcloud.autoscaling.asked import answer

    _say(json.dumps(answer(json.load(sys.stdin))))
    return 0


def alerts(where: Path, arguments: argparse.Namespace) -> int:
    """Say what alert rules would have made of data, as JSON on stdin asks."""
    from ops.localcloud.alerting.asked import answers

    _say(json.dumps(answers(json.load(sys.stdin))))
    return 0


def status(where: Path, arguments: argparse.Namespace) -> int:
    """Say whether it serves, and where."""
    pid = directory.holder(where)
    facts = directory.facts(where) if pid else None
    if arguments.json:
        found = {"running": facts is not None, "state": str(where), **(facts or {})}
        _say(json.dumps(found))
    elif facts is None:
        _say("localcloud is not running")
    else:
        _say(f"localcloud serves at {facts['url']} (pid {facts['pid']})")
        _say(f"scoring goes to {facts['gateway_url']}")
    return 0


def _serve(where: Path, port: int | None) -> int:
    import asyncio  # `status` and a second `serve` do without all this

    from ops.localcloud.app import serve as run
    from ops.localcloud.gatewayprocess import GatewayDidNotStart

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        asyncio.run(run(where, port))
    except GatewayDidNotStart as problem:
        return _refuse(str(problem))
    return 0


@contextmanager
def _ended(where: Path) -> Iterator[list[str]]:
    """Hold a directory in which nothing runs any more; tell what was stopped."""
    from ops.localcloud.shutdown import shut_down

    directory.refuse_strangers(where)
    lines = _end_control_plane(where)
    with _held(where, serving=False):
        yield lines + shut_down(where)


@contextmanager
def _held(where: Path, *, serving: bool) -> Iterator[None]:
    """Hold the lock; wait while somebody is on the way in or out, not longer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with directory.locked(where, serving=serving):
                yield
            return
        except Serving as other:
            if other.pid or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _end_control_plane(where: Path) -> list[str]:
    """Ask the control plane to end, and make it end if it does not."""
    from ops.localcloud import processes

    pid = directory.holder(where)
    process = processes.identify(pid) if pid else None
    time.sleep(0.05)  # a process that has just taken the lock has yet to say its pid
    if not pid or pid != directory.holder(where):
        return []
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if directory.holder(where) != pid:
                # It has let go of the directory, and takes a moment to end.
                processes.wait_gone([process] if process else [], PATIENCE)
                return [f"stopped the control plane (pid {pid})"]
            time.sleep(0.02)
    raise Unusable(f"the control plane (pid {pid}) does not end")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops.localcloud",
        description="Azure ML endpoints on this machine.",
    )
    verbs = parser.add_subparsers(required=True)
    for verb in (serve, down, status, reset, rehearse, autoscale, alerts):
        part = verbs.add_parser(verb.__name__, help=verb.__doc__)
        part.add_argument("--state", type=Path, required=True, metavar="DIR")
        part.set_defaults(verb=verb)
        if verb is serve:
            part.add_argument(
                "--port", type=_port, help="default: the last run's, or any"
            )
        if verb is status:
            part.add_argument("--json", action="store_true")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _refuse(line: str) -> int:
    sys.stderr.write(f"localcloud: {line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
