"""Whether an endpoint's logs and metrics flow to Log Analytics; switches the flow.

Nothing reaches a log workspace before a diagnostic setting says so, and rows flow from
then on: what happened before is not there (Azure: how-to-monitor-online-endpoints).
"""

from dataclasses import dataclass
from typing import Any

from ops import door, endpoints
from ops.clients import Workspace
from ops.errors import Refused

NAME = "aml-ops"
VERSION = "api-version=2021-05-01-preview"  # the only one that Azure documents in full
CATEGORIES = (
    "AmlOnlineEndpointTrafficLog",
    "AmlOnlineEndpointConsoleLog",
    "AmlOnlineEndpointEventLog",
)
METRICS = "AllMetrics"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One diagnostic setting: what flows where."""

    name: str
    log_workspace: str  # ARM id; "" where it writes to something else
    logs: tuple[str, ...]
    metrics: bool


def show(workspace: Workspace, endpoint_name: str) -> list[Setting]:
    """The diagnostic settings of an endpoint."""
    return [_setting(item) for item in workspace.list(_path(endpoint_name))]


def flowing(settings: list[Setting]) -> set[str]:
    """The log categories that reach a log workspace."""
    return {name for each in settings if each.log_workspace for name in each.logs}


def ensure(workspace: Workspace, endpoint_name: str) -> str:
    """Let every log and metric flow to the stage's log workspace.

    Return "created", "updated" or "unchanged"; raise Refused where the stage names no
    log workspace.
    """
    wanted = workspace.log_workspace_id
    if not wanted:
        raise Refused(
            f"{workspace.stage.name} names no log workspace to write to: "
            "log_analytics_resource_id in its stage file.",
        )
    ours = _ours(show(workspace, endpoint_name))
    if ours and _complete(ours, wanted):
        return "unchanged"
    workspace.put(_path(endpoint_name, NAME), {"properties": body(wanted)})
    return "updated" if ours else "created"


def turn_on(
    workspace: Workspace, name: str, *, reason: str = "", dry_run: bool = False
) -> str:
    """Let the logs of an endpoint flow; say what was done."""
    endpoints.get(workspace, name)
    found = show(workspace, name)
    ours, target = _ours(found), workspace.log_workspace_id
    if ours and target and _complete(ours, target):
        return f"diagnostics of {name} are on already"
    if dry_run:
        return f"diagnostics of {name} would be turned on"
    with (
        door.opened(workspace, name, "diagnostics.on") as live,
        live.journalled(reason, before=sorted(flowing(found))) as it,
    ):
        done = ensure(workspace, name)
        it.after = sorted(CATEGORIES)
    return f"diagnostics of {name} are on ({done}); rows flow from now on"


def turn_off(
    workspace: Workspace, name: str, *, reason: str = "", dry_run: bool = False
) -> str:
    """Remove our diagnostic setting; others' stay. Say what was done."""
    found = show(workspace, name)
    if not any(each.name == NAME for each in found):
        return f"diagnostics of {name} are off already"
    if dry_run:
        return f"diagnostics of {name} would be turned off"
    with (
        door.opened(workspace, name, "diagnostics.off") as live,
        live.journalled(reason, before=sorted(flowing(found))) as it,
    ):
        workspace.delete(_path(name, NAME))
        it.after = sorted(flowing(show(workspace, name)))
    return f"diagnostics of {name} are off; what has arrived stays"


def body(log_workspace_id: str) -> dict[str, Any]:
    return {
        "workspaceId": log_workspace_id,
        "logs": [{"category": name, "enabled": True} for name in CATEGORIES],
        "metrics": [{"category": METRICS, "enabled": True}],
    }


def _ours(settings: list[Setting]) -> Setting | None:
    return next((each for each in settings if each.name == NAME), None)


def _complete(setting: Setting, log_workspace_id: str) -> bool:
    return (
        setting.log_workspace.lower() == log_workspace_id.lower()
        and set(setting.logs) >= set(CATEGORIES)
        and setting.metrics
    )


def _setting(item: dict[str, Any]) -> Setting:
    properties = item["properties"]
    logs = [each for each in properties.get("logs") or [] if each.get("enabled")]
    everything = any(each.get("categoryGroup") == "allLogs" for each in logs)
    named = [each["category"] for each in logs if each.get("category")]
    return Setting(
        name=item["name"],
        log_workspace=properties.get("workspaceId") or "",
        logs=CATEGORIES if everything else tuple(named),
        metrics=any(each.get("enabled") for each in properties.get("metrics") or []),
    )


def _path(endpoint: str, name: str = "") -> str:
    below = "providers/Microsoft.Insights/diagnosticSettings"
    tail = f"/{name}" if name else ""
    return f"{endpoints.path(endpoint)}/{below}{tail}?{VERSION}"
