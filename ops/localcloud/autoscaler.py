"""Scales deployments by their autoscale settings, as they are read and decided on.

Evaluated by the clock that people read, so that a schedule can be seen to act by
moving it. What was done last is remembered in the state: a control plane that is
killed is followed by one that still cools down. Decisions are in autoscaling/.
"""

import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.localcloud.autoscaling import notices
from ops.localcloud.autoscaling.decisions import Decision, Memory, Observed, decide
from ops.localcloud.autoscaling.notices import Change
from ops.localcloud.autoscaling.profiles import chosen
from ops.localcloud.autoscaling.settings import Setting, Trigger
from ops.localcloud.autoscaling.settings import setting as read
from ops.localcloud.autoscaling.triggers import Point, value
from ops.localcloud.logstore import Batch, LogStore, Unavailable, naive
from ops.localcloud.measurements import recent
from ops.localcloud.records import MOST_INSTANCES, Resource, normal_id
from ops.localcloud.routes import capacity
from ops.localcloud.state import State

log = logging.getLogger(__name__)

PERIOD = timedelta(seconds=30)  # Azure: every 30 to 60 s
SETTLED = timedelta(seconds=3)  # after a minute, until all of it has been taken in
TAKEN = {"Succeeded", "Failed"}  # states in which a deployment takes a new count


@dataclass(frozen=True, kw_only=True)
class Case:
    """One setting at one run."""

    resource: Resource
    setting: Setting
    target: Resource
    memory: dict[str, Any]
    now: datetime

    @property
    def instances(self) -> int:
        return capacity(self.target)

    def change(self, after: int) -> Change:
        profile = chosen(self.setting, self.now)
        told = self.resource.properties["profiles"]
        return Change(
            setting=self.resource,
            target=self.setting.target,
            before=self.instances,
            after=after,
            profile=next(
                (p for p in told if profile and p["name"] == profile.name), {}
            ),
            correlation=self.memory.get("correlation") or str(uuid.uuid4()),
            last=_moment(self.memory.get("at")),
        )


class Autoscaler:
    """The engine behind autoscale settings. `ring` has a new count seen to at once."""

    def __init__(self, state: State, store: LogStore, ring: Callable[[], None]) -> None:
        self._state = state
        self._store = store
        self._ring = ring
        self._last: datetime | None = None

    def step(self, _real: datetime) -> None:
        """Tell what has ended; every half minute of the clock, look at each setting."""
        now = self._state.clock.now()
        due = self._last is None or now - self._last >= PERIOD
        if due:
            self._last = now
        for resource in self._state.of_type("autoscalesettings"):
            try:
                self._see_to(resource, now, due)
            except Exception:  # the others must not wait for this one to be mended
                log.exception("%s could not be seen to", resource.id)

    def _see_to(self, resource: Resource, now: datetime, due: bool) -> None:
        memory = self._state.memories.get(resource.id)
        if memory.get("operation"):
            self._tell_end(resource, memory, now)
        elif due:
            setting = read(resource.properties)
            target = self._state.resource(setting.target)
            if target is not None:  # else it was deleted: nothing is there to scale
                self._evaluate(
                    Case(
                        resource=resource,
                        setting=setting,
                        target=target,
                        memory=memory,
                        now=now,
                    )
                )

    def _evaluate(self, case: Case) -> None:
        memory = case.memory
        seen = Observed(
            instances=case.instances,
            values=self.values(case.setting, case.instances, case.now),
            memory=Memory(
                at=_moment(memory.get("at")),
                until=_moment(memory.get("until")),
                what=memory.get("what", ""),
            ),
            busy=busy(case.target),
        )
        self._measure(case)
        decision = decide(case.setting, seen, case.now)
        self._tell_metrics(case, decision)
        if decision.count != case.instances:
            self._scale(case, decision)
        elif decision.reason == "flapping":
            self._tell_flapping(case, decision)
        elif memory.pop("flapping", None):
            self._state.memories.set(case.resource.id, memory)

    def _measure(self, case: Case) -> None:
        """What Azure measures of each run: the count that was found."""
        batch = Batch()
        row = {
            "At": naive(case.now),
            "Resource": normal_id(case.resource.id),
            "Metric": "ObservedCapacity",
            "Dimensions": "{}",
            "Value": float(case.instances),
        }
        batch.add("samples", [row])
        with suppress(Unavailable):  # a run must not wait for the log store
            self._store.append(batch)

    def values(
        self, setting: Setting, instances: int, now: datetime
    ) -> dict[Trigger, float | None]:
        """Every metric of the profile that is in force; None where none was had."""
        profile = chosen(setting, now)
        read_once: dict[tuple[object, ...], list[Point | None]] = {}
        found = {}
        for trigger in (rule.trigger for rule in profile.rules) if profile else ():
            key = (*trigger.series, trigger.window)
            if key not in read_once:
                read_once[key] = self._points(trigger, now)
            found[trigger] = value(trigger, read_once[key], instances)
        return found

    def _points(self, trigger: Trigger, now: datetime) -> list[Point | None]:
        if self._state.resource(trigger.resource) is None:
            return []
        end = (now - SETTLED).replace(second=0, microsecond=0)
        try:
            return recent(
                self._store,
                trigger.resource,
                trigger.metric,
                trigger.dimensions,
                (end - trigger.window, end),
                trigger.grain,
            )
        except Unavailable:
            return []

    def _scale(self, case: Case, decision: Decision) -> None:
        """Ask for the count as a client would, and remember that we did."""
        state, change = self._state, case.change(decision.count)
        memory = {**case.memory, "correlation": change.correlation}
        memory |= {"before": change.before, "after": change.after}
        memory.pop("flapping", None)
        if decision.rule:
            direction = "out" if change.up else "in"
            memory |= {
                "at": case.now.isoformat(),
                "until": (case.now + decision.rule.cooldown).isoformat(),
                "what": f"scale-{direction} {change.before} -> {change.after}",
            }
        with state.transaction():
            target = state.resource(case.target.id)
            if target is None or target.generation != case.target.generation:
                return  # somebody was faster: the next run looks at what they wrote
            if decision.reason == "scale_in_less" and decision.intended is not None:
                flap = notices.flapping(change, case.now, decision.intended)
                self._log(change, flap, case.now)
            self._log(change, notices.begun(change, case.now), case.now)
            if 1 <= change.after <= MOST_INSTANCES:
                memory["operation"] = self._ask(target, change.after)
            else:
                failure = f"{change.after} is not 1 to {MOST_INSTANCES} instances."
                end = notices.ended(change, case.now, failure)
                self._log(change, end, case.now)
                memory.pop("correlation")
            state.memories.set(case.resource.id, memory)
            state.outbox.add(notices.deliveries(change, case.now))
        log.info("%s: %s", change.target, decision.text)
        self._ring()

    def _ask(self, target: Resource, count: int) -> str:
        body = target.body
        body["sku"] = {**body["sku"], "capacity": count}
        body["properties"]["provisioningState"] = "Scaling"
        resource = self._state.put(body, by=notices.CALLER)
        return self._state.begin("od", resource).id

    def _tell_end(
        self, resource: Resource, memory: dict[str, Any], now: datetime
    ) -> None:
        """Once the scale action has ended: how."""
        operation = self._state.operation(memory.pop("operation"))
        if operation is None or operation.status == "InProgress":
            return
        failure = ""
        if operation.status != "Succeeded":
            failure = (operation.error or {}).get("message", "It was cancelled.")
        change = Change(
            setting=resource,
            target=resource.properties["targetResourceUri"],
            before=memory.pop("before"),
            after=memory.pop("after"),
            profile={},
            correlation=memory.pop("correlation"),
            last=_moment(memory.get("at")),
        )
        with self._state.transaction():
            self._log(change, notices.ended(change, now, failure), now)
            self._state.memories.set(resource.id, memory)

    def _tell_flapping(self, case: Case, decision: Decision) -> None:
        """Once for as long as it lasts, not at every run."""
        assert decision.intended is not None
        about = f"{case.instances} -> {decision.intended}"
        if case.memory.get("flapping") == about:
            return
        change = case.change(case.instances)
        event = notices.flapping(change, case.now, decision.intended)
        self._log(change, event, case.now)
        memory = {**case.memory, "flapping": about}
        self._state.memories.set(case.resource.id, memory)

    def _tell_metrics(self, case: Case, decision: Decision) -> None:
        """When a metric can't be read any more, and when all can be again."""
        if decision.reason in ("busy", "disabled", "no_profile"):
            return
        lost = decision.reason.startswith("missing")
        if lost == bool(case.memory.get("lost")):
            return
        case.memory["lost"] = lost
        change = case.change(case.instances)
        text = decision.text if lost else "All metrics can be read again."
        event = notices.metrics(change, case.now, text, lost=lost)
        self._log(change, event, case.now)
        self._state.memories.set(case.resource.id, case.memory)

    def _log(self, change: Change, event: dict[str, Any], now: datetime) -> None:
        self._state.activity.add(now, normal_id(change.setting.id), event)


def busy(target: Resource) -> str:
    """Why a deployment can't be given another count now; "" where it can."""
    state = str(target.properties.get("provisioningState"))
    return "" if state in TAKEN else f"the deployment is {state}"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
