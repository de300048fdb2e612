"""Drills on localcloud: its clock moves, requests fail, instances die, as asked.

An engineer who has met a failure on purpose knows it at 3 a.m. Nothing of this exists
on Azure, and localcloud refuses it until drills are switched on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops import times
from ops.clients import Workspace
from ops.errors import Refused, UsageError
from ops.orders import Order, whole


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault as localcloud keeps it, and how often it has struck by now."""

    number: int
    do: str
    matched: int
    struck: int
    until: datetime | None
    methods: list[str]
    path: str
    after: int
    times: int | None
    seconds: float
    late: bool
    status: int
    code: str
    deployment: str
    instances: list[str]


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert that is fired: of which rule, on what, since when."""

    rule: str
    severity: int
    target: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Drill:
    """Whether there is a drill, what time it is in it, and its faults."""

    on: bool
    decorate: bool  # answers hold what Azure adds to resources
    now: datetime
    ahead_seconds: float
    rate: float
    faults: list[Fault]
    alerts: list[Alert]  # that are fired now


def show(workspace: Workspace) -> Drill:
    return _drill(workspace.get(_url(workspace)))


def switch(
    workspace: Workspace, *, on: bool, off: bool, decorate: str | None = None
) -> Drill:
    """Switch drills or their decoration on or off; with nothing tell how they are."""
    if on and off:
        raise UsageError("Say either --on or --off, not both.")
    if decorate not in (None, "on", "off"):
        raise UsageError(f"--decorate must be on or off, not {decorate!r}.")
    if off and decorate:
        raise UsageError("--off ends the decoration too: leave out --decorate.")
    sent = {"on": on} if on or off else {}
    if decorate:
        sent["decorate"] = decorate == "on"
    if sent:
        workspace.put(_url(workspace), sent)
    return show(workspace)


def move_clock(workspace: Workspace, advance: str | None, rate: str | None) -> Drill:
    """Set the clock ahead, or have it go faster; it never goes back."""
    body: dict[str, Any] = {}
    if advance:
        body["advance_seconds"] = times.duration(advance, "--advance").total_seconds()
    if rate:
        body["rate"] = whole(rate, "--rate", 1, 600)
    if body:
        workspace.post(f"{_url(workspace)}/clock", body)
    return show(workspace)


def carry_out(workspace: Workspace, order: Order | None) -> Drill:
    """Ask for what was ordered; return the drill as it is then."""
    base = _url(workspace)
    if order and order.thaw:
        for fault in show(workspace).faults:
            if fault.do == "freeze" and fault.deployment.endswith(order.thaw):
                workspace.delete(f"{base}/faults/{fault.number}")
    elif order and order.body is None:
        workspace.delete(f"{base}/{order.path}")
    elif order:
        workspace.post(f"{base}/{order.path}", order.body)
    return show(workspace)


def _url(workspace: Workspace) -> str:
    if not workspace.local:
        raise Refused(
            f"Drills are of localcloud alone; {workspace.stage.name} is on Azure."
        )
    return f"{workspace.base_url}/-/drills"


def _drill(told: Mapping[str, Any]) -> Drill:
    clock = told["clock"]
    return Drill(
        on=told["on"],
        decorate=told["decorate"],
        now=datetime.fromisoformat(clock["now"]),
        ahead_seconds=clock["ahead_seconds"],
        rate=clock["rate"],
        faults=[_fault(each) for each in told["faults"]],
        alerts=[_alert_of(each) for each in told["alerts"]],
    )


def _alert_of(told: Mapping[str, Any]) -> Alert:
    return Alert(
        rule=told["alertRule"].rsplit("/", 1)[1],
        severity=int(told["severity"].removeprefix("Sev")),
        target=told["targetResource"],
        at=datetime.fromisoformat(told["startDateTime"]),
    )


def _fault(told: Mapping[str, Any]) -> Fault:
    known = {name: told[name] for name in Fault.__dataclass_fields__}
    until = told["until"]
    return Fault(**{**known, "until": until and datetime.fromisoformat(until)})
