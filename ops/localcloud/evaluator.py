"""Evaluates alert rules, each on its frequency, and fires and resolves their alerts.

By the clock that people read: where it was moved ahead, every evaluation that fell due
in between is made in order, at its own time, up to two days back. What was decided, the
alert and the deliveries to its receivers are written as one: a control plane that is
killed has lost no firing, and the next one repeats none.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from ops.localcloud import alerts, evaluations
from ops.localcloud.alerting.evaluation import Turn, due, evaluate, within_limit
from ops.localcloud.alerting.machine import ended
from ops.localcloud.alerting.rules import Rule
from ops.localcloud.alerting.rules import rule as read
from ops.localcloud.announcements import announce
from ops.localcloud.evaluations import Evaluation, Status
from ops.localcloud.kql import QueryError
from ops.localcloud.logstore import LogStore, Unavailable
from ops.localcloud.metrics import Wrong
from ops.localcloud.records import Resource
from ops.localcloud.signals import StoredSignals
from ops.localcloud.state import State

log = logging.getLogger(__name__)

TYPES = ("scheduledQueryRules", "metricAlerts")
SETTLED = timedelta(seconds=3)  # of real time, until what has happened is taken in
FURTHEST = timedelta(days=2)  # that missed evaluations are made up for
BUDGET = 5.0  # seconds that a step takes at most; the next one goes on
HOUR = timedelta(hours=1)
PATIENT = timedelta(minutes=5)  # rules of such a frequency can wait a little
STATUSES = {True: "Unhealthy", False: "Healthy", None: "Unknown"}


def is_patient(rule: Rule) -> bool:
    """Whether it has a loop of its own kind, so that its long query delays no page."""
    return rule.frequency >= PATIENT


class Evaluator:
    """The engine behind the alert rules that it `takes`: others are another one's.

    `ring` has deliveries seen to at once.
    """

    def __init__(
        self,
        state: State,
        store: LogStore,
        ring: Callable[[], None],
        takes: Callable[[Rule], bool] = lambda rule: True,
        settled: timedelta = SETTLED,
    ) -> None:
        self._state = state
        self._ring = ring
        self._takes = takes
        self._settled = settled
        self._leaving = False
        self._signals = StoredSignals(store)
        self._began: datetime | None = None  # in real time
        self._trimmed: datetime | None = None
        self._rules: dict[str, tuple[datetime, Rule | None]] = {}  # as last read
        self._last: dict[str, datetime] = {}  # what each was evaluated for
        self._told: dict[str, str] = {}  # the problem that was logged last

    def step(self, real: datetime) -> None:
        """Make the evaluations that have fallen due, in order of their time."""
        self._began = self._began or real
        if real - self._began < self._settled:
            return  # what was written while localcloud was away is being taken in
        rules = self._read_rules()
        self._let_go(rules)
        until = self._state.clock.shown(real - self._settled)
        self._trim(until)
        deadline = time.monotonic() + BUDGET
        waiting = [
            (at, each)
            for each in rules.values()
            if self._takes(each[1])
            for at in self._due(*each, until=until)
        ]
        for at, (resource, rule) in sorted(waiting, key=lambda each: each[0]):
            if self._leaving or time.monotonic() > deadline:
                return
            self._see_to(resource, rule, at)

    def leave(self) -> None:
        """Begin nothing more; what can't be ended is begun anew by the next one."""
        self._leaving = True

    def _read_rules(self) -> dict[str, tuple[Resource, Rule]]:
        """All that are enabled and can be read, by id."""
        found = {}
        for type_ in TYPES:
            for resource in self._state.of_type(type_):
                rule = self._read(resource)
                if rule is not None and rule.enabled:
                    found[resource.id] = (resource, rule)
        return found

    def _read(self, resource: Resource) -> Rule | None:
        known = self._rules.get(resource.id)
        if known is not None and known[0] == resource.modified:
            return known[1]
        rule: Rule | None = None
        try:
            rule = read(resource.body)
        except Exception:  # the others must not wait for this one to be mended
            log.exception("the rule %s can't be read", resource.name)
        self._rules[resource.id] = (resource.modified, rule)
        return rule

    def _due(self, resource: Resource, rule: Rule, until: datetime) -> list[datetime]:
        """What a rule was not evaluated for yet, since it is as it is."""
        if resource.id not in self._last:
            before = evaluations.last(self._state, resource.id)
            self._last[resource.id] = before.at if before else resource.modified
        after = max(self._last[resource.id], until - FURTHEST)
        return due(rule, after, until)

    def _see_to(self, resource: Resource, rule: Rule, at: datetime) -> None:
        self._last[resource.id] = at
        try:
            self._evaluate(resource, rule, at)
        except (QueryError, Wrong, Unavailable) as problem:
            self._failed(resource, rule, at, str(problem))
        except Exception as problem:
            log.exception("the rule %s could not be evaluated", rule.name)
            self._failed(resource, rule, at, type(problem).__name__)

    def _evaluate(self, resource: Resource, rule: Rule, at: datetime) -> None:
        state = self._state
        before = evaluations.last(state, resource.id)
        there: dict[str, bool] = {}
        turns = evaluate(
            rule,
            before.series if before else {},
            at,
            self._signals,
            lambda target: there.setdefault(target, self._exists(target)),
        )
        events = False
        with state.transaction():
            current = state.resource(resource.id)
            if current is None or current.generation != resource.generation:
                return  # somebody was faster: the next step looks at what they wrote
            series = {}
            for turn in within_limit(turns):
                after = announce(state, rule, turn, at)
                events = events or bool(turn.step.event)
                if after.worth_keeping:
                    series[turn.key] = after
            evaluation = Evaluation(
                at=at,
                generation=resource.generation,
                series=series,
                statuses=_statuses(rule, turns, at),
                body=resource.body if series else None,
            )
            evaluations.keep(state, resource.id, evaluation)
        self._told.pop(resource.id, None)
        if events:
            self._ring()

    def _failed(
        self, resource: Resource, rule: Rule, at: datetime, problem: str
    ) -> None:
        """An evaluation that can't be made is neither healthy nor failing."""
        if self._leaving:
            return  # its query was ended with everything else
        if self._told.get(resource.id) != problem:
            self._told[resource.id] = problem
            log.warning("the rule %s can't be evaluated: %s", rule.name, problem)
        before = evaluations.last(self._state, resource.id)
        evaluation = Evaluation(
            at=at,
            generation=resource.generation,
            series=before.series if before else {},
            body=before.body if before else None,
            problem=problem,
        )
        evaluations.keep(self._state, resource.id, evaluation)

    def _exists(self, target: str) -> bool:
        """What isn't an endpoint or a deployment is not for us to know."""
        if "/onlineendpoints/" not in target.lower():
            return True
        return self._state.resource(target) is not None

    def _let_go(self, rules: dict[str, tuple[Resource, Rule]]) -> None:
        """Resolve what is fired by rules that were deleted or disabled."""
        for id_ in evaluations.evaluated(self._state):
            if id_ not in rules:
                self._end(id_, self._state.clock.now())
        for id_ in self._last.keys() - rules.keys():
            del self._last[id_]

    def _end(self, id_: str, now: datetime) -> None:
        with self._state.transaction():
            before = evaluations.last(self._state, id_)
            if before is not None and before.body is not None:
                rule = read(before.body)
                for (target, dimensions), series in before.series.items():
                    step = ended(series, "the rule was deleted or disabled")
                    turn = Turn(
                        target=target,
                        dimensions=dimensions,
                        reading=None,
                        before=series,
                        step=step,
                    )
                    announce(self._state, rule, turn, now)
            evaluations.forget(self._state, id_)

    def _trim(self, now: datetime) -> None:
        if self._trimmed is None or now - self._trimmed >= HOUR:
            self._trimmed = now
            alerts.trim(self._state, now)


def _statuses(rule: Rule, turns: list[Turn], at: datetime) -> tuple[Status, ...]:
    """As metricAlerts/status tells them; a log rule has none on Azure."""
    if rule.kind != "metric":
        return ()
    return tuple(
        Status(
            target=turn.target,
            dimensions=dict(turn.dimensions),
            status=STATUSES[turn.met],
            at=at,
        )
        for turn in turns
    )
