"""Microsoft.Insights/actionGroups (2023-01-01): whom alerts tell, and trying that."""

from typing import Any

from ops.localcloud import notifications
from ops.localcloud.alerting.checkactiongroup import RECEIVERS, problems, receivers
from ops.localcloud.outbox import FAILED, NOT_SENT, SENT, Delivery
from ops.localcloud.services import tracked
from ops.localcloud.wire import Answer, AzureError, Call, invalid

TESTS = ("metricstaticthreshold", "metricsdynamicthreshold", "logalertv2")
MECHANISMS = {"SMS": "Sms", "ItsmConnection": "Itsm"}
STATUSES = {SENT: "Completed", FAILED: "Failed", NOT_SENT: "Failed"}
NEVER = "0001-01-01T00:00:00+00:00"
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


def create_notifications(call: Call) -> Answer:
    """Send a made-up alert to the receivers that are given."""
    group = tracked.existing(KIND, call)
    kind = str(call.body.get("alertType")).lower()
    if kind not in TESTS:
        message = f"localcloud can try alerts of {', '.join(TESTS)}, not of '{kind}'."
        raise AzureError(501, "NotImplemented", message)
    invalid(receivers(call.body))
    if not any(call.body.get(each) for each in RECEIVERS):
        raise AzureError(400, "BadRequest", "At least one receiver must be given.")
    id_ = notifications.test(call.state, call.body, group.body["id"], kind, call.now)
    call.cloud.ring()
    return Answer(status=202, headers=_poll(call, id_))


def get_notifications(call: Call) -> Answer:
    """What has become of it: 202 until each receiver was told or given up."""
    tracked.existing(KIND, call)
    id_ = call.names["notification"]
    found = call.state.outbox.of(id_)
    if not found:
        message = f"The notification '{id_}' was not found."
        raise AzureError(404, "ResourceNotFound", message)
    ended = [each.ended for each in found if each.ended]
    done = len(ended) == len(found)
    body = {
        "context": {
            "notificationSource": "Microsoft.Insights/TestNotification",
            "contextType": None,
        },
        "state": "Completed" if done else "InProgress",
        "createdTime": found[0].created.isoformat(),
        "completedTime": max(ended).isoformat() if done else NEVER,
        "actionDetails": [_detail(each) for each in found],
    }
    headers = {} if done else _poll(call, id_)
    return Answer(status=200 if done else 202, body=body, headers=headers)


def _poll(call: Call, id_: str) -> dict[str, str]:
    group = f"{call.cloud.url}{tracked.id_of(KIND, call)}"
    url = f"{group}/notificationStatus/{id_}?api-version={call.api_version}"
    return {"Location": url, "x-ms-retry-after-ms": "100"}


def _detail(delivery: Delivery) -> dict[str, Any]:
    return {
        "MechanismType": MECHANISMS.get(delivery.kind, delivery.kind),
        "Name": delivery.receiver,
        "Status": STATUSES.get(delivery.state, "InProgress"),
        "SubState": "Default",
        "SendTime": (delivery.ended or delivery.created).isoformat(),
        "Detail": delivery.detail or None,
    }


KIND = tracked.Kind(
    type="Microsoft.Insights/ActionGroups",
    path="microsoft.insights/actionGroups",
    complete=complete,
    location="Global",
    patched=("enabled",),
)
