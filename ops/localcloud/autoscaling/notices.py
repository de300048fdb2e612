"""How the autoscale engine says what it does: activity log events and webhooks.

Azure: activity-log-schema, "Autoscale category", autoscale-flapping, "Log files", and
autoscale-webhook-email, "Autoscale notification webhook payload schema".
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.localcloud.outbox import Delivery
from ops.localcloud.records import Resource

CALLER = "Microsoft.Insights/autoscaleSettings"
EPOCH = datetime(1, 1, 1, tzinfo=UTC)  # of the ticks in an event's id


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of the count by a setting, begun or ended or not made."""

    setting: Resource
    target: str  # as it is written in the setting
    before: int
    after: int
    profile: Mapping[str, Any]
    correlation: str
    last: datetime | None = None

    @property
    def up(self) -> bool:
        return self.after > self.before

    @property
    def counts(self) -> str:
        return f"from {self.before} instances count to {self.after} instances count"


def begun(change: Change, at: datetime) -> dict[str, Any]:
    text = (
        f"The autoscale engine attempting to scale resource '{change.target}' "
        f"{change.counts}."
    )
    name = "Scaleup" if change.up else "Scaledown"
    return event(change, at, name, "AutoscaleAction", text)


def ended(change: Change, at: datetime, failure: str) -> dict[str, Any]:
    """The outcome of a scale action; `failure` is "" for a good one."""
    name = "ScaleupResult" if change.up else "ScaledownResult"
    text = (
        f"The autoscale engine failed to scale resource '{change.target}' "
        f"{change.counts}. {failure}"
        if failure
        else f"The autoscale engine successfully scaled resource '{change.target}' "
        f"{change.counts}."
    )
    return event(change, at, name, "AutoscaleAction", text, failed=bool(failure))


def flapping(change: Change, at: datetime, intended: int) -> dict[str, Any]:
    """A scale-in that was not made, or made by less, since it would be taken back."""
    text = f"Resource: '{change.target}'. Current instance count: '{change.before}', "
    text += f"Intended new instance count: '{intended}'."
    if change.after == change.before:
        text = f"Cannot scale down due to flapping observed. {text}"
        return event(change, at, "Flapping", "Flapping", text)
    text = (
        "Scale down will occur with updated instance count to avoid flapping. "
        f"{text} Actual new instance count: '{change.after}'"
    )
    return event(change, at, "FlappingOccurred", "FlappingOccurred", text)


def metrics(change: Change, at: datetime, text: str, *, lost: bool) -> dict[str, Any]:
    """Metrics can't be read any more, or again."""
    name = "MetricFailure" if lost else "MetricRecovered"
    return event(change, at, name, name, text, failed=lost)


def event(
    change: Change,
    at: datetime,
    operation: str,
    name: str,
    text: str,
    *,
    failed: bool = False,
) -> dict[str, Any]:
    resource = str(change.setting.body["id"])
    subscription, group = resource.split("/")[2], resource.split("/")[4]
    id_ = str(uuid.uuid4())
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
    ticks = int((at - EPOCH).total_seconds() * 10_000_000)
    status = "Failed" if failed else "Succeeded"
    properties = {
        "Description": text,
        "ResourceName": change.target,
        "OldInstancesCount": str(change.before),
        "NewInstancesCount": str(change.after),
        "ActiveAutoscaleProfile": json.dumps(change.profile),
    }
    if change.last:
        properties["LastScaleActionTime"] = change.last.strftime(RFC_1123)
    return {
        "caller": CALLER,
        "channels": "Admin, Operation",
        "claims": {SPN: CALLER},
        "correlationId": change.correlation,
        "description": text,
        "eventDataId": id_,
        "eventName": _pair(name),
        "category": _pair("Autoscale"),
        "id": f"{resource}/events/{id_}/ticks/{ticks}",
        "level": "Error" if failed else "Informational",
        "resourceGroupName": group,
        "resourceProviderName": _pair("microsoft.insights"),
        "resourceType": _pair("microsoft.insights/autoscalesettings"),
        "resourceId": resource,
        "operationId": change.correlation,
        "operationName": _pair(
            f"Microsoft.Insights/AutoscaleSettings/{operation}/Action"
        ),
        "properties": properties,
        "status": _pair(status),
        "subStatus": {"value": None},
        "eventTimestamp": stamp,
        "submissionTimestamp": stamp,
        "subscriptionId": subscription,
    }


RFC_1123 = "%a, %d %b %Y %H:%M:%S GMT"
SPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/spn"


def _pair(value: str) -> dict[str, str]:
    return {"value": value, "localizedValue": value}


def payload(
    change: Change, at: datetime, properties: Mapping[str, str]
) -> dict[str, Any]:
    """What a webhook is sent when a scale action has begun."""
    parts = change.target.strip("/").split("/")
    name, setting = parts[-1], str(change.setting.body["id"])
    return {
        "version": "1.0",
        "status": "Activated",
        "operation": "Scale Out" if change.up else "Scale In",
        "context": {
            "timestamp": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z",
            "id": setting,
            "name": change.setting.name,
            "details": "Autoscale successfully started scale operation for resource "
            f"'{name}' from capacity '{change.before}' to capacity '{change.after}'",
            "subscriptionId": parts[1],
            "resourceGroupName": parts[3],
            "resourceName": name,
            "resourceType": "/".join([parts[5], *parts[6::2]]).lower(),
            "resourceId": change.target,
            "portalLink": f"https://portal.azure.com/#resource{change.target}",
            "resourceRegion": change.setting.body["location"],
            "oldCapacity": str(change.before),
            "newCapacity": str(change.after),
        },
        "properties": dict(properties),
    }


def deliveries(change: Change, at: datetime) -> Iterator[Delivery]:
    """What every webhook of the setting is to be told."""
    for notification in change.setting.properties.get("notifications") or ():
        for hook in notification.get("webhooks") or ():
            yield Delivery(
                about=change.correlation,
                event="Scale",
                kind="Webhook",
                receiver=change.setting.name,
                address=str(hook["serviceUri"]),
                body=json.dumps(payload(change, at, hook.get("properties") or {})),
                created=at,
            )
