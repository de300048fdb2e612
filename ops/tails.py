"""The last lines that Azure's getLogs has: all there is before diagnostics are on."""

from collections.abc import Mapping
from dataclasses import dataclass

from ops import endpoints
from ops.clients import Workspace
from ops.errors import UsageError

CONTAINERS = {  # the CLI's names -> the wire's
    "inference-server": "InferenceServer",
    "storage-initializer": "StorageInitializer",
}
MOST_LINES = 5000  # az ml online-deployment get-logs allows no more


@dataclass(frozen=True, kw_only=True)
class Tail:
    """The end of one container's log."""

    deployment: str
    container: str
    lines: list[str]


def tails(
    workspace: Workspace,
    name: str,
    deployment: str | None,
    *,
    lines: int,
    container: str,
) -> list[Tail]:
    """The last lines of one deployment, or of each one of the endpoint, by getLogs."""
    endpoint = endpoints.get(workspace, name)
    chosen = [deployment] if deployment else list(endpoint.deployments)
    for each in chosen:
        endpoints.require(endpoint, each)
    asked = body(lines, container)
    return [
        Tail(
            deployment=each,
            container=container,
            lines=content(
                workspace.post(f"{endpoints.path(name, each)}/getLogs", asked)
            ),
        )
        for each in chosen
    ]


def body(lines: int, container: str) -> dict[str, object]:
    return {"containerType": CONTAINERS[container], "tail": min(lines, MOST_LINES)}


def content(answer: Mapping[str, str]) -> list[str]:
    return (answer.get("content") or "").splitlines()


def container_name(text: str | None) -> str:
    if text and text not in CONTAINERS:
        allowed = " or ".join(CONTAINERS)
        raise UsageError(f"--container takes {allowed}, not {text!r}.")
    return text or ""
