"""How a deployment scales, and Azure's form of it: an autoscale setting."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.autoscaling import rules as scalerules
from ops.autoscaling import schedules, zones
from ops.autoscaling.rules import Rule
from ops.autoscaling.schedules import Bounds, Dates, Window

DEFAULT = "default"  # the profile that is in force when no other is
MOST_PROFILES = 20


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How one deployment scales."""

    deployment: str
    bounds: Bounds
    zone: str = "UTC"
    enabled: bool = True
    rules: tuple[Rule, ...] = ()
    windows: tuple[Window, ...] = ()
    dates: tuple[Dates, ...] = ()
    emails: tuple[str, ...] = ()
    webhooks: tuple[Mapping[str, Any], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def profiles(self) -> Iterator[tuple[str, Bounds, tuple[Rule, ...]]]:
        """Every name with its bounds and rules, the default first."""
        yield DEFAULT, self.bounds, self.rules
        times: tuple[Window | Dates, ...] = (*self.windows, *self.dates)
        for each in times:
            own = self.rules if each.rules is None else each.rules
            yield each.name, each.bounds.over(self.bounds), own

    def flaps(self) -> list[str]:
        """Pairs of rules of which one would undo what the other does."""
        found = [
            text
            for _, bounds, rules in self.profiles()
            for text in scalerules.flaps(
                rules, bounds.minimum or 1, bounds.maximum or 1
            )
        ]
        return list(dict.fromkeys(found))


def setting_name(endpoint: str, deployment: str) -> str:
    """A deployment has one setting, and its name says whose it is."""
    return f"{endpoint}-{deployment}-autoscale"


def to_wire(scaling: Scaling, target: str, location: str) -> dict[str, Any]:
    """The autoscaleSettings resource (2022-10-01) for a deployment's ARM id."""
    ids = {"deployment": target, "endpoint": target.rsplit("/deployments/", 1)[0]}
    properties: dict[str, Any] = {
        "enabled": scaling.enabled,
        "targetResourceUri": target,
        "profiles": list(profiles(scaling, ids)),
        "notifications": _notifications(scaling),
    }
    return {"location": location, "tags": dict(scaling.tags), "properties": properties}


def profiles(scaling: Scaling, ids: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The default, then each time, then the way back from each."""
    made = {
        name: _profile(name, bounds, rules, ids)
        for name, bounds, rules in scaling.profiles()
    }
    zone = zones.windows(scaling.zone)
    yield made[DEFAULT]
    for dates in scaling.dates:
        yield {**made[dates.name], "fixedDate": schedules.fixed(dates)}
    for window in scaling.windows:
        begins = schedules.recurrence(window.starts, zone)
        yield {**made[window.name], "recurrence": begins}
    begun = {start for window in scaling.windows for start in window.starts}
    for window in scaling.windows:
        # Where another window takes over there is no way back to be made.
        if ends := window.ends - begun:
            name = json.dumps({"name": DEFAULT, "for": window.name})
            back = schedules.recurrence(ends, zone)
            yield {**made[DEFAULT], "name": name, "recurrence": back}


def _profile(
    name: str, bounds: Bounds, rules: tuple[Rule, ...], ids: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "name": name,
        "capacity": {key: str(value) for key, value in vars(bounds).items()},
        "rules": [scalerules.to_wire(rule, ids) for rule in rules],
    }


def _notifications(scaling: Scaling) -> list[dict[str, Any]]:
    if not scaling.emails and not scaling.webhooks:
        return []
    email = {
        "sendToSubscriptionAdministrator": False,
        "sendToSubscriptionCoAdministrators": False,
        "customEmails": list(scaling.emails),
    }
    hooks = [dict(hook) for hook in scaling.webhooks]
    return [{"operation": "Scale", "email": email, "webhooks": hooks}]
