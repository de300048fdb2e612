"""What was changed on an endpoint, from all that tells it, newest first.

This machine's journal knows how a change ended; the endpoint's tags have the latest
changes of weights, whoever made them; the activity log has what neither knows. A
change is known by the number of its lock, which is the same on every machine.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ops import activity, door, endpoints, journal, tags, unfinished
from ops.activity import Event
from ops.errors import NotFound, OpsError, UsageError
from ops.journal import Entry
from ops.tags import Change
from ops.weights import Weights

if TYPE_CHECKING:
    from ops.clients import Workspace

BACK = timedelta(days=30)  # of the activity log; Azure keeps 90
LATE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One change."""

    number: int  # what `rollback --to` takes; 0 for what has none
    at: datetime
    endpoint: str
    verb: str
    who: str
    before: Any
    after: Any
    outcome: str
    reason: str
    told_by: str  # journal, tags, activity log
    id: str = ""

    @property
    def weights(self) -> Weights | None:
        """The weights that it made, if it made any and they are known."""
        made = self.outcome == "done" and isinstance(self.after, dict)
        if not made or "traffic" not in self.after or self.verb == "deploy":
            return None
        return Weights(
            traffic=self.after["traffic"], mirror=self.after.get("mirror", {})
        )


def of(workspace: "Workspace", name: str, most: int) -> list[Row]:
    """The latest changes of an endpoint; what was cut off is settled first.

    What can't be read is noted, and the rest is told: the journal is always there.
    """
    stage, notes = workspace.stage.name, workspace.notes
    kept: list[Change] = []
    told: list[Event] = []
    try:
        endpoint = endpoints.find(workspace, name)
        notes += unfinished.settle(workspace, name, endpoint)
        kept = tags.changes(endpoint.tags) if endpoint else []
        below = sorted(endpoint.deployments) if endpoint else []
        now = workspace.now()
        told = activity.events(workspace, name, now - BACK, now + LATE, below)
    except OpsError as error:
        notes.append(f"not all is told: {error.problem}")
    return merged(journal.entries(stage, name, most), kept, told, name)[:most]


def of_all(stage: str, most: int) -> list[Row]:
    """The latest changes of every endpoint that this machine's journal has."""
    return [_entry(each) for each in journal.entries(stage, None, most)]


def merged(
    entries: Iterable[Entry], kept: Iterable[Change], told: Iterable[Event], name: str
) -> list[Row]:
    """Each change once, by the one that knows most of it; newest first."""
    rows = {entry.id: _entry(entry) for entry in entries}
    for change in kept:
        if change.id not in rows:
            rows[change.id] = _change(change, name)
    for event in sorted(told, key=lambda event: event.at):
        id = event.change or event.request_id or str(event.at)
        if id not in rows and (event.change or not event.ours):
            rows[id] = _event(event, name)
    return sorted(rows.values(), key=lambda row: (row.at, row.number), reverse=True)


def numbered(rows: Iterable[Row], number: int) -> Weights:
    """The weights that the change of this number made; raise NotFound."""
    rows = list(rows)
    known = {row.number: row.weights for row in rows if row.number and row.weights}
    if number not in known:
        for row in rows:
            if row.number == number:
                raise NotFound(
                    f"#{number} is {row.verb} by {row.who}: it made no weights to go "
                    "back to.",
                    "invoke history",
                )
        there = ", ".join(f"#{each}" for each in known) or "none"
        raise NotFound(
            f"There is no change of weights #{number} to go back to (there are: "
            f"{there}).",
            "invoke history",
        )
    found = known[number]
    assert found is not None, "only rows with weights are known"
    return found


def number(text: str) -> int:
    """The number of --to, as history shows it."""
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or not int(digits):
        raise UsageError(
            f"--to takes the number of a change, as history shows it, not {text!r}.",
            "invoke history",
        )
    return int(digits)


def _entry(entry: Entry) -> Row:
    return Row(
        number=entry.fence,
        at=entry.at,
        endpoint=entry.endpoint,
        verb=entry.verb,
        who=entry.who,
        before=entry.before,
        after=entry.after,
        outcome=entry.outcome,
        reason=entry.reason or entry.detail.split("\n")[0],
        told_by="journal",
        id=entry.id,
    )


def _change(change: Change, name: str) -> Row:
    return Row(
        number=change.fence,
        at=change.at,
        endpoint=name,
        verb=change.verb,
        who=change.who,
        before=door.shown(change.before) if change.before else None,
        after=door.shown(change.after) if change.after else None,
        outcome="done",  # the record travels in the write that it tells of
        reason=change.reason,
        told_by="tags",
        id=change.id,
    )


def _event(event: Event, name: str) -> Row:
    """What neither the journal nor the tags know: how, but not what, was changed."""
    below = f" {event.resource}" if event.resource != name else ""
    ended = {"Succeeded": "done", "Failed": "failed"}
    return Row(
        number=0,
        at=event.at,
        endpoint=name,
        verb=event.what + below,
        who=event.caller,
        before=None,
        after=None,
        outcome=ended.get(event.outcome, event.outcome.lower()),
        reason="by the toolkit, elsewhere" if event.ours else "outside of the toolkit",
        told_by="activity log",
        id=event.change,
    )
