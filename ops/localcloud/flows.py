"""What diagnostic settings let flow into the log store, and from when on."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from ops.localcloud.records import Resource

TRAFFIC = "AmlOnlineEndpointTrafficLog"
CONSOLE = "AmlOnlineEndpointConsoleLog"
EVENTS = "AmlOnlineEndpointEventLog"
METRICS = "AllMetrics"
LOGS = (CONSOLE, TRAFFIC, EVENTS)

Flow = Mapping[str, datetime]  # category -> since when it is enabled


def flows(settings: Iterable[Resource]) -> dict[str, Flow]:
    """By endpoint id, the categories that any of its settings enables."""
    found: dict[str, dict[str, datetime]] = {}
    for setting in settings:
        endpoint = setting.id.split("/providers/microsoft.insights/")[0]
        flow = found.setdefault(endpoint, {})
        for category, text in setting.body["since"].items():
            since = datetime.fromisoformat(text)
            flow[category] = min(since, flow.get(category, since))
    return {**found}
