"""Microsoft.Insights/actionGroups (2023-01-01): whom alerts tell."""

from typing import Any

from ops.localcloud.alerting.checkactiongroup import RECEIVERS, problems
from ops.localcloud.services import tracked
from ops.localcloud.wire import Answer, AzureError, Call, invalid

CONFIRMED = ("emailReceivers", "smsReceivers")  # may be let go of, and enabled again


def complete(call: Call, sent: dict[str, Any]) -> dict[str, Any]:
    """The properties of a group that is kept: receivers of every kind."""
    invalid(problems(sent))
    receivers = {
        kind: [
            {**each, **({"status": "Enabled"} if kind in CONFIRMED else {})}
            for each in sent.get(kind) or []
        ]
        for kind in RECEIVERS
    }
    return {
        "groupShortName": sent["groupShortName"],
        "enabled": sent["enabled"],
        **receivers,
    }


def enable_receiver(call: Call) -> Answer:
    """Let a receiver be told again; here nobody ever asks not to be."""
    group = tracked.existing(KIND, call)
    wanted = call.body.get("receiverName")
    for kind in CONFIRMED:
        for each in group.properties[kind]:
            if each["name"] == wanted:
                message = f"The receiver '{wanted}' is enabled already."
                raise AzureError(409, "Conflict", message)
    message = f"The group has no e-mail or SMS receiver '{wanted}'."
    raise AzureError(404, "ReceiverNotFound", message)


KIND = tracked.Kind(
    type="Microsoft.Insights/ActionGroups",
    path="microsoft.insights/actionGroups",
    complete=complete,
    location="Global",
    patched=("enabled",),
)
