"""Try whether everybody is told: a test through each target of the stage file."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ops.alerting import cards, grouping, posting, targets
from ops.alerting.posting import Target
from ops.alerting.targets import Group
from ops.clients import Workspace
from ops.errors import NotFound, OpsError, Unfinished
from ops.hints import led
from ops.readings import first_line
from ops.settings import Stage, who

VERSION = "2023-01-01"
KIND = "logalertv2"  # whose sample the action group sends
RECEIVERS = ("webhookReceivers", "emailReceivers")
DELIVERED = ("succeeded", "success", "completed", "delivered")
PATIENCE = 60.0  # seconds; Azure says nothing of how long a test may take
BY_GROUP, BY_CARD = "a made-up alert by its action group", "a card"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What came of one test."""

    target: str  # on-call/webhook-1
    sent: str  # the common alert schema of a made-up alert, by Azure
    answer: str
    seconds: float
    failed: bool


def chosen(stage: Stage, name: str | None) -> list[Group]:
    """The groups to try: one by its name, or all; raise NotFound."""
    groups = [targets.named(stage, name)] if name else list(targets.of(stage))
    if not groups:
        raise NotFound(
            f"{stage.path.name} names nobody under `notify` (docs/alerts.md)."
        )
    return groups


def tried(workspace: Workspace, groups: list[Group]) -> Iterator[Tried]:
    """Send a test through each target, all at a time; yield each as it was named."""
    jobs: list[Callable[[], list[Tried]]] = [
        lambda group=group, make=make: make(workspace, group)  # type: ignore[misc]
        for group in groups
        for make in (_receivers, _slack, _teams)
    ]
    with ThreadPoolExecutor(len(jobs)) as pool:
        for found in pool.map(lambda job: job(), jobs):
            yield from found


def require_told(found: list[Tried]) -> None:
    """Raise OpsError where a test did not arrive."""
    if failed := [each.target for each in found if each.failed]:
        raise OpsError(f"Not told: {', '.join(failed)}.")


def _receivers(workspace: Workspace, group: Group) -> list[Tried]:
    """Azure sends a sample alert to the receivers of the group's action group."""
    if not group.has_receivers:
        return []
    began = time.monotonic()
    try:
        wanted = grouping.to_wire(group)["properties"]
        body = {"alertType": KIND, **{kind: wanted[kind] for kind in RECEIVERS}}
        path = f"{grouping.id_of(workspace, group)}/createNotifications"
        url = f"{workspace.base_url}{path}?api-version={VERSION}"
        details = workspace.act(url, body, PATIENCE).get("actionDetails") or []
    except NotFound:
        problem = f"no action group {group.resource_name}: {led('invoke alerts.apply')}"
        return [_failed(group.name, BY_GROUP, problem, began)]
    except Unfinished:
        problem = f"no outcome within {PATIENCE:g} s; the service goes on trying"
        return [_failed(group.name, BY_GROUP, problem, began)]
    except OpsError as error:
        return [_failed(group.name, BY_GROUP, first_line(error), began)]
    lasted = time.monotonic() - began
    return [_told(f"{group.name}/{each.get('Name')}", each, lasted) for each in details]


def _told(target: str, detail: Mapping[str, Any], seconds: float) -> Tried:
    """What Azure says of one receiver: `Completed: answered 200`."""
    status = str(detail.get("Status"))
    more = (detail.get("SubState"), detail.get("Detail"))
    said = [str(each) for each in more if each and each != "Default"]
    return Tried(
        target=target,
        sent=BY_GROUP,
        answer=": ".join([status, *said]),
        seconds=seconds,
        failed=status.lower() not in DELIVERED,
    )


def _slack(workspace: Workspace, group: Group) -> list[Tried]:
    return _card(workspace, group, "slack", posting.slack)


def _teams(workspace: Workspace, group: Group) -> list[Tried]:
    return _card(workspace, group, "teams", posting.teams)


def _card(
    workspace: Workspace,
    group: Group,
    kind: str,
    make: Callable[[Group], Target | None],
) -> list[Tried]:
    began, name = time.monotonic(), f"{group.name}/{kind}"
    try:
        target = make(group)
        if target is None:
            return []
        now = workspace.now()
        card = cards.trial(group.name, workspace.stage.name, who(), now)
        done = posting.post(target, card)
    except OpsError as error:
        return [_failed(name, BY_CARD, first_line(error), began)]
    return [
        Tried(
            target=name,
            sent=BY_CARD,
            answer=done.answer,
            seconds=done.seconds,
            failed=False,
        )
    ]


def _failed(target: str, sent: str, problem: str, began: float) -> Tried:
    return Tried(
        target=target,
        sent=sent,
        answer=problem,
        seconds=time.monotonic() - began,
        failed=True,
    )
