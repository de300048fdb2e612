"""The engine's decisions for whoever asks by JSON: what it would do, and a whole play.

So that a simulation, an explanation and the engine can't differ: one code decides.
"""

from datetime import datetime
from typing import Any

from ops.localcloud.autoscaling.decisions import Decision, Memory, Observed, decide
from ops.localcloud.autoscaling.profiles import chosen
from ops.localcloud.autoscaling.settings import Trigger, setting, trigger
from ops.localcloud.autoscaling.simulation import simulate
from ops.localcloud.autoscaling.triggers import Point, value


def answer(told: dict[str, Any]) -> dict[str, Any]:
    """`decide` is a list of cases, `play` one play; each is answered by its name."""
    found: dict[str, Any] = {}
    if "decide" in told:
        found["decide"] = [_decided(case) for case in told["decide"]]
    if "play" in told:
        found["play"] = simulate(told["play"])
    return found


def _decided(case: dict[str, Any]) -> dict[str, Any]:
    """A case holds properties, now, instances, busy, memory and readings: triggers
    with the points of their windows."""
    wanted = setting(case["properties"])
    now = datetime.fromisoformat(case["now"])
    points: dict[tuple[object, ...], list[Point | None]] = {}
    for reading in case["readings"]:
        points[_key(trigger(reading["trigger"], wanted.target))] = reading["points"]
    profile = chosen(wanted, now)
    instances = case["instances"]
    triggers = [rule.trigger for rule in profile.rules] if profile else []
    seen = Observed(
        instances=instances,
        values={
            each: value(each, points.get(_key(each), []), instances)
            for each in triggers
        },
        memory=_memory(case.get("memory") or {}),
        busy=case.get("busy", ""),
    )
    return _shown(decide(wanted, seen, now), profile.name if profile else "")


def _key(each: Trigger) -> tuple[object, ...]:
    return (*each.series, each.window, each.statistic)


def _memory(told: dict[str, str]) -> Memory:
    moments = {
        name: datetime.fromisoformat(told[name])
        for name in ("at", "until")
        if told.get(name)
    }
    return Memory(**moments, what=told.get("what", ""))


def _shown(decision: Decision, profile: str) -> dict[str, Any]:
    cooldown = decision.rule.cooldown.total_seconds() if decision.rule else 0.0
    return {
        "cooldown_seconds": cooldown,
        "count": decision.count,
        "reason": decision.reason,
        "text": decision.text,
        "profile": profile,
    }
