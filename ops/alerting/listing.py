"""What `invoke alerts.list` shows: alerts, and what tells nobody for a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ops import times
from ops.alerting import fired, muting
from ops.alerting.fired import GRAVE, NEW, Alert
from ops.alerting.muting import Mute
from ops.clients import Workspace
from ops.errors import OpsError, Unhealthy, UsageError
from ops.readings import first_line


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The alerts of an endpoint, or of all (""), at a time."""

    endpoint: str
    stage: str
    now: datetime
    length: timedelta
    alerts: list[Alert]
    mutes: list[Mute]

    @property
    def unseen(self) -> list[Alert]:
        """Those that should wake somebody: nobody has taken them, or muted them."""
        return [
            each
            for each in self.alerts
            if each.fired
            and each.severity <= GRAVE
            and each.state == NEW
            and muting.covering(self.mutes, each, self.now) is None
        ]


def look(workspace: Workspace, endpoint: str | None, length: timedelta) -> Listing:
    """Read both; where mutes can't be read, the alerts are told without them."""
    alerts = fired.since(workspace, length, endpoint)
    try:
        mutes = muting.live(workspace, endpoint)
    except OpsError as error:
        mutes = []
        workspace.notes.append(f"what is muted is not known: {first_line(error)}")
    return Listing(
        endpoint=endpoint or "",
        stage=workspace.stage.name,
        now=workspace.now(),
        length=length,
        alerts=alerts,
        mutes=mutes,
    )


def length(text: str) -> timedelta:
    """How far back --since goes; Azure keeps alerts for 30 days."""
    found = times.duration(text, "--since")
    if found > fired.LONGEST:
        raise UsageError(f"--since takes up to {fired.LONGEST.days}d, not {text}.")
    return found


def require_seen(found: Listing) -> None:
    """Raise Unhealthy while an alert that should wake somebody is nobody's."""
    if not found.unseen:
        return
    names = list(dict.fromkeys(each.rule for each in found.unseen))
    told = ", ".join(f"{each.rule} on {each.subject}" for each in found.unseen)
    raise Unhealthy(
        f"Fired, of severity 0 or {GRAVE}, and nobody has taken it: {told}.",
        *(f"invoke alerts.ack {name}" for name in names),
    )
