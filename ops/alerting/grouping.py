"""The action groups of a stage's `notify`, as Azure has them (2023-01-01).

A group that only cards go to, which `invoke alerts.relay` posts, is none of Azure's.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ops.alerting import targets
from ops.alerting.compiling import HASH, OWNER, Wanted
from ops.alerting.monitor import GROUPS, NOTIFY
from ops.alerting.rules import Rule
from ops.alerting.steps import Step, skipped
from ops.alerting.targets import Group
from ops.alerting.wording import described
from ops.errors import Refused
from ops.specs import fingerprint

if TYPE_CHECKING:
    from ops.clients import Workspace


def id_of(workspace: "Workspace", group: Group) -> str:
    """Its ARM id; "" for one that is none of Azure's."""
    if not group.has_receivers:
        return ""
    scope = f"/subscriptions/{workspace.subscription_id}/resourceGroups/"
    below = f"{workspace.resource_group}/providers/Microsoft.Insights/{GROUPS}"
    return f"{scope}{below}/{group.resource_name}"


def wanted(
    groups: Iterable[Group], rules: Iterable[Rule]
) -> tuple[list[Wanted], list[Step]]:
    """The groups that any of the rules tells; skipped, where a secret is missing."""
    told = [rule.notify for rule in rules]
    found, unread = [], []
    for group in groups:
        asked = any(names is None or group.name in names for names in told)
        if not (group.has_receivers and asked):
            continue
        try:
            found.append(_wanted(group))
        except Refused as error:
            unread.append(skipped("", group.name, error.problem, keeps=True))
    return found, unread


def _wanted(group: Group) -> Wanted:
    body = to_wire(group)
    # Of the words alone: an address may be a secret, and tags are none.
    content = fingerprint(described(GROUPS, body))
    body["tags"] = {OWNER: f"{NOTIFY}/{group.name}", HASH: content}
    return Wanted(kind=GROUPS, name=group.resource_name, rule=group.name, body=body)


def to_wire(group: Group) -> dict[str, Any]:
    hooks = [
        {
            "name": f"webhook-{n}",
            "serviceUri": targets.url(secret),
            "useCommonAlertSchema": True,
        }
        for n, secret in enumerate(group.webhooks, 1)
    ]
    mails = [
        {"name": f"email-{n}", "emailAddress": each, "useCommonAlertSchema": True}
        for n, each in enumerate(group.emails, 1)
    ]
    properties = {
        "groupShortName": group.short_name,
        "enabled": True,
        "webhookReceivers": hooks,
        "emailReceivers": mails,
    }
    return {"location": "Global", "properties": properties}
