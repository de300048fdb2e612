"""Take alerts, or put them away: what a person says of them, for all others to see."""

from collections.abc import Iterator
from dataclasses import dataclass

from ops import door, suggestions
from ops.alerting import fired, muting
from ops.alerting.fired import ACKNOWLEDGED, CLOSED, Alert
from ops.clients import Workspace
from ops.errors import NotFound, OpsError, UsageError
from ops.readings import first_line
from ops.settings import who

LEAST_ID = 4  # characters of an id that name one
DONE = {ACKNOWLEDGED: "alerts.ack", CLOSED: "alerts.close"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one alert: from which state to which."""

    alert: Alert  # as it was before
    state: str
    done: bool

    @property
    def changed(self) -> bool:
        return self.alert.state != self.state


def chosen(
    workspace: Workspace, endpoint: str, name: str, *, every: bool
) -> list[Alert]:
    """The alerts that a rule's name, or the beginning of an id, means.

    Of a rule those that are not closed; raise NotFound with what there is.
    """
    if every == bool(name):
        raise UsageError(
            "Which alert? Say its rule, the beginning of its id, or --all.",
            "invoke alerts.list",
        )
    there = fired.since(workspace, fired.LONGEST, endpoint)
    open_ = [each for each in there if each.state != CLOSED and each.fired]
    if every:
        found = open_
    else:
        found = [each for each in open_ if each.rule == name]
        found = found or _by_id(there, name)
    if not found:
        names = ", ".join(sorted({f"{each.rule} ({each.id[:8]})" for each in open_}))
        raise NotFound(
            f"No alert of {endpoint} is {name!r}; fired and not closed: "
            f"{names or 'none'}."
            if name
            else f"No alert of {endpoint} is fired.",
            *suggestions.remedies(
                name, {each.rule for each in open_}, "invoke alerts.list --since 7d"
            ),
        )
    return found


def answer(
    workspace: Workspace,
    endpoint: str,
    alerts: list[Alert],
    state: str,
    *,
    comment: str = "",
    dry_run: bool = False,
) -> Iterator[Answer]:
    """Say of each alert that it is seen to, or over; journalled like any change."""
    for alert in alerts:
        told = Answer(alert=alert, state=state, done=not dry_run)
        if told.changed and not dry_run:
            verb, wanted = DONE[state], {alert.rule: state}
            before = {alert.rule: alert.state}
            with door.noted(
                workspace, endpoint, verb, comment, before=before, wanted=wanted
            ) as change:
                fired.change_state(workspace, alert, state, comment or f"by {who()}")
                change.after = wanted
        yield told
    if not dry_run:
        swept(workspace)


def swept(workspace: Workspace) -> None:
    """Delete the mutes that are over; what forbids it is only told."""
    try:
        muting.sweep(workspace)
    except OpsError as error:
        workspace.notes.append(f"mutes that are over still stand: {first_line(error)}")


def _by_id(there: list[Alert], name: str) -> list[Alert]:
    if len(name) < LEAST_ID:
        return []
    found = [each for each in there if each.id.startswith(name.lower())]
    if len(found) > 1:
        raise UsageError(f"{len(found)} alerts have an id that begins with {name}.")
    return found
