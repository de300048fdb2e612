"""Whom an action group tells, and the deliveries that telling them takes.

Azure: actionGroups 2023-01-01. localcloud calls webhooks; for every other receiver the
delivery says that it is not sent, and why.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.localcloud.alerting.samples import sample
from ops.localcloud.outbox import NOT_SENT, TEST, WAITING, Delivery
from ops.localcloud.records import Resource
from ops.localcloud.state import State

RECEIVERS = {  # the lists of an action group, and what one of them is called
    "webhookReceivers": "Webhook",
    "emailReceivers": "Email",
    "smsReceivers": "SMS",
    "voiceReceivers": "Voice",
    "azureAppPushReceivers": "AzureAppPush",
    "armRoleReceivers": "ArmRole",
    "logicAppReceivers": "LogicApp",
    "azureFunctionReceivers": "AzureFunction",
    "automationRunbookReceivers": "AutomationRunbook",
    "eventHubReceivers": "EventHub",
    "itsmReceivers": "ItsmConnection",
}


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is to be told: the common alert schema, and what came before it."""

    about: str
    event: str  # Fired, Resolved, Test
    common: Mapping[str, Any]
    older: Mapping[str, Any]  # for receivers that don't use the common alert schema


def tell(state: State, groups: Iterable[str], message: Message, at: datetime) -> None:
    """Queue what the receivers of action groups, given by id, are to be told."""
    for id_ in dict.fromkeys(group.lower() for group in groups):
        group = state.resource(id_)
        state.outbox.add(_of_group(group, id_, message, at))


def _of_group(
    group: Resource | None, id_: str, message: Message, at: datetime
) -> Iterator[Delivery]:
    name = id_.rsplit("/", 1)[-1]
    if group is None:
        yield _unsent(message, "ActionGroup", name, "there is no such action group", at)
    elif not group.properties.get("enabled", True):
        yield _unsent(message, "ActionGroup", name, "the action group is disabled", at)
    else:
        yield from deliveries(group.properties, message, at)


def deliveries(
    properties: Mapping[str, Any], message: Message, at: datetime
) -> Iterator[Delivery]:
    """One for each receiver of an action group."""
    for noun, kind in RECEIVERS.items():
        for receiver in properties.get(noun) or ():
            name = str(receiver.get("name"))
            if kind != "Webhook":
                yield _unsent(message, kind, name, "not sent by localcloud", at)
            elif receiver.get("useAadAuth"):
                reason = "localcloud has no Entra tokens for secure webhooks"
                yield _unsent(message, kind, name, reason, at)
            else:
                common = receiver.get("useCommonAlertSchema")
                body = message.common if common else message.older
                yield Delivery(
                    about=message.about,
                    event=message.event,
                    kind=kind,
                    receiver=name,
                    address=str(receiver["serviceUri"]),
                    body=json.dumps(body),
                    state=WAITING,
                    created=at,
                )


def _unsent(
    message: Message, kind: str, name: str, reason: str, at: datetime
) -> Delivery:
    return Delivery(
        about=message.about,
        event=message.event,
        kind=kind,
        receiver=name,
        state=NOT_SENT,
        detail=reason,
        created=at,
        ended=at,
    )


def test(
    state: State, properties: Mapping[str, Any], group: str, kind: str, at: datetime
) -> str:
    """Queue a made-up alert for the receivers that are given; return its id.

    `properties` has lists of receivers as an action group has them, `group` is the id
    of the action group that is tried, and `kind` the alertType of createNotifications.
    What becomes of it is in `state.outbox.of(id)`.
    """
    id_ = str(uuid.uuid4())
    common, older = sample(group, kind, id_, at)
    message = Message(about=id_, event=TEST, common=common, older=older)
    state.outbox.add(deliveries(properties, message, at))
    return id_
