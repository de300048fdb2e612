"""Microsoft.AlertsManagement/actionRules (2021-08-08): alert processing rules."""

from typing import Any

from ops.localcloud.alerting.checkactionrule import problems
from ops.localcloud.services import tracked
from ops.localcloud.wire import Call, invalid

MOST = 1000  # Azure: service-limits
GIVEN = ("scopes", "conditions", "schedule", "actions", "description")


def complete(call: Call, sent: dict[str, Any]) -> dict[str, Any]:
    """The properties of a rule that is kept."""
    invalid(problems(sent, kinds=lambda id_: tracked.kind_of(call, id_)))
    enabled = sent.get("enabled", True)
    if enabled:
        tracked.require_room(KIND, call, MOST)
    given = {name: sent[name] for name in GIVEN if sent.get(name) is not None}
    return {**given, "enabled": enabled}


KIND = tracked.Kind(
    type="Microsoft.AlertsManagement/actionRules",
    path="Microsoft.AlertsManagement/actionRules",
    complete=complete,
    location="Global",
    patched=("enabled",),
)
