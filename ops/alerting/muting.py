"""Alerts that tell nobody for a time: alert processing rules of Azure Monitor.

They take the action groups away from what fires meanwhile; Alerts Management still
lists it. Azure: AlertProcessingRules (actionRules, 2021-08-08). All conditions of one
must be met, and of a condition any value.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops import endpoints
from ops.alerting.fired import Alert
from ops.clients import Workspace
from ops.errors import NotFound
from ops.readings import aware
from ops.tags import cut

VERSION = "2021-08-08"
RULES = "providers/Microsoft.AlertsManagement/actionRules"
OURS = "aml-ops.mute"  # the tag that tells ours, and of which endpoint
RULE, DEPLOYMENT, WHO = "aml-ops.rule", "aml-ops.deployment", "aml-ops.who"
ROLLOUT = "aml-ops.rollout"
MOST_TAG = 256  # characters of a tag; Azure's limit
MOST_VALUES = 5  # of a condition; Azure's limit
MILDEST = 4


@dataclass(frozen=True, kw_only=True)
class Mute:
    """What is silent of an endpoint, until when, by whom and why."""

    endpoint: str
    until: datetime
    who: str
    reason: str
    rule: str = ""  # "" for every rule of the endpoint
    deployment: str = ""  # "" for the endpoint and each deployment
    mildest: int = MILDEST  # down to this severity; what is milder is still told
    rollout: str = ""  # its id, where a rollout has muted its own canary

    @property
    def name(self) -> str:
        """Of its resource; no endpoint's name has an underscore."""
        kind = "rollout" if self.rollout else "mute"
        parts = (self.endpoint, self.rule, self.deployment)
        return "_".join([f"aml-ops-{kind}", *filter(None, parts)])

    @property
    def what(self) -> str:
        """`latency`, `all alerts of green`."""
        whose = f" of {self.deployment}" if self.deployment else ""
        return f"{self.rule or 'all alerts'}{whose}"

    def covers(self, alert: Alert, now: datetime) -> bool:
        """Whether an alert tells nobody if it fires now."""
        return (
            now < self.until
            and alert.endpoint == self.endpoint
            and self.rule in ("", alert.rule)
            and self.deployment in ("", alert.deployment)
            and alert.severity <= self.mildest
        )


def covering(mutes: Iterable[Mute], alert: Alert, now: datetime) -> Mute | None:
    """The mute of an alert that lasts longest, if there is one now."""
    found = [each for each in mutes if each.covers(alert, now)]
    return max(found, key=lambda each: each.until, default=None)


def live(workspace: Workspace, endpoint: str | None = None) -> list[Mute]:
    """Those in force, of an endpoint or of all, by when they end."""
    now = workspace.now()
    found = {mute.name: mute for mute in _ours(workspace) if now < mute.until}
    return sorted(
        (each for each in found.values() if endpoint in (None, each.endpoint)),
        key=lambda each: each.until,
    )


def write(
    workspace: Workspace,
    mute: Mute,
    scopes: Iterable[str] = (),
    rules: Iterable[str] = (),
) -> None:
    """Have Azure keep it.

    `scopes` are ARM ids of what else its rules watch, `rules` those of the one rule
    that it names.
    """
    for name, body in bodies(workspace, mute, scopes, rules).items():
        workspace.put(_url(workspace, name), body)


def lift(workspace: Workspace, mute: Mute) -> None:
    """End one before its time, if it is still there."""
    for name in _names(mute):
        with suppress(NotFound):
            workspace.delete(_url(workspace, name))


def sweep(workspace: Workspace) -> None:
    """Delete those that are over."""
    now = workspace.now()
    for name in {
        mute.name: mute for mute in _ours(workspace) if mute.until <= now
    }.values():
        lift(workspace, name)


def bodies(
    workspace: Workspace, mute: Mute, scopes: Iterable[str], rules: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """The resources of a mute, by name.

    Log rules fire on the endpoint and have the deployment among their dimensions;
    metric rules fire on the deployment itself: it takes one resource for each.
    """
    whole = f"{workspace.id}/{endpoints.path(mute.endpoint)}"
    narrow = [_condition("AlertRuleId", list(rules))] if mute.rule else []
    if mute.mildest < MILDEST:
        severities = [f"Sev{number}" for number in range(mute.mildest + 1)]
        narrow.append(_condition("Severity", severities))
    if not mute.deployment:
        every = {each.lower(): each for each in (whole, *scopes)}
        return {mute.name: _body(mute, list(every.values()), narrow)}
    by_target, by_dimension = _names(mute)
    dimension = _condition("AlertContext", _spelt(mute.deployment), "Contains")
    return {
        by_target: _body(mute, [f"{whole}/deployments/{mute.deployment}"], narrow),
        by_dimension: _body(mute, [whole], [*narrow, dimension]),
    }


def to_mute(body: Mapping[str, Any]) -> Mute | None:
    """The mute that a resource is part of; None for somebody else's."""
    tags, properties = body.get("tags") or {}, body.get("properties") or {}
    until = (properties.get("schedule") or {}).get("effectiveUntil")
    if OURS not in tags or not until:
        return None
    severities = [
        int(value.removeprefix("Sev"))
        for each in properties.get("conditions") or []
        if each.get("field") == "Severity"
        for value in each["values"]
    ]
    return Mute(
        endpoint=tags[OURS],
        until=aware(datetime.fromisoformat(until)),
        who=tags.get(WHO, ""),
        reason=str(properties.get("description") or ""),
        rule=tags.get(RULE, ""),
        deployment=tags.get(DEPLOYMENT, ""),
        mildest=max(severities, default=MILDEST),
        rollout=tags.get(ROLLOUT, ""),
    )


def _ours(workspace: Workspace) -> list[Mute]:
    return [mute for body in workspace.list(_url(workspace)) if (mute := to_mute(body))]


def _names(mute: Mute) -> tuple[str, ...]:
    if not mute.deployment:
        return (mute.name,)
    return (f"{mute.name}_target", f"{mute.name}_dimension")


def _body(
    mute: Mute, scopes: list[str], conditions: list[dict[str, Any]]
) -> dict[str, Any]:
    told = {RULE: mute.rule, DEPLOYMENT: mute.deployment, ROLLOUT: mute.rollout}
    tags = {OURS: mute.endpoint, WHO: cut(mute.who, MOST_TAG)}
    return {
        "location": "Global",
        "tags": {**tags, **{key: value for key, value in told.items() if value}},
        "properties": {
            "scopes": scopes,
            "conditions": conditions,
            "actions": [{"actionType": "RemoveAllActionGroups"}],
            "schedule": {"effectiveUntil": _local(mute.until), "timeZone": "UTC"},
            "description": mute.reason,
            "enabled": True,
        },
    }


def _condition(
    field: str, values: list[str], operator: str = "Equals"
) -> dict[str, Any]:
    return {"field": field, "operator": operator, "values": values}


def _spelt(deployment: str) -> list[str]:
    """A dimension of this value as JSON has it, with a space and without one."""
    return [f'"value":"{deployment}"', f'"value": "{deployment}"']


def _local(moment: datetime) -> str:
    """ISO 8601 without an offset: the schedule names its time zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _url(workspace: Workspace, name: str = "") -> str:
    group = (
        f"{workspace.base_url}/subscriptions/{workspace.subscription_id}"
        f"/resourceGroups/{workspace.resource_group}"
    )
    return f"{group}/{RULES}/{name}".rstrip("/") + f"?api-version={VERSION}"
