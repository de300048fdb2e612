"""The autoscale engine asked what it does: localcloud's, as a process of its own.

Azure shows neither its decisions nor a forecast. localcloud's engine follows what Azure
documents of its own (docs/autoscale.md), and this asks the very code that scales there.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops import cloud


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a decision is made from."""

    properties: dict[str, Any]  # of the setting, on the wire
    now: datetime
    instances: int
    readings: list[dict[str, Any]] = field(default_factory=list)  # trigger, points
    busy: str = ""
    memory: dict[str, str] = field(default_factory=dict)  # at, until, what


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the engine would do, and why."""

    count: int
    reason: str
    text: str
    profile: str
    cooldown_seconds: float = 0.0  # of the rule that would act


@dataclass(frozen=True, kw_only=True)
class Action:
    """One change of the count in a play."""

    at: datetime
    before: int
    after: int
    reason: str
    text: str
    flap: bool


@dataclass(frozen=True, kw_only=True)
class Play:
    """A setting played over a load, by the minute."""

    counts: list[int]
    serving: list[int]
    actions: list[Action]
    deferred: dict[str, int]
    short_minutes: int
    short_at_maximum: int
    without_data: int


def decide(cases: Sequence[Case]) -> list[Verdict]:
    """A verdict on each case."""
    if not cases:
        return []
    told = [{**vars(case), "now": case.now.isoformat()} for case in cases]
    return [Verdict(**each) for each in _ask({"decide": told})["decide"]]


def play(
    properties: dict[str, Any],
    loads: list[dict[str, Any]],
    start: datetime,
    instances: int,
    starting_minutes: int = 0,
) -> Play:
    """The whole length of the loads, from so many instances on."""
    told = {
        "properties": properties,
        "loads": loads,
        "start": start.isoformat(),
        "minutes": min(len(load["values"]) for load in loads),
        "instances": instances,
        "starting_minutes": starting_minutes,
    }
    found = _ask({"play": told})["play"]
    actions = [
        Action(**{**each, "at": datetime.fromisoformat(each["at"])})
        for each in found.pop("actions")
    ]
    return Play(actions=actions, **found)


def _ask(told: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(cloud.run("autoscale", text=json.dumps(told)))
    return answer
