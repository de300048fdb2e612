"""What a drill does to instances: it kills, freezes and slows them, or lets none start.

The faults are wishes like any other; the engines see to them. It runs in the
supervisor's own thread, which alone writes down how instances are.
"""

from ops.localcloud import faults, processes
from ops.localcloud.faults import Fault
from ops.localcloud.instances import identity, note, noted
from ops.localcloud.state import State


def carry_out(state: State) -> None:
    """Kill and freeze what is to be, once each; thaw what no fault holds any more."""
    there = {fault.number: fault for fault in faults.every(state)}
    for fault in there.values():
        if fault.do in ("kill", "freeze") and fault.instances:
            _strike(state, fault)
    for instance in state.instances():
        frozen = note(instance, "frozen")
        if frozen is not None and not _holds(there.get(frozen), state):
            if process := identity(instance):
                processes.thaw(process)
            state.save_instance(noted(instance, frozen=None))


def delays(state: State) -> dict[str, int]:
    """The milliseconds by which a deployment's answers are late, by its id."""
    return {
        fault.deployment: round(fault.seconds * 1000)
        for fault in faults.every(state)
        if fault.do == "slow" and fault.due(state.clock.now())
    }


def require_start(state: State, deployment: str) -> None:
    """Raise OSError where no instance of the deployment may start."""
    for fault in faults.every(state):
        if fault.do == "refuse" and fault.deployment == deployment:
            strikes = fault.due(state.clock.now())
            faults.count(state, fault, struck=strikes)
            if strikes:
                raise OSError(f"fault {fault.number} of a drill lets no instance start")


def _strike(state: State, fault: Fault) -> None:
    for instance in state.instances(fault.deployment):
        process = identity(instance)
        if instance.id not in fault.instances or process is None:
            continue
        if fault.do == "kill":
            processes.kill(process)
        else:
            processes.freeze(process)
            state.save_instance(noted(instance, frozen=fault.number))
        faults.count(state, fault, struck=True)
    state.observe(fault.id, instances=[])


def _holds(fault: Fault | None, state: State) -> bool:
    return fault is not None and fault.lasts(state.clock.now())
