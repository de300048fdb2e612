"""What becomes of a count that a person sets, where a deployment is autoscaled."""

from typing import TYPE_CHECKING

from ops.autoscaling import engine, sources
from ops.autoscaling.deployed import Setting, live
from ops.autoscaling.engine import Case
from ops.endpoints import Deployment
from ops.errors import OpsError
from ops.hints import led

if TYPE_CHECKING:
    from ops.clients import Workspace


def notes(
    workspace: "Workspace", endpoint_name: str, deployment: Deployment, count: int
) -> list[str]:
    """Who will win, and how to have the count stand; nothing without autoscaling."""
    try:
        setting = live(workspace, endpoint_name).get(deployment.name.lower())
        if setting is None or not setting.enabled:
            return []
        return [_fate(workspace, setting, deployment, count)]
    except OpsError as error:
        return [f"whether it is autoscaled is not known: {error.problem}"]


def _fate(
    workspace: "Workspace", setting: Setting, deployment: Deployment, count: int
) -> str:
    """By the engine's own decision on the new count, at its next run."""
    now = workspace.now()
    case = Case(
        properties=setting.properties,
        now=now,
        instances=count,
        readings=sources.readings(workspace, setting.properties, now),
    )
    (verdict,) = engine.decide([case])
    does = f"lets {count} stand until a rule fires"
    if verdict.count != count:
        does = f"wins: it makes {verdict.count} of it within a minute ({verdict.text})"
    own = f"--deployment {deployment.name} --for 2h --instances {count}"
    keep = led(f"invoke autoscale.suspend {own}   # and it stays")
    return (
        f"{deployment.name} is autoscaled by {setting.name}, which {does}.\n"
        f"  try: {keep}"
    )
