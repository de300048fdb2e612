"""A scoring script that is killed by its liveness probe while it still starts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.diagnosis.facts import Facts, at
from ops.endpoints import Deployment, milliseconds
from ops.measures import Event

# Azure: the defaults of a managed deployment's probes.
DEFAULTS = {"initialDelay": "PT10S", "period": "PT10S", "timeout": "PT2S"}
FAILURES = 30
BEGUN, DONE = "Invoking user's init function", "init has completed"


@dataclass(frozen=True, kw_only=True)
class SlowStart:
    """What shows it, what it is, and what to do."""

    evidence: list[str]
    cause: str
    next: list[str]


def seen(facts: Facts, deployment: Deployment) -> SlowStart | None:
    """Whether liveness probes failed before an instance had ever answered one."""
    name = deployment.name
    own = [each for each in facts.events if each.deployment == name]
    failed = [each for each in own if each.name == "LivenessProbeFailed"]
    starts = [_started(own, each) for each in failed]
    allowed = allowed_seconds(deployment)
    waits = [
        (event.at - start).total_seconds()
        for event, start in zip(failed, starts, strict=True)
        if start
    ]
    running = _init_runs(facts.consoles.get(name, []))
    if not waits or not running or max(waits) > 3 * allowed + 60:
        return None
    last = failed[-1]
    return SlowStart(
        evidence=[
            f"{at(last.at)} {last.instance} LivenessProbeFailed, "
            f"{max(waits):.0f} s after its start",
            "console: init() had begun and was not done",
        ],
        cause=f"init() takes longer than the liveness probe allows, {allowed:g} s from "
        "the start (initial_delay and failure_threshold times period), and is killed "
        "for it",
        next=[
            f"liveness_probe.initial_delay of {name} in its file: above what init() "
            "takes, and readiness_probe.initial_delay too",
            f"invoke validate --run{facts.flags}   # measures how long init() takes",
        ],
    )


def allowed_seconds(deployment: Deployment) -> float:
    """How long the liveness probe lets a process start."""
    return allowed(deployment.body["properties"].get("livenessProbe") or {})


def allowed(probe: dict[str, Any]) -> float:
    """The seconds that a probe, as Azure has it, gives a process to answer first."""
    delay, period = (
        milliseconds(probe.get(name) or DEFAULTS[name]) / 1000
        for name in ("initialDelay", "period")
    )
    return delay + period * (probe.get("failureThreshold") or FAILURES)


def _started(events: list[Event], failed: Event) -> datetime | None:
    """When the instance had last been started before its probe failed."""
    starts = [
        each.at
        for each in events
        if each.name == "Started"
        and each.instance == failed.instance
        and each.at <= failed.at + timedelta(seconds=1)
    ]
    return max(starts, default=None)


def _init_runs(lines: list[str]) -> bool:
    """Whether the last init() in a console was begun and not finished."""
    for line in reversed(lines):
        if DONE in line:
            return False
        if BEGUN in line:
            return True
    return False
