"""What the test of an alert rule expects, in a sentence, and whether it came so.

at 12:07 fired on green        fired on green by 12:07
at 12:31 resolved              resolved between 12:20 and 12:31
at 12:05 silent on blue        silent on blue              (all the time)
fired once on green            fired 3 times
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.alerting.given import clock, moment

WORDS = ("fired", "resolved", "silent")
TIMES = {"once": 1, "twice": 2}
PARTS = re.compile(
    r"(?P<word>fired|resolved|silent)"
    r"|at (?P<at>\S+)|by (?P<by>\S+)|between (?P<from>\S+) and (?P<to>\S+)"
    r"|on (?P<on>\S+)|(?P<count>once|twice|[0-9]+ times)"
)


@dataclass(frozen=True, kw_only=True)
class Firing:
    """One alert of the engine: fired on something, resolved or not."""

    target: str  # the resource's name
    dimensions: Mapping[str, str]
    fired: datetime
    resolved: datetime | None
    peak: float | None = None

    def active(self, at: datetime) -> bool:
        return self.fired <= at and (self.resolved is None or at < self.resolved)

    def overlaps(self, other: "Firing") -> bool:
        """Whether both are fired on the same at some time."""
        if (self.target, self.dimensions) != (other.target, other.dimensions):
            return False
        return (other.resolved is None or self.fired < other.resolved) and (
            self.resolved is None or other.fired < self.resolved
        )

    @property
    def said(self) -> str:
        end = clock(self.resolved) if self.resolved else "the end"
        return f"fired {clock(self.fired)} to {end} on {self.where}"

    @property
    def where(self) -> str:
        return "/".join(self.dimensions.values()) or self.target


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One sentence."""

    text: str
    word: str
    on: tuple[str, ...] = ()  # deployment, feature ...: all must be met
    at: datetime | None = None
    start: datetime | None = None  # by: none; between: both
    end: datetime | None = None
    count: int | None = None

    @property
    def latest(self) -> datetime | None:
        return self.at or self.end

    @property
    def times(self) -> tuple[datetime, ...]:
        """All that it names."""
        return tuple(time for time in (self.at, self.start, self.end) if time)

    def about(self, target: str, dimensions: Mapping[str, str]) -> bool:
        return about(self.on, target, dimensions)

    def met(self, firings: Sequence[Firing]) -> bool:
        """Whether it came so."""
        own = [each for each in firings if self.about(each.target, each.dimensions)]
        if self.at is not None:
            return self._met_at(own, self.at)
        if self.word == "silent":
            return not own
        if self.count is not None:
            return len(own) == self.count
        if self.word == "fired":
            return any(self._within(each.fired) for each in own)
        ended = [each.resolved for each in own if each.resolved]
        if self.start is None and self.end is not None:  # by: and nothing is left over
            left = any(each.active(self.end) for each in own)
            return not left and any(self._within(end) for end in ended)
        return any(self._within(end) for end in ended)

    def _met_at(self, own: Sequence[Firing], at: datetime) -> bool:
        active = any(each.active(at) for each in own)
        if self.word == "resolved":
            return not active and any(each.fired <= at for each in own)
        return active == (self.word == "fired")

    def _within(self, at: datetime) -> bool:
        return (self.start is None or self.start <= at) and (
            self.end is None or at <= self.end
        )


def about(on: Iterable[str], target: str, dimensions: Mapping[str, str]) -> bool:
    """Whether all these words name the resource or a value of a dimension."""
    known = {target.lower(), *(value.lower() for value in dimensions.values())}
    return all(word.lower() in known for word in on)


def expectation(text: object) -> Expectation:
    """What a sentence means; raise ValueError for one that means nothing."""
    rest = str(text).strip()
    found: dict[str, str] = {}
    while rest:
        part = PARTS.match(rest)
        if not part:
            raise ValueError(f"{rest!r} is not understood: {HOW}")
        given = {key: value for key, value in part.groupdict().items() if value}
        if twice := given.keys() & found.keys():
            raise ValueError(f"says {', '.join(sorted(twice))} twice")
        found |= given
        rest = rest[part.end() :].strip()
    return _meant(str(text), found)


def _meant(text: str, found: Mapping[str, str]) -> Expectation:
    word = found.get("word")
    timed = [key for key in ("at", "by", "from") if key in found]
    if word is None:
        raise ValueError(f"says neither {', '.join(WORDS[:-1])} nor {WORDS[-1]}: {HOW}")
    if len(timed) > 1 or ("count" in found and (timed or word != "fired")):
        raise ValueError(f"says too much at once: {HOW}")
    if word == "resolved" and not timed:
        raise ValueError("must say by when: resolved by 12:31")
    if word == "silent" and timed not in ([], ["at"]):
        raise ValueError('silent is said of a time ("at 12:05") or of all of it')
    if "from" in found and moment(found["from"]) > moment(found["to"]):
        raise ValueError(f"{found['to']} does not come after {found['from']}")
    counted = found.get("count", "").split(" ")[0]
    end = found.get("by") or found.get("to")
    return Expectation(
        text=text,
        word=word,
        on=tuple(filter(None, found.get("on", "").split("/"))),
        at=moment(found["at"]) if "at" in found else None,
        start=moment(found["from"]) if "from" in found else None,
        end=moment(end) if end else None,
        count=(TIMES.get(counted) or int(counted)) if counted else None,
    )


HOW = (
    '"at 12:07 fired on green", "fired by 12:07", "resolved between 12:20 and 12:31", '
    '"silent on blue" or "fired once"'
)
