"""A setting played over a load, minute by minute, by the engine's own decisions.

What a metric would have been at another count is an assumption: one of an instance is
divided among as many as there are, one of the whole stays as it was.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.localcloud.autoscaling.decisions import Decision, Memory, Observed, decide
from ops.localcloud.autoscaling.profiles import chosen
from ops.localcloud.autoscaling.settings import Rule, Setting, Trigger
from ops.localcloud.autoscaling.settings import setting as read
from ops.localcloud.autoscaling.triggers import Point, fires, value

MINUTE = timedelta(minutes=1)
ACTIONS = ("scale_out", "scale_in", "scale_in_less")


@dataclass(frozen=True, kw_only=True)
class Load:
    """One metric over the time that is played, a value a minute; None is a gap."""

    metric: str
    resource: str
    values: Sequence[float | None]
    shared: bool = False  # by instances: then the values are the sum over them
    most: float | None = None  # what one instance can't exceed, such as 100 %

    def point(self, minute: int, instances: int) -> Point | None:
        found = self.values[minute]
        if found is None:
            return None
        if self.shared:
            found = found / instances
        if self.most is not None:
            found = min(found, self.most)
        names = ("average", "minimum", "maximum", "total")
        return {**dict.fromkeys(names, found), "count": 1.0}


@dataclass(frozen=True, kw_only=True)
class Action:
    """One change of the count."""

    at: str
    before: int
    after: int
    reason: str
    text: str
    flap: bool  # it takes back the one before, as soon as it may


@dataclass(frozen=True, kw_only=True)
class Play:
    """What came of it."""

    counts: list[int]  # asked for, by minute
    serving: list[int]  # ready, by minute
    actions: list[Action]
    deferred: dict[str, int]  # reason -> minutes in which it stood against an action
    short_minutes: int  # a scale-out rule's limit was passed
    short_at_maximum: int  # and nothing more was allowed
    without_data: int


class Player:
    """The target while it is played: what was measured of it, and its memory."""

    def __init__(
        self, setting: Setting, loads: Sequence[Load], instances: int, starting: int
    ) -> None:
        self._setting = setting
        self._loads = {(each.metric, each.resource.lower()): each for each in loads}
        # The rules have looked at this load before: no window is empty at first.
        windows = [r.trigger.window for p in setting.profiles for r in p.rules]
        before = max(windows, default=timedelta(0)) // MINUTE
        self._measured: dict[tuple[str, str], list[Point | None]] = {
            key: [load.point(0, instances)] * before
            for key, load in self._loads.items()
        }
        self._instances = self._serving = instances
        self._starting = timedelta(minutes=starting)
        self._ready: datetime | None = None
        self._memory = Memory()
        self._last: tuple[str, datetime, timedelta] | None = None

    def play(self, start: datetime, minutes: int) -> Play:
        counts, serving, actions = [], [], []
        deferred: dict[str, int] = {}
        short = short_at_maximum = without = 0
        for minute in range(minutes):
            now = start + minute * MINUTE
            if self._ready and now >= self._ready:
                self._serving, self._ready = self._instances, None
            profile = chosen(self._setting, now)
            rules = profile.rules if profile else ()
            decision = self._step(rules, now)
            if decision.count != self._instances:
                actions.append(self._act(decision, now))
            elif decision.reason in ("cooldown", "flapping", "at_maximum"):
                deferred[decision.reason] = deferred.get(decision.reason, 0) + 1
            without += decision.reason.startswith("missing")
            for key, load in self._loads.items():
                self._measured[key].append(load.point(minute, self._serving))
            if self._is_short(rules):
                short += 1
                short_at_maximum += decision.reason == "at_maximum"
            counts.append(self._instances)
            serving.append(self._serving)
        return Play(
            counts=counts,
            serving=serving,
            actions=actions,
            deferred=deferred,
            short_minutes=short,
            short_at_maximum=short_at_maximum,
            without_data=without,
        )

    def _step(self, rules: Sequence[Rule], now: datetime) -> Decision:
        seen = Observed(
            instances=self._instances,
            values={each.trigger: self._value(each.trigger) for each in rules},
            memory=self._memory,
            busy="the last action is not done yet" if self._ready else "",
        )
        return decide(self._setting, seen, now)

    def _value(self, trigger: Trigger) -> float | None:
        points = self._measured.get((trigger.metric, trigger.resource.lower()), [])
        recent = points[-(trigger.window // MINUTE) :]
        if trigger.grain > MINUTE:
            step = trigger.grain // MINUTE
            parts = [recent[i : i + step] for i in range(0, len(recent), step)]
            recent = [joined(part) for part in parts]
        return value(trigger, recent, self._serving)

    def _act(self, decision: Decision, now: datetime) -> Action:
        before, self._instances = self._instances, decision.count
        up = decision.count > before
        if up and self._starting:
            self._ready = now + self._starting
        else:
            self._serving = decision.count
        flap = False
        if decision.rule:
            direction = "out" if up else "in"
            what = f"scale-{direction} {before} -> {decision.count}"
            cooldown = decision.rule.cooldown
            self._memory = Memory(at=now, until=now + cooldown, what=what)
            soon = cooldown + decision.rule.trigger.window
            if self._last and self._last[0] != direction:
                flap = now - self._last[1] <= self._last[2]
            self._last = (direction, now, soon)
        return Action(
            at=now.isoformat(),
            before=before,
            after=decision.count,
            reason=decision.reason,
            text=decision.text,
            flap=flap,
        )

    def _is_short(self, rules: Sequence[Rule]) -> bool:
        """Whether the newest minute, taken alone, passes a scale-out rule's limit."""
        for rule in rules:
            if rule.direction != "Increase":
                continue
            key = (rule.trigger.metric, rule.trigger.resource.lower())
            newest = self._measured.get(key, [])[-1:]
            found = value(rule.trigger, newest, self._serving)
            if found is not None and fires(rule.trigger, found):
                return True
        return False


def joined(points: Sequence[Point | None]) -> Point | None:
    """The minutes of a longer grain as one point."""
    known = [each for each in points if each is not None]
    if not known:
        return None
    return {
        "average": sum(each["average"] for each in known) / len(known),
        "minimum": min(each["minimum"] for each in known),
        "maximum": max(each["maximum"] for each in known),
        "total": sum(each["total"] for each in known),
        "count": sum(each["count"] for each in known),
    }


def simulate(told: dict[str, Any]) -> dict[str, Any]:
    """A play as JSON tells it: properties, start, minutes, instances, loads."""
    player = Player(
        read(told["properties"]),
        [Load(**each) for each in told["loads"]],
        told["instances"],
        told.get("starting_minutes", 0),
    )
    start = datetime.fromisoformat(told["start"])
    return asdict(player.play(start, told["minutes"]))
