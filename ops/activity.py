"""Who wrote to an endpoint or its deployments, by the activity log of the subscription.

The toolkit's own requests carry a client request id that ends in MARK, and that of a
change of weights begins with the change's id: both stand in the log, so what others
wrote can be told on any machine. (Azure: activity-log-schema, httpRequest.) Azure shows
an event minutes after it happened, localcloud at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ops import endpoints
from ops.pipeline import MARK, NO_CHANGE

if TYPE_CHECKING:
    from ops.clients import Workspace

VERSION = "2015-04-01"
FIELDS = (
    "caller,correlationId,eventTimestamp,httpRequest,operationName,resourceId,status"
)
CHANGING = ("/write", "/delete", "/regenerateKeys/action")  # other actions only read


@dataclass(frozen=True, kw_only=True)
class Event:
    """One change as the activity log has it: all its events together."""

    at: datetime
    caller: str
    what: str  # such as onlineEndpoints/write, deployments/delete
    resource: str  # the endpoint's or deployment's name
    outcome: str  # Succeeded, Failed; Accepted or Started while it runs
    request_id: str
    accepted: bool = False  # begun by the service, whatever came of it

    @property
    def ours(self) -> bool:
        return self.request_id.endswith(MARK)

    @property
    def change(self) -> str:
        """The id of the toolkit's change that it is part of; "" for none."""
        id = self.request_id.replace("-", "")[:12] if self.ours else NO_CHANGE
        return "" if id == NO_CHANGE else id


def events(
    workspace: "Workspace",
    endpoint: str,
    start: datetime,
    end: datetime,
    deployments: Iterable[str] = (),
) -> list[Event]:
    """The changes of an endpoint and of its deployments in a time, newest first."""
    paths = [endpoints.path(endpoint, each) for each in (None, *deployments)]
    found = [
        event
        for path in paths
        for event in told(read(workspace, f"{workspace.id}/{path}", start, end))
    ]
    return sorted(found, key=lambda event: event.at, reverse=True)


def foreign(
    workspace: "Workspace", endpoint: str, start: datetime, end: datetime, own: str = ""
) -> list[Event]:
    """Writes of the endpoint itself that the toolkit did not make, unless refused.

    With `own`, the id of a change, those of the toolkit's other changes, too.
    One that a later write has overtaken ends as Failed, and was there all the same.
    """
    return [
        event
        for event in events(workspace, endpoint, start, end)
        if (not event.ours or (own and event.change not in ("", own)))
        and "/write" in event.what
        and (event.accepted or event.outcome != "Failed")
    ]


def told(rows: list[dict[str, Any]]) -> list[Event]:
    """Events by what they belong to: a change is told when it starts and ends."""
    by_change: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if value(row, "operationName").endswith(CHANGING):
            by_change.setdefault(row.get("correlationId") or "", []).append(row)
    return [_event(sorted(each, key=at)) for each in by_change.values()]


def _event(rows: list[dict[str, Any]]) -> Event:
    first = rows[0]
    outcomes = [value(row, "status") for row in rows]
    ended = [each for each in outcomes if each in ("Succeeded", "Failed")]
    operation = value(first, "operationName").split("/")
    return Event(
        at=at(first),
        caller=first.get("caller") or "somebody",
        what="/".join(operation[-2:]),
        resource=str(first.get("resourceId") or "").rsplit("/", 1)[-1],
        outcome=(ended or outcomes)[-1],
        accepted="Accepted" in outcomes,
        request_id=(first.get("httpRequest") or {}).get("clientRequestId") or "",
    )


def read(
    workspace: "Workspace",
    resource: str,
    start: datetime,
    end: datetime,
    fields: str = FIELDS,
) -> list[dict[str, Any]]:
    """The rows of one resource, as the service has them, newest first."""
    asked = (
        f"eventTimestamp ge '{_text(start)}' and eventTimestamp le '{_text(end)}' "
        f"and resourceUri eq '{resource}'"
    )
    query = urlencode({"api-version": VERSION, "$filter": asked, "$select": fields})
    where = f"/subscriptions/{workspace.subscription_id}/providers/Microsoft.Insights"
    url = f"{workspace.base_url}{where}/eventtypes/management/values?{query}"
    return workspace.list(url)


def value(row: dict[str, Any], name: str) -> str:
    return str((row.get(name) or {}).get("value") or "")


def at(row: dict[str, Any]) -> datetime:
    text = str(row["eventTimestamp"])
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6] or 0:0<6}+00:00")


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
