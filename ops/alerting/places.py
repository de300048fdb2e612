"""Where rules go: what of an endpoint and its stage is in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.autoscaling import deployed
from ops.endpoints import Endpoint

if TYPE_CHECKING:
    from ops.clients import Workspace


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """The autoscale setting of a deployment, which has room to scale."""

    id: str  # ARM id
    maximum: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """What of an endpoint and its stage goes into a rule."""

    endpoint: str
    id: str  # ARM id
    location: str
    deployments: Mapping[str, str]  # ARM ids by name
    groups: Mapping[str, str]
    """ARM ids of action groups by their names under `notify`; "" for one of cards."""
    scaled: Mapping[str, Scaled] = field(default_factory=dict)  # by deployment
    flags: str = ""  # that lead a verb there: " --stage prod"


def place_of(
    workspace: "Workspace",
    endpoint: Endpoint,
    groups: Mapping[str, str],
    scaled: Mapping[str, Scaled],
) -> Place:
    stage = workspace.stage.name
    return Place(
        endpoint=endpoint.name,
        id=endpoint.body["id"],
        location=str(endpoint.body.get("location") or ""),
        deployments={n: d.body["id"] for n, d in endpoint.deployments.items()},
        groups=groups,
        scaled={n: s for n, s in scaled.items() if n in endpoint.deployments},
        flags=f" --stage {stage}",  # who reads it may have another default
    )


def settings(workspace: "Workspace", endpoint: str) -> dict[str, Scaled]:
    """The autoscale settings that have room to scale, by deployment."""
    found = {}
    for name, setting in deployed.live(workspace, endpoint).items():
        counts = [
            (int(each["capacity"]["minimum"]), int(each["capacity"]["maximum"]))
            for each in setting.profiles
            if each["name"] not in (deployed.SUSPENDED, deployed.FLOOR)
        ]
        most = max((high for _, high in counts), default=0)
        if setting.enabled and any(low < high for low, high in counts):
            found[name] = Scaled(id=setting.body["id"], maximum=most)
    return found
