"""The endpoint that a dashboard is about, as those who show it must know it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops import slo
from ops.endpoints import Endpoint
from ops.errors import NotFound
from ops.slo import Slo

if TYPE_CHECKING:
    from ops.clients import Workspace


@dataclass(frozen=True, kw_only=True)
class Subject:
    """ARM ids and names, all of them the endpoint's."""

    endpoint: str
    stage: str
    endpoint_id: str
    deployments: tuple[str, ...]  # those there are now: each has metrics of its own
    workspace: str
    subscription_id: str
    resource_group: str
    location: str
    log_workspace_id: str  # where its rows are
    promised: Slo | None = None  # None: it has no slo.yaml

    def deployment_id(self, name: str) -> str:
        return f"{self.endpoint_id}/deployments/{name}"


def of(workspace: "Workspace", endpoint: Endpoint) -> Subject:
    """Raise NotFound where no log workspace is named, InvalidSpec for its slo.yaml."""
    if not workspace.log_workspace_id:
        raise NotFound(
            f"{workspace.stage.name} names no log workspace: "
            "log_analytics_resource_id in its stage file.",
        )
    return Subject(
        endpoint=endpoint.name,
        stage=workspace.stage.name,
        endpoint_id=endpoint.body["id"],
        deployments=tuple(sorted(endpoint.deployments)),
        workspace=workspace.name,
        subscription_id=workspace.subscription_id,
        resource_group=workspace.resource_group,
        location=str(endpoint.body.get("location") or ""),
        log_workspace_id=workspace.log_workspace_id,
        promised=slo.find(endpoint.name),
    )
