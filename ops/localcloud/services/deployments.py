"""Online deployments: created, scaled, deleted; what they log."""

from typing import Any

from ops.localcloud.records import MOST_INSTANCES, Resource
from ops.localcloud.services import blueprint, changing
from ops.localcloud.wire import (
    PROVIDER,
    Answer,
    AzureError,
    Call,
    begun,
    document,
    existing,
    invalid,
    name_problems,
    page,
    refuse_while_deleting,
    tags,
)

TYPE = "deployments"
ENDPOINTS = "onlineEndpoints"
MOST = 20  # Azure: how-to-manage-quotas, deployments an endpoint


def get(call: Call) -> Answer:
    return Answer(body=document(existing(call, TYPE)))


def list_all(call: Call) -> Answer:
    endpoint = existing(call, ENDPOINTS)
    found = call.state.children(endpoint.id, TYPE)
    return page(call, [document(deployment) for deployment in found])


def put(call: Call) -> Answer:
    """Create a deployment, or replace what it is made of and how many there are."""
    endpoint = existing(call, ENDPOINTS)
    refuse_while_deleting(endpoint)
    before = call.state.resource(call.id)
    if before is None:
        _may_be_created(call, endpoint)
    else:
        refuse_while_deleting(before)
    properties, problems = blueprint.completed(call.body.get("properties"))
    sku, sku_problems = _sku(call.body.get("sku"))
    problems += sku_problems
    problems += _unknown_references(call, properties)
    invalid(problems)
    properties["provisioningState"] = "Updating" if before else "Creating"
    body = {
        "id": before.body["id"] if before else call.id,
        "name": before.name if before else call.names["deployment"],
        "type": f"{PROVIDER}/workspaces/{ENDPOINTS}/{TYPE}",
        "location": call.body.get("location") or call.cloud.location,
        "tags": tags(call.body),
        "kind": "Managed",
        "sku": sku,
        "properties": properties,
    }
    return _begin(call, body, status=200 if before else 201)


def patch(call: Call) -> Answer:
    """Scale (`sku.capacity`) or tag; all else of a deployment takes a PUT."""
    deployment = existing(call, TYPE)
    refuse_while_deleting(deployment)
    changing.patches_only(call, "sku", "tags")
    body = deployment.body
    state = "Updating"
    if "tags" in call.body:
        body["tags"] = tags(call.body)
    if "sku" in call.body:
        sku, problems = _sku(call.body["sku"])
        invalid(problems)
        state = "Scaling" if sku["capacity"] != body["sku"]["capacity"] else state
        body["sku"] = sku
    body["properties"]["provisioningState"] = state
    return _begin(call, body, status=202)


def delete(call: Call) -> Answer:
    """Delete a deployment, unless live or mirrored traffic goes to it."""
    deployment = call.state.resource(call.id)
    if deployment is None:
        return Answer(status=204)
    endpoint = existing(call, ENDPOINTS)
    for rule in ("traffic", "mirrorTraffic"):
        for name, percent in endpoint.properties[rule].items():
            if percent and name.lower() == deployment.name.lower():
                raise AzureError(
                    400,
                    "BadRequest",
                    f"Can't delete deployment [{name}] with non-zero traffic weight",
                )
    return changing.delete(call, deployment, "od")


def get_logs(call: Call) -> Answer:
    """The last `tail` lines of a container; InferenceServer where none is named."""
    deployment = existing(call, TYPE)
    container = call.body.get("containerType") or "InferenceServer"
    tail = call.body.get("tail")
    tail = 500 if tail is None else tail
    if type(tail) is not int or tail < 1:
        raise AzureError(400, "BadRequest", "tail must be a number of lines.")
    try:
        content = call.cloud.logs(deployment.id, container, tail)
    except ValueError as problem:
        raise AzureError(400, "BadRequest", str(problem)) from None
    return Answer(body={"content": content})


def list_skus(call: Call) -> Answer:
    """How far the deployment may be scaled."""
    deployment = existing(call, TYPE)
    capacity = {
        "minimum": 1,
        "maximum": MOST_INSTANCES,
        "default": deployment.body["sku"]["capacity"],
        "scaleType": "Automatic",
    }
    found = {
        "resourceType": f"{PROVIDER}/workspaces/{ENDPOINTS}/{TYPE}",
        "sku": {"name": "Default", "tier": "Standard"},
        "capacity": capacity,
    }
    return page(call, [found])


def _may_be_created(call: Call, endpoint: Resource) -> None:
    invalid(name_problems("Deployment", call.names["deployment"]))
    if len(call.state.children(endpoint.id, TYPE)) >= MOST:
        message = f"The limit of {MOST} deployments of an endpoint is reached."
        raise AzureError(400, "OutOfQuota", message)


def _begin(call: Call, body: dict[str, Any], *, status: int) -> Answer:
    resource, operation = changing.begin(call, body, "od")
    return begun(call, operation, status=status, body=document(resource))


def _sku(sent: Any) -> tuple[dict[str, Any], list[str]]:
    """The sku, whose capacity is the number of instances, and what is wrong in it."""
    sent = {"capacity": 1} if sent is None else sent
    capacity = sent.get("capacity") if isinstance(sent, dict) else None
    if type(capacity) is not int or not 1 <= capacity <= MOST_INSTANCES:
        problem = f"sku.capacity must be 1 to {MOST_INSTANCES} instances."
        return {}, [problem]
    return {"name": "Default", "tier": "Standard", "capacity": capacity}, []


def _unknown_references(call: Call, properties: dict[str, Any]) -> list[str]:
    """The assets that a deployment names and this workspace does not have."""
    code = properties["codeConfiguration"] or {}
    named = {
        "models": properties["model"],
        "environments": properties["environmentId"],
        "codes": code.get("codeId"),
    }
    start = f"{call.cloud.workspace}/".lower()
    return [
        f"'{id_}' does not name a version of {type_} in this workspace."
        for type_, id_ in named.items()
        if id_
        and not (
            id_.lower().startswith(f"{start}{type_}/")
            and "/versions/" in id_.lower()
            and call.state.resource(id_)
        )
    ]
