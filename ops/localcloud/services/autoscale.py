"""Microsoft.Insights/autoscaleSettings (2022-10-01): what deployments are scaled by."""

from collections.abc import Iterator, Mapping
from typing import Any

from ops.localcloud.autoscaling.checking import problems
from ops.localcloud.catalog import CATALOG, DEPLOYMENTS, ENDPOINTS
from ops.localcloud.intervals import duration
from ops.localcloud.metrics import GRAINS
from ops.localcloud.records import Resource, normal_id
from ops.localcloud.wire import (
    Answer,
    AzureError,
    Call,
    document,
    invalid,
    page,
    tags,
)

TYPE = "autoscaleSettings"
KINDS = {"onlineendpoints": ENDPOINTS, "deployments": DEPLOYMENTS}
GIVEN = (
    *("profiles", "notifications", "enabled", "predictiveAutoscalePolicy"),
    *("targetResourceUri", "targetResourceLocation"),
)


def put(call: Call) -> Answer:
    """Create or replace a setting; the engine acts by it from its next run on."""
    before = call.state.resource(_id(call))
    location = call.body.get("location")
    if not isinstance(location, str) or not location:
        raise AzureError(400, "LocationRequired", "The location must be given.")
    resource = _write(call, call.body.get("properties"), location, tags(call.body))
    return Answer(status=200 if before else 201, body=document(resource))


def patch(call: Call) -> Answer:
    """Replace the tags and those properties that are given."""
    before = _existing(call)
    sent = call.body.get("properties") or {}
    if not isinstance(sent, dict):
        raise AzureError(400, "BadRequest", "properties must be an object.")
    kept = tags(call.body) if "tags" in call.body else before.body["tags"]
    properties = {**before.properties, **sent}
    resource = _write(call, properties, before.body["location"], kept)
    return Answer(body=document(resource))


def get(call: Call) -> Answer:
    return Answer(body=document(_existing(call)))


def list_all(call: Call) -> Answer:
    """All settings of the group, which are all of the subscription."""
    found = call.state.of_type(TYPE)
    return page(call, [document(resource) for resource in found])


def delete(call: Call) -> Answer:
    """Delete a setting; the deployment keeps the instances that it has."""
    call.state.memories.forget(_id(call))
    return Answer(status=200 if call.state.delete(_id(call)) else 204)


def _write(call: Call, sent: Any, location: str, labels: Mapping[str, str]) -> Resource:
    if not isinstance(sent, dict):
        raise AzureError(400, "BadRequest", "properties must be an object.")
    invalid(problems(sent))
    _require_target(call, sent["targetResourceUri"])
    for number, profile in enumerate(sent["profiles"]):
        for place, rule in enumerate(profile.get("rules") or ()):
            at = f"profiles[{number}].rules[{place}].metricTrigger"
            invalid(list(_metric(call, at, rule["metricTrigger"], sent)))
    properties = {name: sent[name] for name in GIVEN if sent.get(name) is not None}
    return call.state.put(
        {
            "id": _id(call),
            "name": call.names["setting"],
            "type": f"Microsoft.Insights/{TYPE}",
            "location": location,
            "tags": dict(labels),
            "properties": {
                "enabled": False,
                **properties,
                "name": call.names["setting"],
            },
        },
        by=call.caller,
    )


def _require_target(call: Call, target: str) -> None:
    """The deployment must be there, and no other setting may scale it."""
    resource = call.state.resource(target)
    if resource is None:
        message = f"The target resource '{target}' was not found."
        raise AzureError(404, "TargetResourceNotFound", message)
    if resource.type != "deployments":
        message = f"localcloud scales deployments; '{target}' is none."
        raise AzureError(400, "BadRequest", message)
    for other in call.state.of_type(TYPE):
        same = normal_id(other.properties["targetResourceUri"]) == resource.id
        if same and other.id != normal_id(_id(call)):
            message = (
                f"The target resource '{target}' has the autoscale setting "
                f"'{other.name}' already: a resource has one at most."
            )
            raise AzureError(409, "Conflict", message)


def _metric(
    call: Call, at: str, trigger: Mapping[str, Any], sent: Mapping[str, Any]
) -> Iterator[str]:
    """What is wrong with the metric of a rule: it must be measured."""
    source = trigger.get("metricResourceUri") or sent["targetResourceUri"]
    resource = call.state.resource(source)
    kind = KINDS.get(resource.type) if resource else None
    if kind is None:
        yield f"{at}.metricResourceUri '{source}' was not found."
        return
    name = trigger["metricName"]
    known = {metric.name.lower(): metric for metric in CATALOG[kind]}
    metric = known.get(name.lower())
    if metric is None:
        names = ", ".join(sorted(metric.name for metric in CATALOG[kind]))
        message = f"{at}.metricName '{name}' is not supported. {kind} has {names}."
        raise AzureError(400, "UnsupportedMetric", message)
    if duration(trigger["timeGrain"]) not in GRAINS.values():
        yield f"{at}.timeGrain must be one of {', '.join(GRAINS)}."
    dimensions = {each.lower() for each in metric.dimensions}
    for each in trigger.get("dimensions") or ():
        if each["DimensionName"].lower() not in dimensions:
            yield f"{at}.dimensions: {metric.name} has no {each['DimensionName']}."


def _existing(call: Call) -> Resource:
    resource = call.state.resource(_id(call))
    if resource is None:
        message = (
            f"The Resource 'Microsoft.Insights/{TYPE}/{call.names['setting']}' under "
            f"resource group '{call.cloud.resource_group}' was not found."
        )
        raise AzureError(404, "ResourceNotFound", message)
    return resource


def _id(call: Call) -> str:
    """In lower case as Azure answers it, but for the setting's own name."""
    name = call.names["setting"]
    return f"{call.cloud.group}/providers/microsoft.insights/autoscalesettings/{name}"
