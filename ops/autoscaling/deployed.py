"""Autoscale settings as they are live, read as plain facts.

Azure: autoscaleSettings 2022-10-01. A resource has one setting at most, so that of a
deployment is found by its target, whatever its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ops import endpoints
from ops.autoscaling import zones
from ops.errors import NotFound
from ops.likeness import alike

if TYPE_CHECKING:
    from ops.clients import Workspace

VERSION = "2022-10-01"
SUSPENDED = "aml-ops.suspended"  # the profile that pins a count for a time
FLOOR = "aml-ops.floor"  # the profile that raises the minimum for a rollout's step
NOTE = "aml-ops.suspended"  # the tag that says who did it and why
# What a person can set of a setting. Its own name and others are the service's.
SETTABLE = """
    enabled targetResourceUri predictiveAutoscalePolicy scaleMode scaleLookAheadTime
    profiles capacity minimum maximum default rules fixedDate start end timeZone
    recurrence frequency schedule days hours minutes
    metricTrigger metricName metricResourceUri timeGrain statistic timeWindow
    timeAggregation operator threshold dimensions DimensionName Operator Values
    dividePerInstance scaleAction direction type value cooldown
    notifications operation email sendToSubscriptionAdministrator
    sendToSubscriptionCoAdministrators customEmails webhooks serviceUri properties
"""
FIELDS = frozenset(SETTABLE.split())


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One live setting."""

    name: str
    deployment: str
    enabled: bool
    body: dict[str, Any] = field(repr=False)

    @property
    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["properties"]
        return found

    @property
    def profiles(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.properties["profiles"]
        return found

    def suspended(self, now: datetime) -> "Suspension | None":
        """The pinned count, while it is in force."""
        for each in self.profiles:
            if each["name"] == SUSPENDED and each.get("fixedDate"):
                until = moment(each["fixedDate"], "end")
                if now < until:
                    note = (self.body.get("tags") or {}).get(NOTE, "")
                    count = int(each["capacity"]["default"])
                    return Suspension(count=count, until=until, note=note)
        return None


@dataclass(frozen=True, kw_only=True)
class Suspension:
    """For how long a count is kept, and why."""

    count: int
    until: datetime
    note: str

    @property
    def shown(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"at {self.count} until {self.until:%F %T} UTC{note}"


def url(workspace: "Workspace", name: str = "") -> str:
    group = f"/subscriptions/{workspace.subscription_id}/resourceGroups/"
    below = f"{workspace.resource_group}/providers/Microsoft.Insights/autoscaleSettings"
    tail = f"/{name}" if name else ""
    return f"{workspace.base_url}{group}{below}{tail}?api-version={VERSION}"


def live(workspace: "Workspace", endpoint: str) -> dict[str, Setting]:
    """The settings of an endpoint's deployments, by deployment."""
    below = f"{workspace.id}/onlineEndpoints/{endpoint}/deployments/".lower()
    found = {}
    for body in workspace.list(url(workspace)):
        target = str(body["properties"].get("targetResourceUri") or "").lower()
        if target.startswith(below):
            name = target.removeprefix(below)
            enabled = bool(body["properties"].get("enabled"))
            found[name] = Setting(
                name=body["name"], deployment=name, enabled=enabled, body=body
            )
    return found


def require(workspace: "Workspace", endpoint_name: str, deployment: str) -> Setting:
    """The setting that scales a deployment; raise NotFound."""
    found = live(workspace, endpoint_name).get(deployment.lower())
    if found is None:
        endpoints.require(endpoints.get(workspace, endpoint_name), deployment)
        raise NotFound(
            f"{deployment} of {endpoint_name} is not autoscaled.",
            "invoke autoscale.apply",
        )
    return found


def carry(body: dict[str, Any], there: Setting, now: datetime) -> None:
    """Take over what suspends a setting now or raises its minimum, and others' tags."""
    others = {k: v for k, v in (there.body.get("tags") or {}).items() if k != NOTE}
    body["tags"] = {**others, **body["tags"]}
    pins = [
        each
        for each in there.profiles
        if each["name"] in (SUSPENDED, FLOOR) and now < moment(each["fixedDate"], "end")
    ]
    body["properties"]["profiles"] = pins + body["properties"]["profiles"]
    note = (there.body.get("tags") or {}).get(NOTE)
    if note and any(each["name"] == SUSPENDED for each in pins):
        body["tags"] = {**body["tags"], NOTE: note}


def same(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a live setting is the wanted one, however the service spells it."""
    tags = (live.get("tags") or {}, wanted.get("tags") or {})
    return tags[0] == tags[1] and alike(
        live["properties"], wanted["properties"], FIELDS
    )


def moment(fixed: Mapping[str, str], key: str) -> datetime:
    """A time of a fixed date, as UTC."""
    from zoneinfo import ZoneInfo

    found = datetime.fromisoformat(fixed[key])
    if found.tzinfo is None:
        found = found.replace(
            tzinfo=ZoneInfo(zones.iana(fixed.get("timeZone") or "UTC"))
        )
    return found.astimezone(UTC)
