"""Alerts as Alerts Management keeps them: fired, resolved, acknowledged, let go.

What is fired is said by the system alone, what is New, Acknowledged or Closed by people
alone. An alert is kept for 30 days, as on Azure. Azure: Alerts_GetById and
Alerts_GetHistory (2019-05-05-preview).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ops.localcloud.records import Resource
from ops.localcloud.state import State

PROVIDER = "Microsoft.AlertsManagement"
STATES = ("New", "Acknowledged", "Closed")  # whichever a person says
SYSTEM = "System"
KEPT = timedelta(days=30)
MOST = 2000  # alerts; of more, the oldest resolved ones go first


@dataclass(frozen=True, kw_only=True)
class Firing:
    """What an alert is fired with: by which rule, on what, and why."""

    rule: str  # ARM id
    severity: int
    target: str  # ARM id
    description: str
    signal: str = "Log"  # or Metric
    service: str = "Log Alerts V2"  # or Platform
    context: Mapping[str, Any] | None = None  # as in Azure: {"context": {"condition"..
    custom: Mapping[str, str] = field(default_factory=dict)
    suppressed: bool = False  # an alert processing rule keeps its action groups silent


def fire(state: State, firing: Firing, at: datetime, id_: str = "") -> Resource:
    """Keep a new alert; `id_` is for whoever must not fire one twice."""
    name = id_ or str(uuid.uuid4())
    subscription = firing.target.split("/")[2]
    body = {
        "id": f"/subscriptions/{subscription}/providers/{PROVIDER}/alerts/{name}",
        "name": name,
        "type": f"{PROVIDER}/alerts",
        "properties": {
            "essentials": _essentials(firing, at),
            "context": firing.context,
            "egressConfig": None,
            "customProperties": dict(firing.custom),
        },
    }
    with state.transaction():
        alert = state.put(body)
        _remember(state, alert, at, SYSTEM, "AlertCreated")
    return alert


def _essentials(firing: Firing, at: datetime) -> dict[str, Any]:
    parts = firing.target.split("/")
    kind = firing.target.split("/providers/")[1].split("/")
    return {
        "severity": f"Sev{firing.severity}",
        "signalType": firing.signal,
        "alertState": "New",
        "monitorCondition": "Fired",
        "monitorService": firing.service,
        "targetResource": firing.target,
        "targetResourceName": parts[-1],
        "targetResourceGroup": parts[4],
        "targetResourceType": "/".join([kind[0], *kind[1::2]]).lower(),
        "sourceCreatedId": str(uuid.uuid4()),
        "startDateTime": at.isoformat(),
        "lastModifiedDateTime": at.isoformat(),
        "lastModifiedUserName": SYSTEM,
        "monitorConditionResolvedDateTime": None,
        "description": firing.description,
        "actionStatus": {"isSuppressed": firing.suppressed},
        "alertRule": firing.rule,
    }


def resolve(state: State, alert: Resource, at: datetime) -> Resource:
    """What it fired for has gone, says the system."""
    changed = {
        "monitorCondition": "Resolved",
        "monitorConditionResolvedDateTime": at.isoformat(),
    }
    event = ("MonitorConditionChange", "Fired", "Resolved")
    with state.transaction():
        _remember(state, alert, at, SYSTEM, *event)
        return _changed(state, alert, at, SYSTEM, changed)


def change_state(
    state: State, alert: Resource, wanted: str, at: datetime, who: str, comment: str
) -> Resource:
    """What a person says of an alert; whether it is fired is not theirs to say."""
    event = ("StateChange", essentials(alert)["alertState"], wanted)
    with state.transaction():
        _remember(state, alert, at, who, *event, comment=comment)
        return _changed(state, alert, at, who, {"alertState": wanted})


def remark(state: State, alert: Resource, at: datetime, event: str, text: str) -> None:
    """Add to its history what was done about it."""
    _remember(state, alert, at, SYSTEM, event, comment=text)


def kept(state: State) -> list[Resource]:
    """Every alert there is, oldest first."""
    return state.of_type("alerts")


def named(state: State, name: str) -> Resource | None:
    """By its GUID, whichever subscription it is asked for in."""
    return next((each for each in kept(state) if each.name == name.lower()), None)


def fired(state: State, rule: str | None = None) -> list[Resource]:
    """The alerts that are fired now, of a rule or of all, oldest first."""
    return [
        alert
        for alert in kept(state)
        if is_fired(alert) and (rule is None or of_rule(alert, rule))
    ]


def is_fired(alert: Resource) -> bool:
    return bool(essentials(alert)["monitorCondition"] == "Fired")


def of_rule(alert: Resource, rule: str) -> bool:
    """A rule may be asked for by its id or by its name alone."""
    found = str(essentials(alert)["alertRule"]).lower()
    return rule.lower() in (found, found.rsplit("/", 1)[1])


def essentials(alert: Resource) -> dict[str, Any]:
    found: dict[str, Any] = alert.properties["essentials"]
    return found


def history(state: State, alert: Resource) -> list[dict[str, Any]]:
    """What has become of an alert since it fired, newest first as Azure tells it."""
    told: list[dict[str, Any]] = state.memories.get(alert.id).get("history", [])
    return told[::-1]


def trim(state: State, now: datetime) -> int:
    """Let go of what is 30 days old, and of the oldest where there are too many."""
    found = kept(state)
    old = [each for each in found if started(each) < now - KEPT]
    rest = sorted(
        (each for each in found if started(each) >= now - KEPT),
        key=lambda each: (is_fired(each), started(each)),
    )
    gone = old + rest[: max(len(rest) - MOST, 0)]
    with state.transaction():
        for alert in gone:
            state.delete(alert.id)
            state.memories.forget(alert.id)
    return len(gone)


def started(alert: Resource) -> datetime:
    return datetime.fromisoformat(essentials(alert)["startDateTime"])


def _changed(
    state: State, alert: Resource, at: datetime, who: str, changed: dict[str, Any]
) -> Resource:
    current = state.resource(alert.id) or alert  # a person may have been faster
    current.properties["essentials"] |= {
        **changed,
        "lastModifiedDateTime": at.isoformat(),
        "lastModifiedUserName": who,
    }
    return state.put(current.body)


def _remember(
    state: State,
    alert: Resource,
    at: datetime,
    who: str,
    event: str,
    before: str = "",
    after: str = "",
    comment: str = "",
) -> None:
    told = state.memories.get(alert.id).get("history", [])
    noun = {"StateChange": "State", "MonitorConditionChange": "Monitor condition"}
    text = f"{noun.get(event)} changed from '{before}' to '{after}'"
    modification = {
        "modificationEvent": event,
        "oldValue": before,
        "newValue": after,
        "modifiedAt": at.isoformat(),
        "modifiedBy": who,
        "comments": comment,
        "description": text if event in noun else comment or "Alert created",
    }
    state.memories.set(alert.id, {"history": [*told, modification]})
