"""The command line of localcloud: `python -m ops.localcloud serve --state DIR`."""

import argparse
import json
import logging
import sqlite3
import sys
from pathlib import Path

from ops.localcloud import damage, descriptors, directory, scoringuser, takeover
from ops.localcloud.damage import Damaged
from ops.localcloud.database import Unreadable
from ops.localcloud.directory import Unusable
from ops.localcloud.lock import Lock, Serving, holder

# Exit statuses of what can't serve because state.db is gone or can't be read: there
# is a copy of it, or there is none.
COPIED, LOST = 4, 5


def main() -> int:
    arguments = _parser().parse_args()
    where = arguments.state.resolve()
    try:
        return int(arguments.verb(where, arguments))
    except KeyboardInterrupt:
        return 130
    except Damaged as problem:
        return _refuse(str(problem), COPIED if problem.copied else LOST)
    except (Unusable, Serving) as problem:
        return _refuse(str(problem))
    except OSError as problem:
        return _refuse(f"{problem.filename or where}: {problem.strerror or problem}")
    except (sqlite3.Error, Unreadable) as problem:
        return _refuse(f"{where}: {problem}")


def serve(where: Path, arguments: argparse.Namespace) -> int:
    """Serve in the foreground; done at once where another one already serves."""
    try:
        scoringuser.chosen()
    except ValueError as problem:
        raise Unusable(str(problem)) from None
    directory.open_directory(where)
    try:
        with takeover.held(where) as lock:
            return _serve(where, arguments.port, lock)
    except Serving as other:
        _say(f"localcloud already serves {where} (pid {other.pid})")
        return 0


def down(where: Path, arguments: argparse.Namespace) -> int:
    """End the control plane, then the gateway and every instance."""
    if where.is_dir():
        with takeover.ended(where) as lines:
            _say("\n".join(lines) or "localcloud was not running")
    else:
        _say("localcloud was not running")
    return 0


def reset(where: Path, arguments: argparse.Namespace) -> int:
    """What `down` does; then remove all that localcloud keeps."""
    if where.is_dir():
        with takeover.ended(where) as lines:
            directory.tidy(where)
            kept = damage.keep_aside(where)
            directory.empty(where, keep=(directory.BROKEN,) if kept else ())
            _say("\n".join([*lines, f"emptied {where}", *kept]))
    else:
        _say(f"{where} does not exist")
    return 0


def repair(where: Path, arguments: argparse.Namespace) -> int:
    """Bring back state.db from its copy, begin a new log store, if they are damaged.

    The control plane ends; the gateway and the instances go on.
    """
    if not where.is_dir():
        _say(f"{where} does not exist")
        return 0
    directory.refuse_strangers(where)
    with takeover.alone(where) as lines:
        directory.tidy(where)
        _say("\n".join([*lines, *(damage.repair(where) or ["nothing is damaged"])]))
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
    pid = holder(where)
    facts = directory.facts(where) if pid else None
    problem = "" if facts or not where.is_dir() else damage.state_problem(where)
    if arguments.json:
        found = {"running": facts is not None, "state": str(where), **(facts or {})}
        copied = bool(problem) and damage.is_copied(where)
        _say(json.dumps({**found, "problem": problem, "copied": copied}))
    elif facts is None:
        _say("localcloud is not running" + (f": {problem}" if problem else ""))
    else:
        _say(f"localcloud serves at {facts['url']} (pid {facts['pid']})")
        _say(f"scoring goes to {facts['gateway_url']}")
    return 0


def _serve(where: Path, port: int | None, lock: Lock) -> int:
    import asyncio  # `status` and a second `serve` do without all this

    from ops.localcloud.app import serve as run
    from ops.localcloud.gatewayprocess import GatewayDidNotStart
    from ops.localcloud.memory import share_arenas

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    share_arenas()
    descriptors.allow_all()
    for path in directory.tidy(where):
        logging.warning("set aside %s", path)
    damage.require_state(where)
    directory.furnish(where)
    try:
        asyncio.run(run(where, port, lock))
    except GatewayDidNotStart as problem:
        return _refuse(str(problem))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops.localcloud",
        description="Azure ML endpoints on this machine.",
    )
    verbs = parser.add_subparsers(required=True)
    for verb in (serve, down, status, reset, repair, rehearse, autoscale, alerts):
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


def _refuse(line: str, code: int = 1) -> int:
    sys.stderr.write(f"localcloud: {line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
