"""Follow Alerts Management, and post what fires and resolves to Slack and Teams.

What was posted is kept on the disk before it is posted, so that nothing is posted
twice, whenever the relay dies. Each target has a thread of its own: one that is slow
keeps no other waiting.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Event as Signal

from ops import clients, times
from ops.alerting import cards, fired, muting, posting, recent, relayed, targets
from ops.alerting.fired import FIRED, RESOLVED, Alert
from ops.alerting.muting import Mute
from ops.alerting.posting import NotPosted, Target
from ops.alerting.relayed import Book, Page
from ops.clients import Workspace
from ops.errors import NotFound, OpsError, UsageError
from ops.readings import first_line
from ops.views import live

LEAST_SECONDS, MOST_SECONDS = 1.0, 3600.0
KEPT = fired.LONGEST + timedelta(days=1)
ASK_SECONDS = 0.2  # how often a round that ends is looked for


@dataclass(frozen=True, kw_only=True)
class Told:
    """What came of one message to one target."""

    at: datetime
    target: str
    what: str  # fired errors on green
    said: str  # the target's answer, or why it did not arrive
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Due:
    """A message that a target does not have yet."""

    alert: Alert
    before: Page | None  # what it has of this alert


def relay(
    workspace: Workspace, every_seconds: float | None = None, *, dry_run: bool = False
) -> Iterator[Told]:
    """Post what is due, once or again and again until Ctrl-C; tell of each message."""
    found = [
        target for each in targets.of(workspace.stage) for target in posting.of(each)
    ]
    if not found:
        raise NotFound(
            f"{workspace.stage.path.name} names no slack and no teams under `notify`: "
            "there is nobody to relay to (docs/alerts.md)."
        )
    stop = Signal()
    with (
        relayed.opened(workspace.stage.name) as book,
        live.stoppable(stop, stop, "stopping"),
        ThreadPoolExecutor(len(found)) as pool,
    ):
        made = Relay(workspace=workspace, targets=found, book=book)
        if dry_run:
            yield from made.rehearsed()
            return
        while True:
            yield from made.round(pool)
            due = time.monotonic() + (every_seconds or 0)
            while not stop.wait(ASK_SECONDS) and time.monotonic() < due:
                yield from made.news()
            if every_seconds is None or stop.is_set():
                wait(made.busy.values())
                yield from made.news()
                made.finished()
                return


def interval(text: str) -> float:
    """The seconds that --every asks for; raise UsageError."""
    seconds = times.duration(text, "--every").total_seconds()
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise UsageError(f"--every lies between 1s and 1h, not {text}.")
    return seconds


def require_told(found: list[Told]) -> None:
    """Raise OpsError where a message did not arrive."""
    if failed := sorted({each.target for each in found if each.failed}):
        raise OpsError(
            f"Not all was posted: {', '.join(failed)}.", "invoke alerts.notify-test"
        )


@dataclass(kw_only=True)
class Relay:
    """The targets of a stage, and what each has been told."""

    workspace: Workspace
    targets: list[Target]
    book: Book
    told: SimpleQueue[Told] = field(default_factory=SimpleQueue)
    busy: dict[str, "Future[None]"] = field(default_factory=dict)
    pictures: dict[tuple[str, str], list[float | None]] = field(default_factory=dict)

    def round(self, pool: ThreadPoolExecutor) -> Iterator[Told]:
        """Set every idle target to what it doesn't have; tell what forbids it."""
        try:
            for target, due in self._due().items():
                if due:
                    self.busy[target.name] = pool.submit(self._tell, target, due)
        except OpsError as error:
            text = first_line(error)
            now = self.workspace.now()
            yield Told(at=now, target="*", what="look", said=text, failed=True)
            with suppress(OpsError):  # told by the next look
                self.workspace = clients.again(self.workspace)
        yield from self.news()

    def news(self) -> Iterator[Told]:
        """What has come of messages since it was asked for last."""
        with suppress(Empty):
            while True:
                yield self.told.get_nowait()

    def finished(self) -> None:
        """Let go of the threads that are done; raise what ended one."""
        for name in [name for name, job in self.busy.items() if job.done()]:
            self.busy.pop(name).result()

    def rehearsed(self) -> Iterator[Told]:
        """What would be posted now."""
        now = self.workspace.now()
        for target, due in self._due().items():
            for each in due:
                what = described(each.alert)
                yield Told(
                    at=now, target=target.name, what=what, said="would be posted"
                )

    def _due(self) -> dict[Target, list[Due]]:
        """What each target that isn't busy is to be told."""
        alerts = fired.since(self.workspace, fired.LONGEST)
        mutes, now = list[Mute](), self.workspace.now()
        with suppress(OpsError):  # what was muted when it fired, each alert says
            mutes = muting.live(self.workspace)
        self.book.forget(now - KEPT)
        self.finished()
        idle = [each for each in self.targets if each.name not in self.busy]
        return {each: list(owing(each, alerts, mutes, self.book, now)) for each in idle}

    def _tell(self, target: Target, due: list[Due]) -> None:
        """Post what is due, oldest first; the first failure ends this round."""
        for each in due:
            if not self._posted(target, each):
                return

    def _posted(self, target: Target, due: Due) -> bool:
        alert, before, now = due.alert, due.before, self.workspace.now()
        card = cards.card(alert, self.workspace.stage.name, now, self._values(alert))
        page = relayed.page(alert, before)
        place = (page.channel, page.ts)
        try:
            if not page.ts:
                # Kept first: what may have arrived is never sent a second time.
                self.book.keep(target.name, alert.id, page)
            done = posting.post(target, card, place)
        except NotPosted as error:
            if error.certain:
                self.book.keep(target.name, alert.id, before)
            self._say(target, alert, error.problem, failed=True)
            return False
        self.book.keep(target.name, alert.id, page.arrived(done))
        self._say(target, alert, f"{done.answer}, {1000 * done.seconds:.0f} ms")
        return True

    def _values(self, alert: Alert) -> list[float | None]:
        """The same picture for every target."""
        key = (alert.id, alert.condition)
        if key not in self.pictures:
            until = alert.resolved or self.workspace.now()
            self.pictures[key] = recent.values(self.workspace, alert, until)
        return self.pictures[key]

    def _say(
        self, target: Target, alert: Alert, said: str, *, failed: bool = False
    ) -> None:
        now = self.workspace.now()
        what = described(alert)
        self.told.put(
            Told(at=now, target=target.name, what=what, said=said, failed=failed)
        )


def owing(
    target: Target, alerts: list[Alert], mutes: list[Mute], book: Book, now: datetime
) -> Iterator[Due]:
    """What a target isn't told yet, oldest first."""
    for alert in sorted(alerts, key=lambda each: each.started):
        before = book.page(target.name, alert.id)
        if before is None:
            mute = muting.covering(mutes, alert, now)
            ours = not alert.notify or target.group in alert.notify
            if ours and alert.condition == FIRED and not (alert.muted or mute):
                yield Due(alert=alert, before=None)
        elif differs(target, before, alert):
            yield Due(alert=alert, before=before)


def described(alert: Alert) -> str:
    return f"{alert.condition} {alert.rule} on {alert.subject}"


def differs(target: Target, before: Page, alert: Alert) -> bool:
    """Whether the message says what is no more so.

    What can't be edited gets a second message, and so only for the end of it.
    """
    if before.condition == RESOLVED:
        return False
    ended = alert.condition == RESOLVED
    return ended or (target.edits and before.state != alert.state)
