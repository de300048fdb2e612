"""Faults that a drill has asked for: what they strike, how often, and since when not.

They are kept in the state, so that a control plane that is killed in a drill is
followed by one in the same drill. Seconds of a fault are real ones, for clients wait
them out; only `until` is read from the clock that people see.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from ops.localcloud.records import Resource
from ops.localcloud.state import State

FOLDER = "/localcloud/drills"
SWITCH = f"{FOLDER}/switches/drills"
REQUESTS = ("delay", "status", "reset", "throttle", "stale", "fail", "count")
INSTANCES = ("kill", "freeze", "slow", "refuse")
READS = ("GET", "HEAD")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault. `after` so many matches it strikes, `times` at most."""

    number: int
    do: str  # one of REQUESTS or INSTANCES
    methods: tuple[str, ...] = ()  # none: any
    path: str = ""  # `*` stands for anything; with a `?` the query counts too
    after: int = 0
    times: int | None = None
    until: str | None = None
    seconds: float = 0.0  # of a delay, a throttling, a staleness, a slow answer
    late: bool = False  # when the work is done, instead of before
    status: int = 0
    code: str = ""
    deployment: str = ""  # its id, lower case
    instances: list[str] = field(default_factory=list)  # that are still to be struck
    matched: int = 0
    struck: int = 0

    @property
    def id(self) -> str:
        return f"{FOLDER}/faults/{self.number}"

    def covers(self, method: str, path: str, query: str) -> bool:
        if self.do not in REQUESTS or (self.methods and method not in self.methods):
            return False
        target = f"{path}?{query}" if "?" in self.path else path
        return pattern(self.path).fullmatch(target) is not None

    def due(self, now: datetime) -> bool:
        """Whether one more match would be struck."""
        if self.matched < self.after:
            return False
        if self.times is not None and self.struck >= self.times:
            return False
        return self.lasts(now)

    def lasts(self, now: datetime) -> bool:
        return self.until is None or now < datetime.fromisoformat(self.until)


@lru_cache
def pattern(path: str) -> re.Pattern[str]:
    """What a path pattern matches: all of a path, or its end where no `/` begins it."""
    start = "" if path.startswith(("/", "*")) else ".*/"
    parts = ".*".join(re.escape(part) for part in path.split("*"))
    return re.compile(start + parts, re.IGNORECASE)


def every(state: State) -> list[Fault]:
    """All faults there are, oldest first."""
    return [_of(resource) for resource in state.of_type("faults")]


def count(state: State, fault: Fault, *, struck: bool) -> None:
    """Note one more match of a fault, and whether it was struck."""
    with state.transaction():
        resource = state.resource(fault.id)
        if resource is not None:
            now = _of(resource)
            state.observe(
                fault.id, matched=now.matched + 1, struck=now.struck + int(struck)
            )


def _decorates(state: State) -> bool:
    switch = state.resource(SWITCH)
    return bool(switch and switch.properties.get("decorate"))


def _of(resource: Resource) -> Fault:
    values = dict(resource.properties)
    values["methods"] = tuple(values["methods"])
    return Fault(**values)


class Faults:
    """The drill of a cloud: on or off, its faults, and what stale reads still show."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.quiet = not every(state)  # spares a look for each request
        self.decorating = _decorates(state)
        self._shown: dict[tuple[int, str], tuple[float, Any]] = {}

    @property
    def on(self) -> bool:
        return self._state.resource(SWITCH) is not None

    def switch(self, on: bool) -> None:
        """Begin a drill; or end it, its faults and the haste of its clock."""
        if on and not self.on:
            self._state.put({"id": SWITCH, "name": "drills", "properties": {"last": 0}})
        if not on:
            self.clear()
            self._state.delete(SWITCH)
            self.decorating = False
            if self._state.clock.setting().rate != 1:
                self._state.clock.move(rate=1)

    def decorate(self, on: bool) -> None:
        """Have answers hold what Azure adds to resources, or hold it no more."""
        self._state.observe(SWITCH, decorate=on)
        self.decorating = on

    def add(self, fault: Fault) -> Fault:
        """Keep a fault under the next number; return it so."""
        with self._state.transaction():
            switch = self._state.resource(SWITCH)
            number = 1 + (switch.properties["last"] if switch else 0)
            self._state.observe(SWITCH, last=number)
            added = replace(fault, number=number)
            body = {"id": added.id, "name": str(number), "properties": asdict(added)}
            self._state.put(body)
        self.quiet = False
        return added

    def clear(self, number: int | None = None) -> int:
        """Remove one fault, or all; return how many there were."""
        gone = [f for f in every(self._state) if number in (None, f.number)]
        for fault in gone:
            self._state.delete(fault.id)
        self._shown = {k: v for k, v in self._shown.items() if k[0] != number}
        self.quiet = not every(self._state)
        return len(gone)

    def has(self, fault: Fault) -> bool:
        return self._state.resource(fault.id) is not None

    def striking(self, method: str, path: str, query: str) -> list[Fault]:
        """The faults that strike this request; each match is counted."""
        if self.quiet:
            return []
        found = [
            fault
            for fault in every(self._state)
            if fault.do != "stale" and fault.covers(method, path, query)
        ]
        return [fault for fault in found if self._strikes(fault)]

    def _strikes(self, fault: Fault) -> bool:
        strikes = fault.due(self._state.clock.now())
        count(self._state, fault, struck=strikes)
        return strikes

    def before_write(self, path: str, read: Callable[[], Any]) -> None:
        """Keep what a read shows before a write, for reads that are to be stale."""
        for fault in self._stale(path):
            if fault.due(self._state.clock.now()):
                self._shown[fault.number, path] = (
                    self._state.clock.real() + fault.seconds,
                    read(),
                )

    def stale(self, path: str) -> Any:
        """What a stale read shows: the answer from before the last write, or None."""
        for fault in self._stale(path):
            end, answer = self._shown.get((fault.number, path), (0.0, None))
            if answer and self._state.clock.real() < end and self._strikes(fault):
                return answer
        return None

    def _stale(self, path: str) -> Iterable[Fault]:
        if self.quiet:
            return []
        found = every(self._state)
        return [f for f in found if f.do == "stale" and f.covers("GET", path, "")]
