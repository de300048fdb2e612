"""One look at a rollout: everything that a decision about it is made from.

What can't be read stays as it was at the look before, and is named in `unread`.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from ops import activity, readings
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import OpsError
from ops.measures import Usage, Window
from ops.rollouts import arrivals, canary, firing, moving
from ops.rollouts.arrivals import Arrivals
from ops.rollouts.canary import Pair
from ops.rollouts.evidence import Bin, Side
from ops.rollouts.observed import Alert, Asked, Edit, Health, Observed
from ops.rollouts.policy import Policy
from ops.rollouts.probes import Probes
from ops.rollouts.records import Beginning, Past
from ops.rollouts.standing import PAUSED, Standing, weights_of, whose
from ops.times import Span
from ops.weights import Weights, of

MOST_GRAIN = timedelta(minutes=1)
USAGE_SPAN = timedelta(minutes=3)  # metrics come by the minute, the newest not whole
SLACK = timedelta(minutes=5)  # by which the clock of a row may be ahead of ours

T = TypeVar("T")


@dataclass(kw_only=True)
class Observer:
    """Looks at one rollout again and again."""

    workspace: Workspace
    beginning: Beginning
    policy: Policy
    lane: Probes | None
    last: Observed
    arrivals: Arrivals = field(default_factory=Arrivals)
    unread: list[str] = field(default_factory=list)
    strange: Weights | None = None  # weights of somebody else's, seen once so far
    told: Edit | None = None  # whose those are, asked once: our own writes come after
    untold: tuple[Side, Side] = (Side(), Side())  # probes of one side alone, so far
    asked: Asked | None = None  # what the person wants who runs us
    compared: datetime | None = None  # when drift was last looked for

    def glance(self, now: datetime) -> Observed:
        """What the probes have met since the last look; nothing else is read."""
        self._take_probes(now)
        return self.last

    def look(self, endpoint: Endpoint, here: Standing, now: datetime) -> Observed:
        """Read everything there is."""
        self.unread = []
        self._take_probes(now)
        before, none = self.last, dict[str, Usage]()
        with ThreadPoolExecutor() as pool:  # a slow service is asked all at a time
            rows = pool.submit(
                self._read, "request rows", lambda: self._counted(now), before
            )
            alerts = pool.submit(self._read, "alerts", self._alerts, before.alerts)
            moved = pool.submit(
                self._read,
                "drift",
                lambda: self._drifted(endpoint, now),
                before.drifted,
            )
            usage = self._read("metrics", lambda: self._usage(endpoint, now), none)
        self.last = replace(
            rows.result(),
            step=here.step,
            step_since=here.since,
            released=here.released,
            asked=self.asked or _paused(here),
            edit=self._edit(endpoint, here, now),
            canary_health=_health(endpoint, here.canary, usage.get(here.canary)),
            stable_health=_health(endpoint, here.stable, usage.get(here.stable)),
            alerts=alerts.result(),
            drifted=moved.result(),
        )
        return self.last

    def _read(self, what: str, question: Callable[[], T], before: T) -> T:
        try:
            return question()
        except OpsError as error:
            self.unread.append(f"{what}: {readings.first_line(error)}")
            return before

    def _take_probes(self, now: datetime) -> None:
        if self.lane is None:
            return
        taken = self.lane.take()
        self.arrivals = self.arrivals.sent(self.lane.answered())
        sides = [
            Side(requests=tally.answered, errors=tally.failed)
            for tally in (taken[self.beginning.canary], taken[self.beginning.stable])
        ]
        self.untold, bin = together(self.untold, (sides[0], sides[1]), now)
        if bin:
            self.last = replace(self.last, probes=self.last.probes.add(bin))

    def _usage(self, endpoint: Endpoint, now: datetime) -> dict[str, Usage]:
        span = Window(since=now - USAGE_SPAN, until=now)
        return readings.usage(self.workspace, endpoint, span)

    def _alerts(self) -> tuple[Alert, ...]:
        beginning = self.beginning
        return firing.alerts(self.workspace, beginning.endpoint, beginning.canary)

    def _drifted(self, endpoint: Endpoint, now: datetime) -> tuple[str, ...]:
        """What differs since the rollout began, once a minute."""
        of = self.policy.guardrails.drift_of
        if not of or (self.compared and now < self.compared + MOST_GRAIN):
            return self.last.drifted
        self.compared = now
        beginning = self.beginning
        pair = Pair(canary=beginning.canary, stable=beginning.stable)
        span = Span(start=beginning.started, end=now)
        return moving.moved(self.workspace, endpoint, pair, of, span)

    def _counted(self, now: datetime) -> Observed:
        """The last look with the bins that have become whole since."""
        complete = self._complete(now)
        if complete is None:
            return self.last
        began, name = self.beginning.started, self.beginning.endpoint
        grain = grain_of(self.policy)
        start = canary.whole(began, self.last.watermark or began, grain)
        end = canary.whole(began, complete, grain)
        evidence = self.last.evidence
        if end > start:
            pair = Pair(canary=self.beginning.canary, stable=self.beginning.stable)
            limits, span = self.beginning.limits, Span(start=start, end=end)
            for bin in canary.bins(
                self.workspace, name, pair, span, grain, limits, self.policy
            ):
                evidence = evidence.add(bin)
        return replace(self.last, evidence=evidence, watermark=complete)

    def _complete(self, now: datetime) -> datetime | None:
        """Up to when all rows have arrived."""
        name, before = self.beginning.endpoint, self.last.watermark
        since = (before or self.beginning.started) - SLACK
        span = Span(start=since, end=now + SLACK)
        if self.lane is None:
            newest = canary.newest(self.workspace, name, span)
            return arrivals.unprobed(newest, before)
        rows = canary.arrived(self.workspace, name, self.lane.run, span)
        self.arrivals = self.arrivals.seen(rows, time.monotonic())
        return max(filter(None, (before, self.arrivals.complete)), default=None)

    def _edit(self, endpoint: Endpoint, here: Standing, now: datetime) -> Edit | None:
        """Weights that this rollout has not set.

        A read may be stale for a while, so they count when they are seen twice.
        """
        expected = expected_weights(self.policy, here)
        found = of(endpoint)
        if expected is None or found == expected:
            self.strange = self.told = None
            return None
        if self.strange != found:
            self.strange, self.told = found, None
            return None
        if self.told is None:
            who, at = self._editor(endpoint, here, now)
            shown = {"found": str(found), "expected": str(expected)}
            self.told = Edit(who=who, at=at, **shown)
        return self.told

    def _editor(
        self, endpoint: Endpoint, here: Standing, now: datetime
    ) -> tuple[str, datetime]:
        """Who wrote the endpoint last that isn't one of us, as far as it is told."""

        def foreign() -> list[activity.Event]:
            return activity.foreign(self.workspace, endpoint.name, here.since, now)

        nobody: list[activity.Event] = []
        if found := self._read("the activity log", foreign, nobody):
            return found[0].caller, found[0].at
        told = endpoint.body.get("systemData") or {}
        return str(told.get("lastModifiedBy") or "somebody"), now


def together(
    untold: tuple[Side, Side], taken: tuple[Side, Side], now: datetime
) -> tuple[tuple[Side, Side], Bin | None]:
    """What is still untold, and a bin once both sides have answered.

    A failure is looked at the moment it comes, which may be before the other side's
    answer; and a bin of one side alone tells nothing.
    """
    canary, stable = untold[0] + taken[0], untold[1] + taken[1]
    if not (canary.requests and stable.requests):
        return (canary, stable), None
    return (Side(), Side()), Bin(at=now, canary=canary, stable=stable)


def begin(
    workspace: Workspace,
    beginning: Beginning,
    policy: Policy,
    here: Standing,
    lane: Probes | None,
    past: Past | None,
) -> Observer:
    """An observer who knows what was seen before, if anything was."""
    fresh = Observed(
        canary=here.canary,
        stable=here.stable,
        started=beginning.started,
        step=here.step,
        step_since=here.since,
    )
    last = past.looks[-1].observed if past and past.looks else fresh
    terms = policy.terms(beginning.started)
    return Observer(
        workspace=workspace,
        beginning=beginning,
        policy=policy,
        lane=lane,
        last=replace(last, evidence=last.evidence.under(terms)),
    )


def expected_weights(policy: Policy, here: Standing) -> Weights | None:
    """What the weights should be; None while they go back in parts."""
    if here.state not in ("running", "paused"):
        return None
    return weights_of(policy.steps[here.step], here.canary, here.stable)


def grain_of(policy: Policy) -> timedelta:
    """How long a bin is: from one look to the next, a minute at most."""
    return min(timedelta(seconds=policy.look_seconds), MOST_GRAIN)


def _paused(here: Standing) -> Asked | None:
    if here.state != PAUSED:
        return None
    return Asked(command="pause", who=whose(here.by))


def _health(endpoint: Endpoint, name: str, usage: Usage | None) -> Health:
    deployment = endpoint.deployments.get(name)
    if deployment is None:
        return Health(state="", instances=0)
    usage = usage or Usage()
    counted = usage.instances_lately
    full = [each for each in (usage.cpu, usage.memory) if each is not None]
    return Health(
        state=deployment.state,
        instances=deployment.instances if counted is None else counted,
        saturation_percent=max(full, default=None),
    )
