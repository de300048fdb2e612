"""Alert rules and action groups as Azure Monitor has them, by azure-mgmt-monitor.

Whose a resource is, its tag says: `aml-ops` = endpoint/rule, or notify/group.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ops.alerting.compiling import HASH, LOG_RULES, METRIC_RULES, OWNER
from ops.likeness import alike
from ops.pipeline import refused, request_id

if TYPE_CHECKING:
    from ops.clients import Workspace

GROUPS = "actionGroups"
NOTIFY = "notify"  # what stands for the endpoint in an action group's tag
OPERATIONS = {
    LOG_RULES: "scheduled_query_rules",
    METRIC_RULES: "metric_alerts",
    GROUPS: "action_groups",
}
# What a person can set of rules and groups; all else is the service's own.
SETTABLE = """
    description displayName severity enabled scopes evaluationFrequency windowSize
    muteActionsDuration overrideQueryTimeRange autoMitigate skipQueryValidation
    checkWorkspaceAlertsStorageConfigured resolveConfiguration autoResolved
    timeToResolve targetResourceType targetResourceRegion
    criteria allOf query timeAggregation metricMeasureColumn resourceIdColumn
    dimensions name operator values threshold failingPeriods
    numberOfEvaluationPeriods minFailingPeriodsToAlert criterionType metricName
    metricNamespace skipMetricValidation alertSensitivity ignoreDataBefore odata.type
    actions actionGroups customProperties actionProperties actionGroupId
    webHookProperties
    groupShortName emailReceivers emailAddress webhookReceivers serviceUri useAadAuth
    useCommonAlertSchema smsReceivers voiceReceivers azureFunctionReceivers
    logicAppReceivers eventHubReceivers automationRunbookReceivers
    azureAppPushReceivers armRoleReceivers itsmReceivers
"""
FIELDS = frozenset(SETTABLE.split())


@dataclass(frozen=True, kw_only=True)
class Live:
    """One resource that is there."""

    kind: str
    name: str
    owner: str  # endpoint/rule; "" for one that isn't ours
    body: dict[str, Any] = field(repr=False)

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def endpoint(self) -> str:
        return self.owner.partition("/")[0]

    @property
    def rule(self) -> str:
        return self.owner.partition("/")[2]

    @property
    def told(self) -> dict[str, str]:
        """What its tags tell in place of custom properties."""
        start = f"{OWNER}."
        tags = {k: v for k, v in ours(self.body).items() if k.startswith(start)}
        return {name.removeprefix(start): str(text) for name, text in tags.items()}


class Monitor:
    """The alert resources of a workspace's resource group."""

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        self._client = workspace.monitor()

    def list(self, *kinds: str) -> list[Live]:
        """Every resource of these kinds, whosever it is."""
        found = []
        for kind in kinds or OPERATIONS:
            with refused():
                group = self._workspace.resource_group
                items = self._operations(kind).list_by_resource_group(group)
                bodies = [each.serialize(keep_readonly=True) for each in items]
            found += [to_live(kind, body) for body in bodies]
        return found

    def put(self, kind: str, name: str, body: Mapping[str, Any]) -> None:
        # As bytes: a stream would be spent when the request must be sent again.
        where = (self._workspace.resource_group, name, json.dumps(body).encode())
        with refused():
            self._operations(kind).create_or_update(*where, headers=self._headers())

    def delete(self, kind: str, name: str) -> None:
        group = self._workspace.resource_group
        with refused():
            self._operations(kind).delete(group, name, headers=self._headers())

    def _operations(self, kind: str) -> Any:
        return getattr(self._client, OPERATIONS[kind])

    def _headers(self) -> dict[str, str]:
        """The activity log knows a write by the journal's id."""
        return {"x-ms-client-request-id": request_id(self._workspace.change)}


def to_live(kind: str, body: dict[str, Any]) -> Live:
    tags = body.get("tags") or {}
    return Live(kind=kind, name=body["name"], owner=str(tags.get(OWNER, "")), body=body)


def same(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a live resource does what is wanted, however the service spells it."""
    return ours(live) == ours(wanted) and alike(
        live["properties"], wanted["properties"], FIELDS
    )


def ours(body: Mapping[str, Any]) -> dict[str, str]:
    """Our tags, but for the hash: what it is of is compared itself."""
    tags = body.get("tags") or {}
    return {
        name: text
        for name, text in tags.items()
        if name.startswith(OWNER) and name != HASH
    }


def carry(body: dict[str, Any], live: Live) -> None:
    """Take over the tags that others gave a resource."""
    tags = live.body.get("tags") or {}
    others = {k: v for k, v in tags.items() if not k.startswith(OWNER)}
    body["tags"] = {**others, **body["tags"]}


def edited(live: Live, wanted: Mapping[str, Any]) -> bool:
    """Whether somebody else has changed what was applied from these very files."""
    tags = live.body.get("tags") or {}
    return bool(tags.get(HASH) == wanted["tags"][HASH]) and not same(live.body, wanted)
