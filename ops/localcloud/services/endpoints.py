"""Online endpoints: their settings and the rules of traffic."""

import secrets
from typing import Any

from ops.localcloud.records import Resource
from ops.localcloud.services import changing
from ops.localcloud.wire import (
    PROVIDER,
    Answer,
    AzureError,
    Call,
    Cloud,
    begun,
    deleting,
    document,
    existing,
    invalid,
    name_problems,
    new_guid,
    page,
    refuse_while_deleting,
    tags,
)

TYPE = "onlineEndpoints"
MOST = 100  # Azure: how-to-manage-quotas, endpoints a subscription and region
MODES = ("Key", "AMLToken", "AADToken")


def get(call: Call) -> Answer:
    return Answer(body=_document(call.cloud, existing(call, TYPE)))


def list_all(call: Call) -> Answer:
    found = call.state.children(call.cloud.workspace, TYPE)
    return page(call, [_document(call.cloud, endpoint) for endpoint in found])


def put(call: Call) -> Answer:
    """Create an endpoint, or replace all its settings: what is left out is gone.

    That includes `traffic`: as on Azure, a PUT without weights takes them all away.
    """
    before = call.state.resource(call.id)
    if before is None:
        _may_be_created(call)
    else:
        refuse_while_deleting(before)
    properties = _properties(call)
    traffic = properties["traffic"], properties["mirrorTraffic"]
    invalid(traffic_problems(*traffic, _deployments(call)))
    keys = properties.pop("keys")
    with call.state.transaction():
        body = _body(call, before, properties)
        resource = call.state.put(body, by=call.caller)
        _set_secrets(call, resource, keys)
        operation = call.state.begin("oe", resource)
    call.cloud.ring()
    shown = _document(call.cloud, resource)
    return begun(call, operation, status=200 if before else 201, body=shown)


def patch(call: Call) -> Answer:
    """Change tags and identity; since 2022-05-01 nothing else can be patched."""
    endpoint = existing(call, TYPE)
    refuse_while_deleting(endpoint)
    changing.patches_only(call, "tags", "identity")
    body = endpoint.body
    body["properties"]["provisioningState"] = "Updating"
    if "tags" in call.body:
        body["tags"] = tags(call.body)
    if "identity" in call.body:
        body["identity"] = _identity(call, body.get("identity"))
    resource, operation = changing.begin(call, body, "oe")
    return begun(call, operation, status=202, body=_document(call.cloud, resource))


def delete(call: Call) -> Answer:
    """Delete an endpoint and all its deployments."""
    endpoint = call.state.resource(call.id)
    if endpoint is None:
        return Answer(status=204)
    return changing.delete(call, endpoint, "oe")


def traffic_problems(
    traffic: dict[str, Any], mirror: dict[str, Any], deployments: set[str]
) -> list[str]:
    """All that Azure refuses in live and mirrored weights; `deployments` in lower case.

    Azure: how-to-safely-rollout-online-endpoints.
    """
    problems = [
        f"{kind} of deployment '{name}' must be a whole percentage from 0 to 100."
        for kind, weights in (("Traffic", traffic), ("Mirror traffic", mirror))
        for name, percent in weights.items()
        if type(percent) is not int or not 0 <= percent <= 100
    ]
    if problems:
        return problems
    live = [name for name, percent in traffic.items() if percent]
    copied = [name for name, percent in mirror.items() if percent]
    for name in dict.fromkeys([*live, *copied]):
        if name.lower() not in deployments:
            problems.append(f"Deployment '{name}' in the traffic rule does not exist.")
    total = sum(traffic.values())
    if total not in (0, 100):
        problems.append(f"Traffic values need to sum to 0 or 100, not {total}.")
    if len(copied) > 1:
        problems.append("Traffic can be mirrored to one deployment only.")
    if (mirrored := sum(mirror.values())) > 50:
        problems.append(f"Mirror traffic can be at most 50 percent, not {mirrored}.")
    both = {name.lower() for name in live} & {name.lower() for name in copied}
    for name in sorted(both):
        problems.append(f"Deployment '{name}' has live traffic: it can't be mirrored.")
    return problems


def _deployments(call: Call) -> set[str]:
    found = call.state.children(call.id, "deployments")
    return {each.name.lower() for each in found if not deleting(each)}


def _may_be_created(call: Call) -> None:
    invalid(name_problems("Endpoint", call.names["endpoint"]))
    if len(call.state.children(call.cloud.workspace, TYPE)) >= MOST:
        message = f"The limit of {MOST} endpoints is reached."
        raise AzureError(400, "OutOfQuota", message)


def _properties(call: Call) -> dict[str, Any]:
    """What a client may set, completed by the service's defaults; `keys` besides."""
    sent = call.body.get("properties")
    if not isinstance(sent, dict):
        raise AzureError(400, "BadRequest", "properties must be an object.")
    modes = {mode.lower(): mode for mode in MODES}
    mode = modes.get(str(sent.get("authMode")).lower())
    access = sent.get("publicNetworkAccess") or "Enabled"
    if isinstance(access, str):  # azure.ai.ml sends it as its file has it
        access = access.capitalize()
    maps = {
        name: {} if sent.get(name) is None else sent[name]
        for name in ("traffic", "mirrorTraffic", "properties", "keys")
    }
    problems = []
    if mode is None:
        problems.append(f"authMode must be one of {', '.join(MODES)}.")
    if access not in ("Enabled", "Disabled"):
        problems.append("publicNetworkAccess must be Enabled or Disabled.")
    problems += [
        f"{name} must be an object."
        for name, value in maps.items()
        if not isinstance(value, dict)
    ]
    invalid(problems)
    return {
        "authMode": mode,
        "description": sent.get("description"),
        "publicNetworkAccess": access,
        **maps,
    }


def _body(
    call: Call, before: Resource | None, properties: dict[str, Any]
) -> dict[str, Any]:
    """The endpoint as it is kept; the name stays spelled as it was created."""
    name = before.name if before else call.names["endpoint"]
    identity = before.body["identity"] if before else None
    id_ = before.body["id"] if before else call.id
    return {
        "id": id_,
        "name": name,
        "type": f"{PROVIDER}/workspaces/{TYPE}",
        "location": call.body.get("location") or call.cloud.location,
        "tags": tags(call.body),
        "kind": "Managed",
        "identity": _identity(call, identity),
        "properties": {
            **properties,
            "properties": {
                **properties["properties"],
                "azureml.onlineendpointid": id_.lower(),
            },
            "provisioningState": "Updating" if before else "Creating",
        },
    }


def _identity(call: Call, before: dict[str, Any] | None) -> dict[str, Any]:
    """The identity asked for; a principal, once given, stays the same."""
    sent = call.body.get("identity") or {"type": "SystemAssigned"}
    if not isinstance(sent, dict) or not isinstance(sent.get("type"), str):
        raise AzureError(400, "BadRequest", "identity.type must be a string.")
    principal = (before or {}).get("principalId") or new_guid()
    return {**sent, "principalId": principal, "tenantId": call.cloud.workspace_id}


def _set_secrets(call: Call, resource: Resource, sent: dict[str, Any]) -> None:
    """Take the keys that a client chose; make those that are still missing."""
    for name in ("primaryKey", "secondaryKey", "tokenSecret"):
        chosen = sent.get(name) if name != "tokenSecret" else None
        if isinstance(chosen, str) and chosen:
            call.state.set_secret(resource.id, name, chosen)
        elif call.state.secret(resource.id, name) is None:
            call.state.set_secret(resource.id, name, secrets.token_hex(32))


def _document(cloud: Cloud, endpoint: Resource) -> dict[str, Any]:
    """An endpoint as a GET shows it: without addresses until it exists."""
    if endpoint.properties["provisioningState"] == "Creating":
        return document(endpoint, scoringUri=None, swaggerUri=None)
    base = f"{cloud.gateway_url()}/{endpoint.name}"
    return document(
        endpoint, scoringUri=f"{base}/score", swaggerUri=f"{base}/swagger.json"
    )
