"""Microsoft.Insights/scheduledQueryRules (2023-12-01): log rules."""

from typing import Any

from ops.localcloud.alerting.checkqueryrule import problems
from ops.localcloud.fields import MINUTE, length
from ops.localcloud.logstore import Unavailable
from ops.localcloud.services import tracked
from ops.localcloud.wire import AzureError, Call, invalid

# Azure: service-limits, log alerts.
MOST = 5000
MOST_EVERY_MINUTE = 100
MOST_OF_RESOURCE = 1000
GIVEN = (
    *("displayName", "description", "severity", "scopes", "evaluationFrequency"),
    *("windowSize", "overrideQueryTimeRange", "targetResourceTypes", "criteria"),
    *("muteActionsDuration", "actions", "skipQueryValidation", "resolveConfiguration"),
)


def complete(call: Call, sent: dict[str, Any]) -> dict[str, Any]:
    """The properties of a rule that is kept."""
    _require_spoken(call, sent)
    try:
        found = problems(
            sent,
            kinds=lambda id_: tracked.kind_of(call, id_),
            columns=lambda query: call.cloud.store.columns(query, now=call.now),
        )
    except Unavailable as problem:
        raise AzureError(503, problem.code, str(problem)) from None
    invalid(found)
    if sent.get("enabled", True):
        _require_room(call, sent)
    return {
        "displayName": call.names["name"],
        **{name: sent[name] for name in GIVEN if sent.get(name) is not None},
        "enabled": sent.get("enabled", True),
        "autoMitigate": sent.get("autoMitigate", True),
        "checkWorkspaceAlertsStorageConfigured": False,
        "isWorkspaceAlertsStorageConfigured": False,
        "isLegacyLogAnalyticsRule": False,
        "createdWithApiVersion": "2023-12-01",
    }


def _require_spoken(call: Call, sent: dict[str, Any]) -> None:
    """A 501 for what Azure takes and nothing here would act on."""
    identity = (call.body.get("identity") or {}).get("type", "None")
    for wanted, what in (
        (call.body.get("kind", "LogAlert") != "LogAlert", "rules of another kind"),
        (identity != "None", "identities of rules"),
    ):
        if wanted:
            message = f"localcloud does not know {what}."
            raise AzureError(501, "NotImplemented", message)


def _require_room(call: Call, sent: dict[str, Any]) -> None:
    tracked.require_room(KIND, call, MOST)
    others = [
        each.properties
        for each in tracked.others_of(KIND, call)
        if each.properties["enabled"]
    ]
    quick = [one for one in others if length(one["evaluationFrequency"]) == MINUTE]
    if (
        length(sent["evaluationFrequency"]) == MINUTE
        and len(quick) >= MOST_EVERY_MINUTE
    ):
        message = f"A subscription has {MOST_EVERY_MINUTE} log rules of PT1M at most."
        raise AzureError(400, "OutOfQuota", message)
    scope = sent["scopes"][0].lower()
    if sum(one["scopes"][0].lower() == scope for one in others) >= MOST_OF_RESOURCE:
        message = f"A resource has {MOST_OF_RESOURCE:,} log rules at most."
        raise AzureError(400, "OutOfQuota", message)


KIND = tracked.Kind(
    type="Microsoft.Insights/scheduledQueryRules",
    path="microsoft.insights/scheduledqueryrules",
    complete=complete,
    constant={"kind": "LogAlert"},
    tagged=True,
)
