"""What Azure adds to the resources that it answers with, and how it spells them anew.

A drill has it added here too: whoever compares what is live with what was sent learns
whether he takes the service's own words for somebody's change.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Addition = tuple[str, str, Any]  # to each map at this path, under this name, that value
Chooser = Callable[[str], bool]

SCALING: tuple[Addition, ...] = (
    (
        "properties",
        "predictiveAutoscalePolicy",
        {"scaleMode": "Disabled", "scaleLookAheadTime": None},
    ),
    ("properties", "targetResourceLocation", "West Europe"),
    ("properties", "notifications", []),
    ("properties.profiles", "fixedDate", None),
    ("properties.profiles", "recurrence", None),
    ("properties.profiles.rules.metricTrigger", "metricNamespace", ""),
    ("properties.profiles.rules.metricTrigger", "metricResourceLocation", ""),
    ("properties.profiles.rules.metricTrigger", "dimensions", []),
    ("properties.profiles.rules.metricTrigger", "dividePerInstance", False),
)
QUERY_RULE: tuple[Addition, ...] = (
    ("", "etag", '"4f00c2a1-0000-0d00-0000-692c1b0a0000"'),
    ("properties", "createdWithApiVersion", "2023-12-01"),
    ("properties", "isLegacyLogAnalyticsRule", False),
    ("properties", "isWorkspaceAlertsStorageConfigured", False),
    ("properties", "checkWorkspaceAlertsStorageConfigured", False),
    ("properties", "targetResourceTypes", None),
    ("properties", "muteActionsDuration", None),
    ("properties", "overrideQueryTimeRange", None),
    ("properties", "resolveConfiguration", None),
    ("properties.criteria.allOf", "criterionType", "StaticThresholdCriterion"),
    ("properties.criteria.allOf", "metricMeasureColumn", None),
    ("properties.criteria.allOf", "resourceIdColumn", None),
    ("properties.criteria.allOf", "alertSensitivity", None),
    ("properties.actions", "actionProperties", {}),
)
METRIC_RULE: tuple[Addition, ...] = (
    ("properties", "isMigrated", False),
    ("properties", "lastUpdatedTime", "0001-01-01T00:00:00Z"),
    ("properties.criteria.allOf", "monitorTemplateType", 8),
    ("properties.criteria.allOf", "skipMetricValidation", False),
    ("properties.actions", "webHookProperties", {}),
)
RECEIVERS = (
    *("sms", "voice", "azureFunction", "logicApp", "eventHub", "automationRunbook"),
    *("azureAppPush", "armRole", "itsm", "email", "webhook"),
)
ACTION_GROUP: tuple[Addition, ...] = (
    *(("properties", f"{name}Receivers", []) for name in RECEIVERS),
    ("", "identity", None),
    ("properties.emailReceivers", "status", "Enabled"),
    ("properties.webhookReceivers", "useAadAuth", False),
    ("properties.webhookReceivers", "objectId", None),
    ("properties.webhookReceivers", "identifierUri", None),
    ("properties.webhookReceivers", "tenantId", None),
)
DIAGNOSTICS: tuple[Addition, ...] = (
    ("properties", "storageAccountId", None),
    ("properties", "serviceBusRuleId", None),
    ("properties", "eventHubAuthorizationRuleId", None),
    ("properties", "eventHubName", None),
    ("properties", "logAnalyticsDestinationType", None),
    ("properties.metrics", "timeGrain", None),
    ("", "kind", None),
    ("", "location", None),
    ("", "tags", None),
)
WORKBOOK: tuple[Addition, ...] = (
    ("", "etag", '"1600b4f0-0000-0d00-0000-692c1b0a0000"'),
    ("properties", "revision", "5d1f3bd2e30c4f3f8f7f6a0c2b9d4e11"),
    ("properties", "tags", []),
    ("properties", "storageUri", None),
    ("properties", "userId", "00000000-0000-0000-0000-000000000000"),
)
ENDPOINT: tuple[Addition, ...] = (
    ("properties", "keys", None),
    ("properties", "compute", None),
    ("properties", "mirrorTraffic", {}),
    ("properties", "swaggerUri", None),
    ("", "kind", "Managed"),
)
DEPLOYMENT: tuple[Addition, ...] = (
    ("properties", "modelMountPath", None),
    ("properties", "dataCollector", None),
    ("properties", "startupProbe", None),
    ("sku", "size", None),
    ("sku", "family", None),
)
ADDITIONS: Mapping[str, tuple[Addition, ...]] = {
    "autoscalesettings": SCALING,
    "scheduledqueryrules": QUERY_RULE,
    "metricalerts": METRIC_RULE,
    "actiongroups": ACTION_GROUP,
    "actionrules": (("properties", "description", None), ("", "etag", '"1"')),
    "workbooks": WORKBOOK,
    "diagnosticsettings": DIAGNOSTICS,
    "onlineendpoints": ENDPOINT,
    "deployments": DEPLOYMENT,
}
# ARM's own spelling of ids differs from service to service.
GROUP = re.compile(r"^(/subscriptions/[^/]+)/resourceGroups/", re.IGNORECASE)
PROVIDER = re.compile(r"/providers/Microsoft\.Insights/", re.IGNORECASE)
HOURS = re.compile(r"PT([1-9])H")
LIMITS = ("threshold", "minFailingPeriodsToAlert", "numberOfEvaluationPeriods")


def decorated(body: Any, chosen: Chooser = lambda name: True) -> Any:
    """An answer's body, its resources with what Azure adds to those of their kind.

    `chosen` says of each addition and spelling whether it is made.
    """
    if not isinstance(body, dict):
        return body
    if isinstance(listed := body.get("value"), list):
        return {**body, "value": [decorated(each, chosen) for each in listed]}
    kind = str(body.get("type") or "").rsplit("/", 1)[-1].lower()
    if kind not in ADDITIONS or not isinstance(body.get("properties"), dict):
        return body
    made: dict[str, Any] = json.loads(json.dumps(body))
    for path, name, value in ADDITIONS[kind]:
        for place in _places(made, path.split(".") if path else []):
            if place.get(name) is None and chosen(f"{path} {name}"):
                place[name] = value
    if chosen("spelling"):
        made["properties"] = _spelled(made["properties"], "")
    return dict(reversed(made.items())) if chosen("order") else made


def _places(value: Any, path: list[str]) -> Iterator[dict[str, Any]]:
    """The maps at a path, which leads through each item of a list."""
    if isinstance(value, list):
        for each in value:
            yield from _places(each, path)
    elif isinstance(value, dict) and path:
        yield from _places(value.get(path[0]), path[1:])
    elif isinstance(value, dict):
        yield value


def _spelled(value: Any, key: str) -> Any:
    """The same value as another service of Azure's might say it."""
    if isinstance(value, dict):
        return {k: _spelled(each, k) for k, each in reversed(value.items())}
    if isinstance(value, list):
        return [_spelled(each, key) for each in value]
    if key in LIMITS and isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return value
    if key == "serializedData":
        return _rewritten(value)
    if hours := HOURS.fullmatch(value):
        return f"PT{60 * int(hours[1])}M"
    value = GROUP.sub(r"\1/resourcegroups/", value)
    return PROVIDER.sub("/providers/microsoft.insights/", value)


def _rewritten(text: str) -> str:
    """JSON with its names in another order; other text as it is."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, indent=1)
    except ValueError:
        return text
