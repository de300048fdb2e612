"""Stops all that a state directory has running, also when its control plane is dead."""

from dataclasses import replace
from pathlib import Path

from ops.localcloud import processes
from ops.localcloud.instances import LIVE, identity, noted
from ops.localcloud.retiring import retire_console
from ops.localcloud.state import State

PATIENCE = 10.0  # seconds between SIGTERM and SIGKILL


def shut_down(directory: Path) -> list[str]:
    """Stop the gateway and every instance; return a line for each that was stopped.

    To be called when no control plane holds the directory's lock. Processes are known
    by pid and time of creation, or by their mark: a stranger's is never touched. The
    deployments stay as they are wished, so the next control plane starts them anew.
    """
    found = {p.identity: p for p in processes.marked(directory)}
    leaders = [p for p in found.values() if p.leader]
    # The gateway first: an instance in its table should not be called any more.
    leaders.sort(key=lambda process: process.name != "gateway")
    for process in leaders:
        processes.thaw(process.identity)  # it may have been frozen in a drill
        processes.terminate(process.identity)
    left = processes.wait_gone(list(found), PATIENCE)
    for identity_ in left:
        processes.kill(identity_)
    processes.wait_gone(left, PATIENCE)
    if (directory / "state.db").is_file():
        _write_down(directory)
    return [f"stopped {p.name} (pid {p.identity.pid})" for p in leaders]


def _write_down(directory: Path) -> None:
    """Have the instances start anew next time, and let those go that were to end."""
    state = State(directory / "state.db")
    try:
        for instance in state.instances():
            if (process := identity(instance)) is not None:
                processes.kill(process)  # unmarked, should that ever be
            if instance.state in LIVE:
                waiting = noted(instance, until=None, exits=None, passed=None)
                state.save_instance(
                    replace(waiting, state="Waiting", pid=None, process_created=None)
                )
            elif instance.state != "Stopped":
                retire_console(directory, instance.deployment, instance.id)
                state.delete_instance(instance.id)
    finally:
        state.close()
