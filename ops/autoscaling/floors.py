"""A rollout and the autoscaler agree: no scale-in takes an instance that a step needs.

While a step lasts, what serves in it keeps at least the instances it has, or as many as
its share needs: a profile with fixed dates raises the minimum of its autoscale setting.
The engine starts what is missing, the rules go on above it, and it ends by itself: a
runner that dies leaves no floor behind.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ops import capacity
from ops.autoscaling import engine
from ops.autoscaling.deployed import FLOOR, SUSPENDED, Setting, live, url
from ops.autoscaling.engine import Case
from ops.autoscaling.setting import MOST_PROFILES
from ops.endpoints import Endpoint
from ops.flow import Recent
from ops.weights import Weights

if TYPE_CHECKING:
    from ops.clients import Workspace

SPARE = timedelta(hours=1)  # beyond the step's own time
EARLY = timedelta(minutes=1)  # for clocks that differ


def hold(
    workspace: "Workspace",
    endpoint: Endpoint,
    after: Weights,
    recent: Recent,
    length: timedelta,
) -> list[str]:
    """Raise the minimum of what serves after a change; return what forbids it."""
    serving = [name for name in endpoint.deployments if serves(name, endpoint, after)]
    settings = live(workspace, endpoint.name)
    wanted = {
        name: count
        for name, count in counts(endpoint, after, recent, serving).items()
        if name.lower() in settings and settings[name.lower()].enabled
    }
    now = workspace.now()
    return [
        note
        for name, count in wanted.items()
        if (note := _raise(workspace, settings[name.lower()], count, now, now + length))
    ]


def serves(name: str, endpoint: Endpoint, after: Weights) -> bool:
    """Whether it has traffic before or after the change, which may be taken back."""
    shares = (after.traffic, after.mirror, endpoint.traffic)
    return any(share.get(name) for share in shares)


def counts(
    endpoint: Endpoint, after: Weights, recent: Recent, serving: list[str]
) -> dict[str, int]:
    """The instances that each must keep: those it has, or those its share needs."""
    found = {name: endpoint.deployments[name].instances for name in serving}
    for need in capacity.needs(endpoint, after, recent.flows, recent.per_second):
        if need.deployment in found:
            found[need.deployment] = max(found[need.deployment], need.needed)
    return found


def _raise(
    workspace: "Workspace",
    setting: Setting,
    count: int,
    now: datetime,
    until: datetime,
) -> str:
    """Write the floor where the setting would go lower; "" if all is well."""
    name = setting.deployment
    if pause := setting.suspended(now):
        short = pause.count < count
        return f"{name} is suspended {pause.shown}, and needs {count}" if short else ""
    others = [each for each in setting.profiles if each["name"] != FLOOR]
    if all(int(each["capacity"]["minimum"]) >= count for each in others):
        return ""
    if len(others) >= MOST_PROFILES:
        return f"{setting.name} has no room for a profile: {name} may be scaled in"
    base = in_force({**setting.properties, "profiles": others}, now)
    kept = [each for each in others if each["name"] != SUSPENDED]
    body = {
        "location": setting.body["location"],
        "tags": setting.body.get("tags") or {},
        "properties": {
            **setting.properties,
            "profiles": [floor(base, count, now, until), *kept],
        },
    }
    workspace.put(url(workspace, setting.name), body)
    most = int(base["capacity"]["maximum"])
    return (
        f"{name} needs {count} instances, more than its {most}" if count > most else ""
    )


def in_force(properties: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The profile that the engine goes by now."""
    case = Case(properties={**properties, "enabled": True}, now=now, instances=1)
    (verdict,) = engine.decide([case])
    named = {each["name"]: each for each in properties["profiles"]}
    return dict(named.get(verdict.profile) or properties["profiles"][0])


def floor(
    base: Mapping[str, Any], count: int, start: datetime, end: datetime
) -> dict[str, Any]:
    """The profile in force, with another minimum, for a time."""
    capacity = {key: int(value) for key, value in base["capacity"].items()}
    least = max(capacity["minimum"], count)
    form = "%Y-%m-%dT%H:%M:%SZ"
    return {
        "name": FLOOR,
        "capacity": {
            "minimum": str(least),
            "maximum": str(max(capacity["maximum"], least)),
            "default": str(max(capacity["default"], least)),
        },
        "rules": base.get("rules") or [],
        "fixedDate": {
            "timeZone": "UTC",
            "start": (start - EARLY).astimezone(UTC).strftime(form),
            "end": end.astimezone(UTC).strftime(form),
        },
    }
