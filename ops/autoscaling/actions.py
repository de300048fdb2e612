"""What the autoscale engine did, as the activity log of the subscription has it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ops import activity
from ops.autoscaling.deployed import Setting

if TYPE_CHECKING:
    from ops.clients import Workspace

FIELDS = (
    "correlationId,description,eventName,eventTimestamp,operationName,properties,status"
)
BEGAN, ENDED = ("Scaleup", "Scaledown"), ("ScaleupResult", "ScaledownResult")
WHAT = {
    "Scaleup": "scale out",
    "Scaledown": "scale in",
    "Flapping": "flapping, put off",
    "FlappingOccurred": "flapping, by less",
    "MetricFailure": "metrics lost",
    "MetricRecovered": "metrics found",
}
SCALED = ("scale out", "scale in")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that the engine did, or did not do, and why."""

    at: datetime
    deployment: str
    what: str  # scale out, scale in, flapping, metrics lost, metrics found
    before: int
    after: int
    outcome: str  # Succeeded, Failed; Started while it runs
    text: str  # the service's own words
    cause: str = ""
    target: str = field(default="", repr=False)


def of(
    workspace: "Workspace", settings: Iterable[Setting], start: datetime, end: datetime
) -> list[Event]:
    """What the engine did by these settings, newest first."""
    events = [
        event
        for each in settings
        for event in told(each.deployment, rows(workspace, each, start, end))
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)


def rows(
    workspace: "Workspace", setting: Setting, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    return activity.read(workspace, setting.body["id"], start, end, FIELDS)


def told(deployment: str, rows: list[dict[str, Any]]) -> list[Event]:
    """The rows of one setting as events: an action's begin and end are one."""
    ends = {row["correlationId"]: row for row in rows if _operation(row) in ENDED}
    events = []
    for row in rows:
        operation = _operation(row)
        if operation in ENDED or operation not in WHAT:
            continue
        end = ends.get(row["correlationId"])
        outcome = activity.value(row, "status")
        if operation in BEGAN:
            outcome = activity.value(end, "status") if end else "Started"
        failed = end if end and outcome == "Failed" else row
        before, after = _counts(row)
        events.append(
            Event(
                at=activity.at(row),
                deployment=deployment,
                what=WHAT[operation],
                before=before,
                after=after,
                outcome=outcome,
                text=str(failed.get("description") or ""),
            )
        )
    return events


def _operation(row: dict[str, Any]) -> str:
    """Scaleup of Microsoft.Insights/AutoscaleSettings/Scaleup/Action."""
    parts = activity.value(row, "operationName").split("/")
    return parts[-2] if len(parts) > 1 else ""


def _counts(row: dict[str, Any]) -> tuple[int, int]:
    properties = row.get("properties") or {}
    if isinstance(properties.get("eventProperties"), str):
        properties = json.loads(properties["eventProperties"])
    names = ("OldInstancesCount", "NewInstancesCount")
    before, after = (int(properties.get(name) or 0) for name in names)
    return before, after
