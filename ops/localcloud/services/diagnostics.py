"""Microsoft.Insights/diagnosticSettings: what of an endpoint flows into the logs."""

from typing import Any

from ops.localcloud.flows import LOGS, METRICS
from ops.localcloud.records import Resource
from ops.localcloud.wire import Answer, AzureError, Call, existing, page

TYPE = "diagnosticSettings"
MOST = 5  # Azure: diagnostic-settings, "Controlling costs"
GROUPS = {"allLogs": LOGS, "audit": ()}
ELSEWHERE = (
    *("storageAccountId", "eventHubAuthorizationRuleId", "eventHubName"),
    *("marketplacePartnerId", "serviceBusRuleId"),
)


def put(call: Call) -> Answer:
    """Create or replace a setting; what it enables flows from this moment on."""
    endpoint = existing(call, "onlineEndpoints")
    sent = call.body.get("properties")
    if not isinstance(sent, dict):
        raise AzureError(400, "BadRequest", "properties must be an object.")
    _require_destination(call, sent)
    logs = _entries(sent, "logs", LOGS)
    metrics = _entries(sent, "metrics", (METRICS,))
    name = call.names["setting"]
    before = call.state.resource(call.id)
    enabled = _enabled([*logs, *metrics])
    _require_room(call, endpoint, name, enabled)
    since = before.body["since"] if before else {}
    now = call.now.isoformat()
    resource = call.state.put(
        {
            "id": call.id,
            "name": name,
            "type": "Microsoft.Insights/diagnosticSettings",
            "location": endpoint.body.get("location"),
            "properties": {
                **dict.fromkeys(ELSEWHERE),
                "workspaceId": call.cloud.log_workspace,
                "logAnalyticsDestinationType": sent.get("logAnalyticsDestinationType"),
                "logs": logs,
                "metrics": metrics,
            },
            "since": {category: since.get(category, now) for category in enabled},
        },
        by=call.caller,
    )
    call.cloud.ring()
    return Answer(body=_shown(resource))


def get(call: Call) -> Answer:
    existing(call, "onlineEndpoints")
    resource = call.state.resource(call.id)
    if resource is None:
        message = f"The diagnostic setting '{call.names['setting']}' was not found."
        raise AzureError(404, "ResourceNotFound", message)
    return Answer(body=_shown(resource))


def list_all(call: Call) -> Answer:
    endpoint = existing(call, "onlineEndpoints")
    return page(call, [_shown(setting) for setting in _settings(call, endpoint)])


def delete(call: Call) -> Answer:
    existing(call, "onlineEndpoints")
    there = call.state.delete(call.id)
    call.cloud.ring()
    return Answer(status=200 if there else 204)


def list_categories(call: Call) -> Answer:
    existing(call, "onlineEndpoints")
    return page(call, [_category(call, name) for name in (*LOGS, METRICS)])


def get_category(call: Call) -> Answer:
    existing(call, "onlineEndpoints")
    for name in (*LOGS, METRICS):
        if name.lower() == call.names["category"].lower():
            return Answer(body=_category(call, name))
    message = f"The category '{call.names['category']}' was not found."
    raise AzureError(404, "ResourceNotFound", message)


def _category(call: Call, name: str) -> dict[str, Any]:
    endpoint = call.id.split("/providers/Microsoft.Insights/")[0]
    type_ = "Microsoft.Insights/diagnosticSettingsCategories"
    return {
        "id": f"{endpoint}/providers/{type_}/{name}",
        "name": name,
        "type": type_,
        "properties": {"categoryType": "Metrics" if name == METRICS else "Logs"},
    }


def _settings(call: Call, endpoint: Resource) -> list[Resource]:
    return call.state.children(f"{endpoint.id}/providers/microsoft.insights", TYPE)


def _shown(resource: Resource) -> dict[str, Any]:
    return {name: value for name, value in resource.body.items() if name != "since"}


def _require_destination(call: Call, sent: dict[str, Any]) -> None:
    if other := [name for name in ELSEWHERE if sent.get(name)]:
        message = f"localcloud can't send logs anywhere by {', '.join(other)}."
        raise AzureError(501, "NotImplemented", message)
    named = sent.get("workspaceId")
    if not named:
        message = "At least one data sink needs to be specified."
        raise AzureError(400, "BadRequest", message)
    if str(named).lower() != call.cloud.log_workspace.lower():
        message = f"The Log Analytics workspace '{named}' was not found."
        raise AzureError(404, "ResourceNotFound", message)


def _entries(
    sent: dict[str, Any], kind: str, known: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The logs or metrics of a setting, each with a category or a group there is."""
    found = sent.get(kind) or []
    if not isinstance(found, list) or not all(isinstance(e, dict) for e in found):
        raise AzureError(400, "BadRequest", f"{kind} must be a list of objects.")
    entries = []
    for entry in found:
        category, group = entry.get("category"), entry.get("categoryGroup")
        if bool(category) == bool(group):
            message = f"Each of {kind} needs a category or a categoryGroup, not both."
            raise AzureError(400, "BadRequest", message)
        if category not in (*known, None) or (group and group not in GROUPS):
            message = f"Category '{category or group}' is not supported."
            raise AzureError(400, "BadRequest", message)
        if not isinstance(entry.get("enabled"), bool):
            raise AzureError(400, "BadRequest", f"enabled of {kind} must be a boolean.")
        retention = {"enabled": False, "days": 0}
        entries.append(
            {
                "category": category,
                "categoryGroup": group,
                "enabled": entry["enabled"],
                "retentionPolicy": entry.get("retentionPolicy") or retention,
            }
        )
    return entries


def _enabled(entries: list[dict[str, Any]]) -> list[str]:
    found = [
        category
        for entry in entries
        if entry["enabled"]
        for category in (
            [entry["category"]] if entry["category"] else GROUPS[entry["categoryGroup"]]
        )
    ]
    return list(dict.fromkeys(found))


def _require_room(
    call: Call, endpoint: Resource, name: str, enabled: list[str]
) -> None:
    """Refuse a sixth setting, and a second one that sends the same to the same."""
    others = [one for one in _settings(call, endpoint) if one.id != call.id.lower()]
    if len(others) >= MOST:
        message = f"The limit of {MOST} diagnostic settings of a resource is reached."
        raise AzureError(409, "Conflict", message)
    for other in others:
        for category in enabled:
            if category in other.body["since"]:
                raise AzureError(
                    409,
                    "Conflict",
                    f"Data sink '{call.cloud.log_workspace}' is already used in "
                    f"diagnostic setting '{other.name}' for category '{category}'. "
                    "Data sinks can't be reused in different settings on the same "
                    "category for the same resource.",
                )
