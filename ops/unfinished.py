"""Changes that were cut off: what became of them, by what the endpoint shows.

A process can die before its write, after it, or while it waits. The journal has what
it was about to do; a change of weights has its record in the tags, in the same write.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ops import activity, journal, tags
from ops.endpoints import Endpoint
from ops.errors import NotFound, ServiceError, Unreachable
from ops.journal import Entry

if TYPE_CHECKING:
    from ops.clients import Workspace

LATE = timedelta(minutes=1)
LOOK_BACK = 50  # entries: what is older was looked at when it was newer


def settle(workspace: "Workspace", name: str, endpoint: Endpoint | None) -> list[str]:
    """Write down what became of the open changes; return a sentence for each."""
    told = []
    for entry in reversed(journal.entries(workspace.stage.name, name, LOOK_BACK)):
        if entry.open:
            outcome, why = became(entry, endpoint)
            if outcome == "not done":
                outcome, why = logged(workspace, entry) or (outcome, why)
            journal.settle(entry, outcome, f"{entry.outcome}; {why}")
            told.append(
                f"{entry.verb} of {entry.at:%F %T} UTC by {entry.who} was "
                f"{entry.outcome}: {outcome}, {why}"
            )
    return told


def became(entry: Entry, endpoint: Endpoint | None) -> tuple[str, str]:
    """The outcome of an open change, and the evidence for it."""
    if entry.verb == "delete-endpoint":
        return ("done", "the endpoint is gone") if endpoint is None else _still()
    if endpoint is None:
        return "not known", "the endpoint is gone"
    wanted: Any = entry.wanted
    if not isinstance(wanted, dict):
        return "not known", "the endpoint does not show it"
    if "traffic" in wanted:
        return _weights(entry, endpoint)
    if entry.verb in ("freeze", "unfreeze"):
        return _matches(endpoint.tags.get(tags.FREEZE), wanted.get("freeze"))
    (name, value), *_ = wanted.items()
    live = endpoint.deployments.get(name)
    if entry.verb == "delete-deployment":
        return ("done", f"{name} is gone") if live is None else _still()
    if entry.verb == "scale" and live:
        return _matches(live.instances, value)
    return "not known", "the endpoint does not show it"


def logged(workspace: "Workspace", entry: Entry) -> tuple[str, str] | None:
    """What the activity log has of an open change that left no trace; None: nothing.

    Another tool can write back tags in which its record is missing.
    """
    start, end = entry.at - LATE, workspace.now() + LATE
    try:
        told = activity.events(workspace, entry.endpoint, start, end)
    except (NotFound, ServiceError, Unreachable):
        return None  # evidence, where it can be had
    own = [event for event in told if event.change == entry.id]
    if any(event.outcome == "Succeeded" for event in own):
        return "done", "the activity log has its write"
    if any(event.accepted for event in own):
        return "not known", "the activity log has its write, as failed or overtaken"
    return None


def _weights(entry: Entry, endpoint: Endpoint) -> tuple[str, str]:
    kept = tags.changes(endpoint.tags)
    if any(each.id == entry.id for each in kept):
        return "done", "the endpoint's tags have its record"
    if len(kept) == tags.RING and kept[-1].fence > entry.fence:
        return "not known", "the tags keep only later changes"
    return "not done", "the endpoint's tags have no record of it"


def _matches(found: object, wanted: object) -> tuple[str, str]:
    if found == wanted:
        return "done", "the endpoint shows it"
    return "not done", "the endpoint does not show it"


def _still() -> tuple[str, str]:
    return "not done", "it is still there"
