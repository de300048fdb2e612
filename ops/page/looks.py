"""What was read of an endpoint, kept a few seconds for all tabs, through outages."""

from collections.abc import Callable, Hashable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Lock, Thread
from time import monotonic
from typing import Any

from ops import cloud, endpoints, watch
from ops.alerting import fired
from ops.alerting.fired import Alert
from ops.boards import reading
from ops.boards.model import Dashboard, Panel
from ops.boards.tables import Failure, Table
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import OpsError, Unreachable
from ops.page.drawing import Mark
from ops.page.kept import Kept
from ops.page.view import View
from ops.readings import first_line
from ops.rollouts import following, standing
from ops.rollouts.following import Status
from ops.settings import Stage

HEADER_SECONDS = {True: 2.0, False: 10.0}  # on localcloud, on Azure
FRESHEST_SECONDS = {True: 4.0, False: 15.0}
MOST_MARKS = 40
AT_ONCE = 4  # readings that one page begins: Azure lets one person ask five
ASK_THE_SAME = ("drift", "days", "cells")
CHANGES = Panel(id="marks.changes", title="", kind="table", source="journal")


@dataclass(frozen=True, kw_only=True)
class Header:
    """How the endpoint stands; what could not be read is as it was before."""

    looked: datetime
    fresh: datetime | None = None  # when it last could be read
    endpoint: Endpoint | None = None
    rollout: Status | None = None
    alerts: tuple[Alert, ...] = ()  # those that are fired
    trouble: str = ""  # why it can't be read now
    notes: tuple[str, ...] = ()


class Looks:
    """Looks at one endpoint, whoever asks."""

    def __init__(
        self,
        stage: Stage,
        endpoint: str,
        flags: str = "",
        attach: Callable[[Stage], Workspace] = watch.attach,
    ) -> None:
        self.stage = stage
        self.endpoint = endpoint
        self.flags = flags  # that lead a verb to the same place
        self._attach = attach
        self._clock = cloud.clock_of(stage)
        self._kept = Kept()
        self._lock = Lock()
        self._turn = Lock()
        self._workspace: Workspace | None = None

    def now(self) -> datetime:
        return self._clock.now()

    def workspace(self) -> Workspace:
        """Where the endpoint is; raise Unreachable while localcloud is down."""
        with self._lock:
            if self._workspace is None:
                self._workspace = self._attach(self.stage)
            return self._workspace

    def header(self) -> Header:
        """How it stands now; never raises because something does not answer."""
        seconds = HEADER_SECONDS[self.stage.local]
        found: Header = self._kept.get("header", seconds, self._header)
        return found

    def ahead(self, view: View, seconds: float) -> None:
        """Begin to read all that a view shows; wait so long for it at most."""
        panels = [partial(self.panel, each, view) for each in view.board.panels()]
        readings: list[Callable[[], Any]] = [self.header, *panels]
        left = iter(readings)

        def work() -> None:
            for read in left:
                read()

        workers = [Thread(target=work, daemon=True) for _ in range(AT_ONCE)]
        for each in workers:
            each.start()
        until = monotonic() + seconds
        for each in workers:
            each.join(max(0.0, until - monotonic()))

    def glance(self) -> Header:
        """How it stands, if that is known already."""
        return self._kept.fresh("header") or Header(looked=self.now())

    def there(self, panel: Panel, view: View) -> Table | Failure | None:
        """A panel's rows, if they are read already."""
        found: Table | Failure | None = self._kept.fresh(key(panel, view))
        return found

    def panel(self, panel: Panel, view: View) -> Table | Failure:
        """A panel's rows; while nothing answers, those that were there before."""

        def read(before: Table | Failure | None) -> Table | Failure:
            try:
                where = self.workspace()
            except OpsError as error:
                return before or Failure(problem=error.problem)
            found = self._read_panel(where, whole(panel, view.board), view)
            if isinstance(found, Failure) and isinstance(before, Table):
                return before if self._header(None).trouble else found
            return found

        kept: Table | Failure = self._kept.get(
            key(panel, view), self._freshness(view), read
        )
        return kept

    def _read_panel(
        self, where: Workspace, panel: Panel, view: View
    ) -> Table | Failure:
        """Drift's panels ask one dear question: in turn, and of the very same time.

        Who comes later finds it answered.
        """
        now, alone = where.now(), panel.source in ASK_THE_SAME
        if alone:
            now = now.replace(second=0, microsecond=0)
        with self._turn if alone else nullcontext():
            window = view.window(now)
            return reading.read(where, self.endpoint, panel, window, view.deployments)

    def marks(self, view: View) -> list[Mark]:
        """What happened in the time that is shown: the latest changes, and alerts."""
        changes = self.panel(CHANGES, view)
        rows = changes.records() if isinstance(changes, Table) else []
        window = view.window(self.now())
        found = [
            Mark(
                at=row["At"],
                text=f"{row['Verb']} by {row['Who']}: {row['Reason']}",
                word=row["Verb"],
            )
            for row in rows[:MOST_MARKS]
        ]
        alerts: tuple[Alert, ...] = self._kept.get(
            ("fired", view.length), self._freshness(view), self._fired(view.length)
        )
        found += [
            Mark(
                at=each.started,
                text=f"alert {each.rule}: {each.summary}",
                word=f"alert {each.rule}",
                alert=True,
            )
            for each in alerts[:MOST_MARKS]
            if window.since <= each.started < window.until
        ]
        return found

    def _fired(
        self, length: timedelta
    ) -> Callable[[tuple[Alert, ...] | None], tuple[Alert, ...]]:
        def read(before: tuple[Alert, ...] | None) -> tuple[Alert, ...]:
            try:
                return tuple(fired.since(self.workspace(), length, self.endpoint))
            except OpsError:  # its panel says why
                return before or ()

        return read

    def _freshness(self, view: View) -> float:
        """How long a reading is good: a month's picture doesn't change in seconds."""
        slow = view.length.total_seconds() / 2000
        return max(FRESHEST_SECONDS[self.stage.local], min(slow, 300.0))

    def _header(self, before: Header | None) -> Header:
        now = self._clock.now()
        try:
            return self._read(now)
        except OpsError as error:
            trouble = first_line(error)
            if isinstance(error, Unreachable):
                with self._lock:
                    self._workspace = None  # the next one may have another port
                down = self.stage.local and cloud.find() is None
                trouble = watch.DOWN if down else trouble
            return replace(before or Header(looked=now), looked=now, trouble=trouble)

    def _read(self, now: datetime) -> Header:
        workspace = self.workspace()
        notes: list[str] = []
        alerts: tuple[Alert, ...] = ()
        found = endpoints.get(workspace, self.endpoint)
        here, rollout = standing.read(found.tags), None
        if here and here.active:  # the record has what was decided last
            rollout = following.status(workspace, self.endpoint)
        elif here:
            rollout = Status(endpoint=self.endpoint, now=now, here=here)
        try:
            alerts = tuple(fired.fired(workspace, self.endpoint))
        except OpsError as error:
            notes.append(f"alerts can't be read: {first_line(error)}")
        return Header(
            looked=now,
            fresh=now,
            endpoint=found,
            rollout=rollout,
            alerts=alerts,
            notes=tuple(notes),
        )


def key(panel: Panel, view: View) -> Hashable:
    """The same for all panels of a view that are drawn from the same rows."""
    time = (view.range, view.since, view.until)
    shown = whole(panel, view.board).show
    return (_question(panel), shown, *time, view.deployments)


def whole(panel: Panel, board: Dashboard) -> Panel:
    """With the values of all lines of a dashboard that are drawn from the same rows."""
    if panel.kind != "timeseries":
        return panel
    same = [p for p in board.panels() if _question(p) == _question(panel)]
    shown = dict.fromkeys(name for p in (*same, panel) for name in p.show)
    return replace(panel, show=tuple(shown))


def _question(panel: Panel) -> Hashable:
    """What is asked for it, whatever is shown of the answer."""
    drawn = (panel.kind, panel.each, panel.time, panel.axis, panel.by)
    asked = (panel.source, panel.query, tuple(panel.params.items()), panel.metric)
    return (*asked, *drawn)
