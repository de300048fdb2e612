"""What is live: an endpoint and its deployments, read from Azure as plain facts."""

import re
from dataclasses import dataclass, field
from typing import Any

from ops import suggestions
from ops.clients import Workspace
from ops.errors import NotFound, UsageError

NAME = re.compile(r"[A-Za-z0-9-]+")
MOST_INSTANCES = 50  # of one deployment; Azure: how-to-manage-quotas


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One deployment as it is now."""

    name: str
    state: str  # provisioning state: Creating, Updating, Scaling, Succeeded, Failed...
    instances: int  # sku.capacity, what is asked for
    instance_type: str
    model: str  # "iris:1", "" for none
    environment: str
    max_concurrent: int  # requests at a time, by instance
    request_timeout_ms: int
    tags: dict[str, str]
    body: dict[str, Any] = field(repr=False)

    @property
    def ready(self) -> bool:
        """Whether it may gain traffic. While Updating or Scaling it still serves."""
        return self.state in ("Succeeded", "Updating", "Scaling")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint as it is now. Percentages are whole numbers; zeros are left out."""

    name: str
    state: str
    auth_mode: str  # Key, AMLToken, AADToken
    scoring_uri: str
    traffic: dict[str, int]
    mirror: dict[str, int]
    tags: dict[str, str]
    deployments: dict[str, Deployment]
    body: dict[str, Any] = field(repr=False)


def path(endpoint: str, deployment: str | None = None) -> str:
    """Where a resource lies below the workspace; no name leads anywhere else."""
    for name in (endpoint, deployment or endpoint):
        if not NAME.fullmatch(name):
            raise UsageError(f"{name!r} can't be the name of anything on Azure.")
    below = f"/deployments/{deployment}" if deployment else ""
    return f"onlineEndpoints/{endpoint}{below}"


def get(workspace: Workspace, name: str) -> Endpoint:
    """Read an endpoint with its deployments; raise NotFound with what there is."""
    found = find(workspace, name)
    if found is None:
        there = ", ".join(list_names(workspace)) or "none"
        raise NotFound(
            f"There is no endpoint {name!r} on {workspace.stage.name} "
            f"(there are: {there}).",
            *absent(name, list_names(workspace)),
        )
    return found


def absent(name: str, there: list[str]) -> list[str]:
    """What to type where an endpoint is not there: it may be mistyped, or not made."""
    from ops import specs

    if name in specs.names():
        return [specs.first_deploy(name)]
    return suggestions.remedies(
        name,
        {*there, *specs.names()},
        *(f"invoke status --endpoint {n}" for n in there),
    )


def find(workspace: Workspace, name: str) -> Endpoint | None:
    """As get(), or None where there is no such endpoint."""
    body = workspace.find(path(name))
    if body is None:
        return None
    below = workspace.list(f"{path(name)}/deployments")
    deployments = [to_deployment(item) for item in below]
    return to_endpoint(body, {each.name: each for each in deployments})


def list_names(workspace: Workspace) -> list[str]:
    return sorted(item["name"] for item in workspace.list("onlineEndpoints"))


def require(endpoint: Endpoint, deployment: str) -> Deployment:
    """One deployment of an endpoint; raise NotFound with the names there are."""
    if deployment not in endpoint.deployments:
        there = ", ".join(endpoint.deployments) or "none"
        raise NotFound(
            f"{endpoint.name} has no deployment {deployment!r} (there are: {there}).",
            *_not_deployed(endpoint, deployment),
        )
    return endpoint.deployments[deployment]


def _not_deployed(endpoint: Endpoint, deployment: str) -> list[str]:
    from ops import specs

    described = specs.deployments(endpoint.name)
    if deployment in described:
        return [f"invoke deploy --deployment {deployment}"]
    there = {*endpoint.deployments, *described}
    return suggestions.remedies(deployment, there, "invoke status")


def to_endpoint(body: dict[str, Any], deployments: dict[str, Deployment]) -> Endpoint:
    properties = body["properties"]
    return Endpoint(
        name=body["name"],
        state=properties.get("provisioningState") or "",
        auth_mode=properties.get("authMode") or "",
        scoring_uri=properties.get("scoringUri") or "",
        traffic=positive(properties.get("traffic")),
        mirror=positive(properties.get("mirrorTraffic")),
        tags=body.get("tags") or {},
        deployments=deployments,
        body=body,
    )


def to_deployment(body: dict[str, Any]) -> Deployment:
    properties = body["properties"]
    settings = properties.get("requestSettings") or {}
    return Deployment(
        name=body["name"],
        state=properties.get("provisioningState") or "",
        instances=int((body.get("sku") or {}).get("capacity") or 0),
        instance_type=properties.get("instanceType") or "",
        model=asset(properties.get("model")),
        environment=asset(properties.get("environmentId")),
        max_concurrent=int(settings.get("maxConcurrentRequestsPerInstance") or 1),
        request_timeout_ms=milliseconds(settings.get("requestTimeout") or "PT5S"),
        tags=body.get("tags") or {},
        body=body,
    )


def positive(weights: dict[str, int] | None) -> dict[str, int]:
    return {name: int(share) for name, share in (weights or {}).items() if share}


def asset(asset_id: str | None) -> str:
    """ "iris:1" for .../models/iris/versions/1."""
    parts = (asset_id or "").split("/")
    return f"{parts[-3]}:{parts[-1]}" if len(parts) >= 3 else asset_id or ""


def milliseconds(duration: str) -> int:
    """An ISO 8601 duration, as Azure writes a request timeout."""
    import isodate

    return int(isodate.parse_duration(duration).total_seconds() * 1000)
