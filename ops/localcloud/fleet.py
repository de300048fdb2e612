"""All instances of a state directory: started, watched, adopted, restarted, stopped."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ops.localcloud import instances, processes, sabotage, scoringuser, sockets
from ops.localcloud.adoption import adopt
from ops.localcloud.console import cause, console_log, since
from ops.localcloud.instances import Launch, identity, launch_of, note, noted
from ops.localcloud.probing import Answer, Prober
from ops.localcloud.recipe import Probe, probe
from ops.localcloud.records import Instance, text
from ops.localcloud.retiring import retire_console
from ops.localcloud.state import State
from ops.localcloud.verdicts import Verdict, exits_in_a_row, judge

GRACE = timedelta(seconds=35)  # after SIGTERM; the inference server takes up to 30


class Fleet:
    """Carries out what is decided about instances; its memory is the state."""

    def __init__(self, state: State, directory: Path, ring: Callable[[], None]) -> None:
        self._state = state
        self._directory = directory
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._ended: dict[int, int] = {}  # pid -> exit status, until it is told
        self._prober = Prober(ring)
        self._user = scoringuser.chosen()
        adopt(state, directory)

    def close(self) -> None:
        """Leave the instances running, for the next one to adopt."""
        self._prober.close()
        for child in self._children.values():
            processes.release(child)

    def look(self, now: datetime) -> None:
        """See how every instance does, and do what must be done about it."""
        self._reap()
        everyone = self._state.instances()
        self._tell(self._prober.collect(), everyone)
        for instance in everyone:
            probes = probes_of(launch_of(instance))
            verdict = self._verdict(instance, probes, now)
            if verdict.action == "start" and not instances.whole(instance):
                continue  # until that is made ready again
            if verdict.action != "keep":
                self._apply(instance, verdict, now)
            elif instance.state in {"Starting", "Ready", "NotReady"}:
                self._prober.ask(instance, probes, now)
        self._prober.forget({(i.id, i.port) for i in everyone if i.port})

    def _reap(self) -> None:
        for pid, child in list(self._children.items()):
            if child.poll() is not None:
                self._ended[pid] = child.returncode
                del self._children[pid]

    def _tell(self, answers: Iterable[Answer], everyone: Iterable[Instance]) -> None:
        """Record a probe that begins to fail, and once a minute that it still does."""
        known = {instance.id: instance for instance in everyone}
        for answer in answers:
            instance = known.get(answer.instance)
            if instance is None or answer.problem is None:
                continue
            probe = probes_of(launch_of(instance)).get(answer.kind)
            streak = self._prober.health(instance).streak(answer.kind)
            if probe and streak and streak.is_news(probe):
                kind = "Liveness" if answer.kind == "liveness" else "Readiness"
                message = f"{answer.kind} probe failed: {answer.problem}"
                self._event(instance, f"{kind}ProbeFailed", message)

    def _verdict(
        self, instance: Instance, probes: Mapping[str, Probe], now: datetime
    ) -> Verdict:
        # Our own child is dead when it can be waited for, and then tells its status.
        alive = instance.pid in self._children or instances.runs(instance)
        ended = not alive and instance.state in {"Starting", "Ready", "NotReady"}
        return judge(
            instance,
            alive=alive,
            died_of=self._died_of(instance) if ended else "",
            health=self._prober.health(instance),
            probes=probes,
            now=now,
        )

    def _died_of(self, instance: Instance) -> str:
        if instance.pid is None:
            status = "it could not be started"
        elif (code := self._ended.get(instance.pid)) is None:
            status = "it has ended"  # another's child: its status is not told to us
        else:
            status = f"exit status {code}" if code >= 0 else f"killed by signal {-code}"
        log_file = console_log(self._directory, instance.id)
        why = cause(since(log_file, note(instance, "offset", 0)))
        return f"{status}: {why}" if why else status

    def _apply(self, instance: Instance, verdict: Verdict, now: datetime) -> None:
        match verdict.action:
            case "start":
                self._start(instance, now)
            case "pass":
                self._save(noted(instance, passed=True))
            case "ready":
                ready = instance.ready or now
                self._save(replace(instance, state="Ready", ready=ready))
            case "not_ready":
                self._save(replace(instance, state="NotReady"))
            case "pause":
                self._pause(instance, verdict, now)
            case "give_up":
                self._event(instance, "BackOff", verdict.reason)
                given_up = noted(instance, gave_up=verdict.reason)
                self._save(given_up)
                self.stop(given_up, "it will not be ready", now)
            case "restart":
                self._restart(instance, verdict.reason, now)
            case "kill":
                self._kill(instance)
            case "gone":
                self._gone(instance)

    def _pause(self, instance: Instance, verdict: Verdict, now: datetime) -> None:
        self._event(instance, "BackOff", verdict.reason)
        self._kill(instance)  # a worker may outlive its master
        exits, until = exits_in_a_row(instance, now), text(verdict.until or now)
        ended = {"exits": exits, "died_of": verdict.died_of}
        paused = noted(instance, **ended, until=until, passed=None)
        self._save(
            replace(
                paused,
                state="Waiting",
                pid=None,
                process_created=None,
                ready=None,
                restarts=instance.restarts + 1,
            )
        )

    def _restart(self, instance: Instance, reason: str, now: datetime) -> None:
        self._event(instance, "LivenessProbeFailed", reason)
        self._event(instance, "Killing", "it is restarted, since its probe fails")
        dying = noted(instance, killing=text(now + GRACE), passed=None)
        self._save(replace(dying, state="NotReady" if instance.ready else "Starting"))
        if process := identity(instance):
            processes.terminate(process)

    def _gone(self, instance: Instance) -> None:
        self._kill(instance)
        sockets.remove(instance.port)
        if note(instance, "gave_up"):
            gone = replace(instance, state="Stopped", pid=None, process_created=None)
            self._save(gone)  # somebody will want to read its log
        else:
            self.forget(instance)

    def add(
        self,
        deployment: str,
        launch: Launch,
        fingerprint: str,
        operation: str | None,
        now: datetime,
    ) -> None:
        """Start one more instance of a deployment (by its id)."""
        instance = instances.new_instance(deployment, launch, fingerprint)
        self._event(instance, "Created", f"template {fingerprint}")
        self._start(noted(instance, operation=operation), now)

    def _start(self, instance: Instance, now: datetime) -> None:
        with sockets.listen() as listener:
            begun = instances.about_to_start(instance, listener, self._directory, now)
            self._save(begun)  # before there is a process, so that none gets lost
            self._spawn(begun, listener)

    def _spawn(self, instance: Instance, listener: socket.socket) -> None:
        try:
            sabotage.require_start(self._state, instance.deployment)
            child = instances.start(instance, listener, self._directory, self._user)
        except (OSError, ValueError) as error:  # its code is gone, a variable is odd
            with console_log(self._directory, instance.id).open("a") as console:
                console.write(f"{error}\n")
            return
        self._children[child.pid] = child
        self._ended.pop(child.pid, None)
        if process := processes.identify(child.pid):
            self._save(instances.running_as(instance, process))
        else:  # it has ended already: it is enough to know what to ask the status of
            self._save(replace(instance, pid=child.pid, process_created=0.0))
        self._event(instance, "Started", f"pid {child.pid}")

    def promote(self, instance: Instance, now: datetime) -> None:
        """Let a ready instance have requests."""
        ready = noted(instance, proven=True)
        self._save(replace(ready, state="Ready", ready=now))

    def drain(self, instance: Instance, until: datetime) -> None:
        """Let an instance have no new requests; what it has may take until then."""
        draining = noted(instance, until=text(until))
        self._save(replace(draining, state="Draining"))

    def stop(self, instance: Instance, reason: str, now: datetime) -> None:
        """End an instance: it may finish what it has in hand."""
        process = identity(instance)
        if process is None or not instances.runs(instance):
            self._gone(instance)
            return
        self._event(instance, "Killing", reason)
        stopping = noted(instance, until=text(now + GRACE))
        self._save(replace(stopping, state="Stopping"))
        processes.terminate(process)

    def forget(self, instance: Instance) -> None:
        """Drop the record of an instance that has ended; its log is read to the end."""
        if instance.pid is not None:
            self._ended.pop(instance.pid, None)
        retire_console(self._directory, instance.deployment, instance.id)
        self._state.delete_instance(instance.id)
        folder = console_log(self._directory, instance.id).parent
        shutil.rmtree(folder, ignore_errors=True)

    def _kill(self, instance: Instance) -> None:
        """Kill whatever is left of an instance, its workers too."""
        if process := identity(instance):
            processes.kill(process)
        for found in processes.marked(self._directory):
            if found.name == instance.id:
                processes.kill(found.identity)

    def _save(self, instance: Instance) -> None:
        self._state.save_instance(instance)

    def _event(self, instance: Instance, name: str, message: str) -> None:
        self._state.record(instance.deployment, instance.id, name, message)


def probes_of(launch: Launch) -> dict[str, Probe]:
    """The probes of a template; there is always one of readiness."""
    wires: dict[str, dict[str, Any]] = {"readiness": {}, **launch.probes}
    return {kind: probe(wire) for kind, wire in wires.items()}
