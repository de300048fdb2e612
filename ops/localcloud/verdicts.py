"""What becomes of one instance, judged from how its process and its probes do.

A container that exits is restarted as Kubernetes does it, after a pause that grows.
One thing differs from Azure, where a deployment waits out the readiness probe even
when its script raises at once: an instance that was never ready is given up when it
has exited twice for the same reason, or three times, so that the cause is on the screen
in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ops.localcloud.instances import note
from ops.localcloud.probing import Health
from ops.localcloud.recipe import Probe
from ops.localcloud.records import Instance

EXITS_BEFORE_READY = 3
FIRST_PAUSES = (0, 1)  # seconds, after the exits of an instance that was never ready
PAUSES = (0, 10, 20, 40, 60)  # seconds, after the exits of one that was; the last stays
STEADY = timedelta(minutes=10)  # ready for so long, and earlier exits are forgiven


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What to do with an instance now, and why."""

    action: Literal[
        "keep",  # nothing to do
        "start",  # its pause is over
        "pass",  # it answers its readiness probe for the first time
        "ready",  # it answers again
        "not_ready",  # it answers no more
        "pause",  # it has exited: start it again at `until`
        "give_up",  # it will never be ready
        "restart",  # it must be killed and started again
        "kill",  # it has not ended in the time it was given
        "gone",  # it has ended, as it was told to
    ]
    reason: str = ""
    until: datetime | None = None
    died_of: str = ""  # how the process ended that is started again


KEEP = Verdict(action="keep")


def judge(
    instance: Instance,
    *,
    alive: bool,
    died_of: str,
    health: Health,
    probes: Mapping[str, Probe],
    now: datetime,
) -> Verdict:
    """What becomes of an instance; `died_of` tells how its process ended, if it has."""
    if instance.state == "Stopped":
        return KEEP
    if instance.state in {"Draining", "Stopping"}:
        return leaving(instance, alive, now)
    if instance.state == "Waiting":
        due = moment(instance, "until")
        return Verdict(action="start") if due is None or now >= due else KEEP
    if not alive:
        return exited(instance, died_of, now)
    if (deadline := moment(instance, "killing")) is not None:
        return Verdict(action="kill") if now >= deadline else KEEP
    return probed(instance, health, probes, now)


def leaving(instance: Instance, alive: bool, now: datetime) -> Verdict:
    if not alive:
        return Verdict(action="gone")
    deadline = moment(instance, "until")
    if instance.state == "Stopping" and (deadline is None or now >= deadline):
        return Verdict(action="kill", reason="did not end in time")
    return KEEP


def exited(instance: Instance, died_of: str, now: datetime) -> Verdict:
    """A restart after a pause, or the end of it for one that was never ready."""
    exits = exits_in_a_row(instance, now)
    if note(instance, "proven"):
        pause = PAUSES[min(exits, len(PAUSES)) - 1]
    elif exits < EXITS_BEFORE_READY and not _again(instance, died_of):
        pause = FIRST_PAUSES[exits - 1]
    else:
        reason = f"The instance exited {exits} times before it was ready: {died_of}"
        return Verdict(action="give_up", reason=reason)
    return Verdict(
        action="pause",
        reason=f"restarting in {pause} s, {died_of}",
        until=now + timedelta(seconds=pause),
        died_of=died_of,
    )


def _again(instance: Instance, died_of: str) -> bool:
    """Whether it has ended by itself just as it did the time before."""
    return died_of == note(instance, "died_of") and not note(instance, "killing")


def exits_in_a_row(instance: Instance, now: datetime) -> int:
    """How often it has exited by now, counted from when it last ran steadily."""
    if instance.ready and now - instance.ready > STEADY:
        return 1
    return int(note(instance, "exits", 0)) + 1


def probed(
    instance: Instance, health: Health, probes: Mapping[str, Probe], now: datetime
) -> Verdict:
    """What the probes of a running instance say."""
    for kind in ("startup", "liveness"):
        streak = health.streak(kind)
        if streak and streak.fails(probes[kind]):
            reason = f"{kind} probe failed {streak.failures} times: {streak.message}"
            return Verdict(action="restart", reason=reason)
    streak = health.streak("readiness")
    passes = streak is not None and streak.passes(probes["readiness"])
    if instance.state == "Ready":
        if streak and streak.fails(probes["readiness"]):
            return Verdict(action="not_ready", reason=streak.message)
        return KEEP
    if passes and note(instance, "proven"):
        return Verdict(action="ready", reason="the readiness probe passes")
    if passes:
        return KEEP if note(instance, "passed") else Verdict(action="pass")
    return overdue(instance, health, probes, now)


def overdue(
    instance: Instance, health: Health, probes: Mapping[str, Probe], now: datetime
) -> Verdict:
    """Give up an instance that has used up its probes' time without being ready."""
    if note(instance, "proven") or note(instance, "passed") or instance.started is None:
        return KEEP
    window = sum(probes[k].window for k in ("startup", "readiness") if k in probes)
    if now < instance.started + timedelta(seconds=window):
        return KEEP
    streaks = (health.streak(kind) for kind in ("readiness", "startup"))
    said = next((s.message for s in streaks if s and s.message), "no answer yet")
    return Verdict(
        action="give_up",
        reason=f"The instance was not ready within {window:g} s: {said}",
    )


def moment(instance: Instance, name: str) -> datetime | None:
    text = note(instance, name)
    return datetime.fromisoformat(text) if text else None
