"""What others have done to an endpoint meanwhile.

The endpoint itself tells who wrote it last; the activity log tells of every write, at
once on localcloud, on Azure some minutes later.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ops import activity, tags
from ops.errors import NotFound, OpsError, ServiceError, Unreachable
from ops.hints import hint

if TYPE_CHECKING:
    from ops.clients import Workspace

MARGIN = timedelta(seconds=1)  # two clocks that are both the service's
WHOLE = timedelta(minutes=1)  # so that an event of which the end is near is read whole


def edited(workspace: "Workspace", body: dict[str, Any], since: datetime) -> str:
    """`by X at T`: who wrote an endpoint last, as far as anything tells it."""
    with_log = _foreign(workspace, body["name"], since - MARGIN)
    if with_log:
        return f"by {with_log[0].caller} at {with_log[0].at:%H:%M:%S} UTC"
    who = (body.get("systemData") or {}).get("lastModifiedBy") or "somebody"
    at = modified_at(body)
    return f"by {who} at {at:%H:%M:%S} UTC" if at else f"by {who}"


@contextmanager
def told(
    workspace: "Workspace",
    name: str,
    seen: datetime,
    modified: datetime | None = None,
) -> Iterator[None]:
    """Have an error that is raised within tell what others wrote, too."""
    try:
        yield
    except OpsError as error:
        for line in wrote(workspace, name, seen, modified):
            error.add(line)
        raise


def wrote(
    workspace: "Workspace",
    name: str,
    seen: datetime,
    modified: datetime | None = None,
) -> tuple[str, ...]:
    """What others wrote since what we saw was written, by the activity log.

    A read may have been late: what it did not show lies before it.
    """
    return tuple(
        f"{event.caller} wrote {name} at {event.at:%H:%M:%S} UTC, "
        + (
            f"after our write: {hint('status')} shows what there is now"
            if modified and event.at > modified
            else "which our last read did not show: what that had set is overwritten"
        )
        for event in _foreign(workspace, name, seen - WHOLE, workspace.change)
        if event.at > seen
    )


def modified_at(body: dict[str, Any]) -> datetime | None:
    """When it was written last, by the service's word."""
    try:
        return tags.moment(str((body.get("systemData") or {})["lastModifiedAt"]))
    except (KeyError, ValueError):
        return None


def _foreign(
    workspace: "Workspace", name: str, start: datetime, own: str = ""
) -> list[activity.Event]:
    """The log is evidence, never a condition: who may not read it can still write."""
    try:
        return activity.foreign(workspace, name, start, workspace.now() + MARGIN, own)
    except (NotFound, ServiceError, Unreachable):
        return []
