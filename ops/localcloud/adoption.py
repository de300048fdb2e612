"""Takes over what the last control plane has left running."""

import logging
import shutil
from pathlib import Path

from ops.localcloud import processes
from ops.localcloud.instances import interrupted, running_as, runs
from ops.localcloud.marks import GATEWAY, LISTENER
from ops.localcloud.state import State

log = logging.getLogger(__name__)

RUNNING = ("Starting", "Ready", "NotReady")
ENDED = "it has ended while localcloud was away; that counts as no exit of its own"


def adopt(state: State, directory: Path) -> None:
    """Find the processes of instances again; end those that nobody has a record of.

    A control plane may be killed between starting a process and writing down its pid:
    such a process is known by its mark. The gateway is another's business.

    What has ended meanwhile has most likely done so with the machine, or with the
    control plane: it is started anew at once, and nothing is held against it.
    """
    everything = list(processes.marked(directory))
    found = [p for p in everything if p.name not in (LISTENER, GATEWAY)]
    leaders = {p.name: p.identity for p in found if p.leader}
    for instance in state.instances():
        unwritten = instance.state == "Starting" and instance.pid is None
        if unwritten and instance.id in leaders:
            state.save_instance(running_as(instance, leaders[instance.id]))
    for instance in state.instances():
        # Where all ended at once, the control plane may have seen an instance go first.
        paused = instance.state == "Waiting" and not everything
        if paused or (instance.state in RUNNING and not runs(instance)):
            state.save_instance(interrupted(instance))
            state.record(instance.deployment, instance.id, "Killing", ENDED)
    known = {instance.id: instance for instance in state.instances()}
    for process in found:
        if process.name not in known or not runs(known[process.name]):
            log.warning("ending %s, which nobody has a record of", process)
            processes.kill(process.identity)
    for folder in (directory / "instances").glob("*"):
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)
