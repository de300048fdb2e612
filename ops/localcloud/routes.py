"""The routing table, made from the state: who may call what, and where it goes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.localcloud.recipe import CannotDeploy, seconds
from ops.localcloud.records import Instance, Resource, parent_of

MOST_TIMEOUT = 180.0  # seconds; Azure: how-to-manage-quotas, managed online endpoints


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What an endpoint's callers prove themselves with."""

    credentials: tuple[str, ...]  # bearer values
    token_secret: str


def table(
    endpoints: Iterable[Resource],
    deployments: Iterable[Resource],
    instances: Iterable[Instance],
    secrets: Mapping[str, Secrets],
    workspaces: Mapping[str, Resource],
    delays: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The endpoints of routes.json: of each deployment only what is Ready is listed.

    `secrets` is by endpoint id, `workspaces` by workspace id, and `delays` are the
    milliseconds by which a drill slows instances down, by deployment id. What is being
    deleted is left out, so that it gets no request more.
    """
    ready: dict[str, list[dict[str, Any]]] = {}
    for instance in instances:
        if instance.state == "Ready":
            listed = {"id": instance.id, "port": instance.port}
            if delay := (delays or {}).get(instance.deployment):
                listed["delay_ms"] = delay
            ready.setdefault(instance.deployment, []).append(listed)
    below: dict[str, list[Resource]] = {}
    for deployment in deployments:
        if deployment.properties.get("provisioningState") != "Deleting":
            below.setdefault(parent_of(deployment.id), []).append(deployment)
    return {
        endpoint.name: {
            **_access(endpoint, secrets[endpoint.id]),
            "traffic": endpoint.properties.get("traffic") or {},
            "mirror": endpoint.properties.get("mirrorTraffic") or {},
            "log": log_columns(endpoint, workspaces.get(parent_of(endpoint.id))),
            "deployments": {
                deployment.name: _deployment(deployment, ready.get(deployment.id, []))
                for deployment in below.get(endpoint.id, [])
            },
        }
        for endpoint in endpoints
        if endpoint.properties.get("provisioningState") != "Deleting"
        and endpoint.id in secrets
    }


def _access(endpoint: Resource, secrets: Secrets) -> dict[str, Any]:
    return {
        "auth_mode": endpoint.properties.get("authMode") or "Key",
        "credentials": list(secrets.credentials),
        "token_secret": secrets.token_secret,
    }


def _deployment(deployment: Resource, ready: list[dict[str, Any]]) -> dict[str, Any]:
    settings = deployment.properties.get("requestSettings") or {}
    return {
        "max_concurrent": int(settings.get("maxConcurrentRequestsPerInstance") or 1),
        "request_timeout_ms": max(round(request_timeout(deployment) * 1000), 1),
        "instance_count": capacity(deployment),
        "instances": ready,
    }


def capacity(deployment: Resource) -> int:
    """How many instances are asked for: Azure keeps it as the SKU's capacity."""
    return int((deployment.body.get("sku") or {}).get("capacity") or 1)


def request_timeout(deployment: Resource) -> float:
    """Seconds that a request may take; a PT0S of older API versions is the default."""
    settings = deployment.properties.get("requestSettings") or {}
    try:
        wish = seconds(settings.get("requestTimeout") or "PT5S")
    except CannotDeploy:
        wish = 0.0  # its deployment fails for it; the others' routes must not
    return min(wish or 5.0, MOST_TIMEOUT)


def log_columns(endpoint: Resource, workspace: Resource | None) -> dict[str, str]:
    """What an access-log row tells of its endpoint, by AmlOnlineEndpointTrafficLog."""
    id_ = str(endpoint.body["id"])
    parts = id_.strip("/").split("/")
    properties = workspace.properties if workspace else {}
    return {
        "_ResourceId": id_,
        "_SubscriptionId": parts[1],
        "AzureMLWorkspaceId": str(properties.get("workspaceId") or ""),
        "AzureMLWorkspaceName": parts[-3],
        "Location": str(endpoint.body.get("location") or ""),
    }


def ports(endpoints: Mapping[str, Any] | None) -> dict[str, int]:
    """The port of each instance that a table lists."""
    return {
        instance["id"]: instance["port"]
        for endpoint in (endpoints or {}).values()
        for deployment in endpoint["deployments"].values()
        for instance in deployment["instances"]
    }
