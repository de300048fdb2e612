"""Stops all that a state directory has running, also when its control plane is dead."""

import sqlite3
import time
from pathlib import Path

from ops.localcloud import processes, sockets
from ops.localcloud.damage import STATE
from ops.localcloud.database import Unreadable
from ops.localcloud.instances import LIVE, identity, interrupted, noted
from ops.localcloud.marks import GATEWAY, LISTENER
from ops.localcloud.processes import Identity, Marked
from ops.localcloud.retiring import retire_console
from ops.localcloud.state import State

ROUNDS = 5  # of what is found after others were stopped
MOMENT = 0.25  # seconds that a process may take to get its mark
PATIENCE = 10.0  # seconds between SIGTERM and SIGKILL


def shut_down(directory: Path) -> list[str]:
    """Stop the gateway and every instance; return a line for each that was stopped.

    To be called when no control plane holds the directory's lock. Processes are known
    by pid and time of creation, or by their mark: a stranger's is never touched. The
    deployments stay as they are wished, so the next control plane starts them anew.
    """
    lines = []
    for _ in range(ROUNDS):
        if not (found := _running(directory)):
            break
        lines += _stop(found)
    return lines + _write_down(directory)


def _running(directory: Path) -> dict[Identity, Marked]:
    """The processes of a directory.

    One that is being started carries no mark before it runs its own program: what a
    control plane began just before its end is found a moment later.
    """
    found = list(processes.marked(directory))
    if not found:
        time.sleep(MOMENT)
        found = list(processes.marked(directory))
    return {process.identity: process for process in found}


def _stop(found: dict[Identity, Marked]) -> list[str]:
    """Stop processes; return a line for each that was started as such."""
    leaders = [p for p in found.values() if p.leader]
    # The gateway first: an instance in its table should not be called any more; and
    # before it its listener, which would start another.
    order = (LISTENER, GATEWAY)
    leaders.sort(key=lambda p: order.index(p.name) if p.name in order else len(order))
    for process in leaders:
        processes.thaw(process.identity)  # it may have been frozen in a drill
        processes.terminate(process.identity)
    left = processes.wait_gone(list(found), PATIENCE)
    for identity_ in left:
        processes.kill(identity_)
    processes.wait_gone(left, PATIENCE)
    told = [process for process in leaders if process.name != LISTENER]
    return [f"stopped {p.name} (pid {p.identity.pid})" for p in told]


def _write_down(directory: Path) -> list[str]:
    """Have the instances start anew next time, and let those go that were to end.

    Return a line where it can't be written down: nothing is left to start anew.
    """
    if not (directory / STATE).is_file():
        return []
    try:
        state = State(directory / STATE)
    except (Unreadable, OSError) as problem:
        return [f"{STATE} can't be read: {problem}"]
    try:
        for instance in state.instances():
            if (process := identity(instance)) is not None:
                processes.kill(process)  # unmarked, should that ever be
            sockets.remove(instance.port)
            if instance.state in LIVE:
                state.save_instance(interrupted(noted(instance, exits=None)))
            elif instance.state != "Stopped":
                retire_console(directory, instance.deployment, instance.id)
                state.delete_instance(instance.id)
    except sqlite3.DatabaseError as problem:
        return [f"{STATE} can't be read: {problem}"]
    finally:
        state.close()
    return []
