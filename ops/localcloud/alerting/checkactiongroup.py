"""What Azure refuses of an action group, as sentences that name the field.

Azure: actionGroups 2023-01-01, and service-limits for how many receivers of a kind.
"""

import re
from typing import Any

from ops.localcloud.fields import Problems, Told, flag, given, objects, under

MOST_SHORT = 12  # characters: it stands in text messages
RECEIVERS = {  # of each kind: how many, and what each must have beside its name
    "emailReceivers": (1000, ("emailAddress",)),
    "smsReceivers": (10, ("countryCode", "phoneNumber")),
    "webhookReceivers": (10, ("serviceUri",)),
    "itsmReceivers": (
        10,
        ("workspaceId", "connectionId", "ticketConfiguration", "region"),
    ),
    "azureAppPushReceivers": (10, ("emailAddress",)),
    "automationRunbookReceivers": (
        10,
        ("automationAccountId", "runbookName", "webhookResourceId"),
    ),
    "voiceReceivers": (10, ("countryCode", "phoneNumber")),
    "logicAppReceivers": (10, ("resourceId", "callbackUrl")),
    "azureFunctionReceivers": (
        10,
        ("functionAppResourceId", "functionName", "httpTriggerUrl"),
    ),
    "armRoleReceivers": (10, ("roleId",)),
    "eventHubReceivers": (10, ("eventHubNameSpace", "eventHubName", "subscriptionId")),
}
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
URI = re.compile(r"https?://[^\s/?#]+\S*")


def problems(told: dict[str, Any]) -> list[str]:
    """All that is wrong with an action group's properties."""
    return list(_group(told))


def receivers(told: dict[str, Any]) -> list[str]:
    """All that is wrong with the receivers alone: a test notification has no more."""
    return list(_receivers(told))


def _group(told: Told) -> Problems:
    short = told.get("groupShortName")
    if not isinstance(short, str) or not 1 <= len(short) <= MOST_SHORT:
        yield f"groupShortName must be 1 to {MOST_SHORT} characters long."
    yield from flag("", told, "enabled", required=True)
    yield from _receivers(told)


def _receivers(told: Told) -> Problems:
    names: list[str] = []
    for kind, (most, needed) in RECEIVERS.items():
        found = objects(told.get(kind) or [])
        if found is None:
            yield f"{kind} must be a list of objects."
            continue
        if len(found) > most:
            yield f"{kind} must be at most {most:,}, not {len(found):,}."
        for place, each in enumerate(found):
            at = f"{kind}[{place}]"
            for field in ("name", *needed):
                yield from given(at, each, field)
            yield from flag(at, each, "useCommonAlertSchema")
            yield from _shape(at, each)
            name = str(each.get("name")).lower()
            if name in names:
                yield f"{at}.name '{each['name']}' is used by another receiver."
            names.append(name)


def _shape(at: str, told: Told) -> Problems:
    for field, shape, noun in (
        ("emailAddress", ADDRESS, "an e-mail address"),
        ("serviceUri", URI, "an HTTP or HTTPS URI"),
    ):
        value = told.get(field)
        if isinstance(value, str) and not shape.fullmatch(value):
            yield f"{under(at, field)} must be {noun}."
    if told.get("useAadAuth") and not told.get("objectId"):
        yield f"{at}.objectId must be given with useAadAuth."
