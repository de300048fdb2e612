"""One live screen of an endpoint, to be left open beside whatever else one does."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ops import clients, cloud, endpoints, journal, readings
from ops.alerting import fired, muting
from ops.alerting.fired import Alert
from ops.alerting.muting import Mute
from ops.autoscaling import actions, deployed
from ops.autoscaling.actions import Event as Action
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import OpsError, Unreachable
from ops.journal import Entry
from ops.measures import Event, Metrics, window
from ops.settings import Stage

EVENTS, CHANGES = 12, 12  # more don't fit any screen
DAY = timedelta(days=1)
DOWN = "localcloud is down"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What one look has found; what it could not read is as it was before."""

    endpoint_name: str
    stage: str
    looked: datetime  # when this was tried
    fresh: datetime | None = None  # when it last succeeded
    endpoint: Endpoint | None = None
    metrics: Metrics | None = None
    events: list[Event] = field(default_factory=list)  # newest first
    changes: list[Entry] = field(default_factory=list)  # newest first
    scaled: list[Action] = field(default_factory=list)  # by autoscale, newest first
    alerts: list[Alert] = field(default_factory=list)  # that are fired, gravest first
    mutes: list[Mute] = field(default_factory=list)
    trouble: str = ""  # why this look failed


class Watch:
    """Looks at an endpoint again and again, through outages of what it asks."""

    def __init__(self, stage: Stage, name: str, since: str) -> None:
        self._clock = cloud.clock_of(stage)
        now = self._clock.now()
        window(since, "1m", now)  # refused now rather than on the screen
        self._stage = stage
        self._since = since
        self._workspace: Workspace | None = None
        self._sight = Sight(endpoint_name=name, stage=stage.name, looked=now)

    def look(self) -> Sight:
        """Read everything; never raise because something does not answer."""
        now = self._clock.now()
        try:
            self._sight = self._read(self._sight, now)
        except OpsError as error:
            trouble = error.problem.splitlines()[0]
            if isinstance(error, Unreachable):
                self._workspace = None  # the next one may have another port
                down = self._stage.local and cloud.find() is None
                trouble = DOWN if down else trouble
            self._sight = replace(self._sight, looked=now, trouble=trouble)
        return self._sight

    def _read(self, before: Sight, now: datetime) -> Sight:
        name = before.endpoint_name
        sight = replace(
            before,
            looked=now,
            trouble="",
            changes=journal.entries(self._stage.name, name, CHANGES),
        )
        self._sight = sight  # the journal is this machine's: it never goes away
        workspace = self._workspace = self._workspace or attach(self._stage)
        alerts, mutes = told(workspace, before)
        endpoint = endpoints.get(workspace, name)
        span = window(self._since, "1m", now)
        flowing = readings.flowing(workspace, name)
        day = window("1d", "1h", now)
        events = (
            readings.events(workspace, name, day) if readings.EVENTS in flowing else []
        )
        return replace(
            sight,
            endpoint=endpoint,
            metrics=readings.metrics(workspace, endpoint, span, flowing),
            events=events[::-1][:EVENTS],
            alerts=alerts,
            mutes=mutes,
            scaled=scaled(workspace, before, now),
            fresh=now,
        )


def told(workspace: Workspace, before: Sight) -> tuple[list[Alert], list[Mute]]:
    """What is fired and what is muted; who may not read that sees all the rest."""
    try:
        name = before.endpoint_name
        return fired.fired(workspace, name), muting.live(workspace, name)
    except Unreachable:
        raise
    except OpsError:
        return before.alerts, before.mutes


def scaled(workspace: Workspace, before: Sight, now: datetime) -> list[Action]:
    """Instances that autoscale added and removed in the last day; as patient."""
    try:
        settings = deployed.live(workspace, before.endpoint_name).values()
        found = actions.of(workspace, settings, now - DAY, now)
    except Unreachable:
        raise
    except OpsError:
        return before.scaled
    return [each for each in found if each.what in actions.SCALED][:CHANGES]


def attach(stage: Stage) -> Workspace:
    """The workspace of a stage; a localcloud that is down stays so: Unreachable."""
    if not stage.local:
        return clients.connect(stage)
    found = cloud.find()
    if found is None:
        raise Unreachable(DOWN, "invoke cloud.up")
    return Workspace(stage, found)
