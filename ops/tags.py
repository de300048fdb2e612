"""What the toolkit keeps in an endpoint's tags: one form for each kind of fact.

Tags travel in the same write as the weights and are read with them, so they are what
an engineer on another machine goes by. Azure allows 256 characters a value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ops.weights import Weights

PREFIX = "aml-ops."
FENCE = f"{PREFIX}fence"
FREEZE = f"{PREFIX}freeze"
MIRROR_UNTIL = f"{PREFIX}mirror-until"
ROLLOUT = f"{PREFIX}rollout"
HEARTBEAT = f"{PREFIX}heartbeat"
SAFE = f"{PREFIX}safe"
CHANGE = f"{PREFIX}change."
RING = 10  # how many of the latest changes are kept
MOST = 256  # characters of a value; Azure: tag-resources
WHO = 40
UNDER_WAY = ("running", "paused", "returning")
RELEASED = "released"
UNKNOWN = "?"  # weights of so many deployments that they don't fit
SHARE = re.compile(r"([A-Za-z0-9-]+)([:~])([0-9]{1,3})")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of weights; None where weights were too long to be kept here."""

    fence: int  # the number of the lock under which it was made
    id: str
    verb: str
    who: str
    at: datetime
    before: Weights | None
    after: Weights | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """No change but a rollback until then."""

    until: datetime
    who: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """A rollout under way, or how the last one ended."""

    id: str
    state: str  # one of UNDER_WAY; else it is over
    canary: str
    stable: str
    step: int  # of the policy's, from 0
    since: datetime  # when the step's weights were written
    by: str  # who has brought it into this state
    run: int = 1  # grows with each runner: what an older one writes is refused
    runner: str = ""  # who runs it: process/user@host; "" for nobody
    released: bool = False  # a person has ended this step's pause

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """A sign of life of what watches a rollout, and how old it may become."""

    at: datetime
    limit_seconds: float


def fence(tags: Mapping[str, str]) -> int:
    """The number of the lock under which the tags were last written; 0 for none."""
    text = tags.get(FENCE, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def changes(tags: Mapping[str, str]) -> list[Change]:
    """The latest changes of weights, newest first; what can't be read is left out."""
    found = [decode(tags.get(slot(n), "")) for n in range(RING)]
    return sorted(filter(None, found), key=lambda each: each.fence, reverse=True)


def recorded(change: Change, tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that keep a change: the fence, and a slot that is free or oldest."""
    fences = {n: decode(tags.get(slot(n), "")) for n in range(RING)}
    oldest = min(fences, key=lambda n: kept.fence if (kept := fences[n]) else -1)
    return {FENCE: str(change.fence), slot(oldest): encode(change)}


def encode(change: Change) -> str:
    """`fence|id|verb|who|at|before|after|reason`, within Azure's limit."""
    for fits in (change, replace(change, before=None)):
        text = _head(fits)
        if len(text) < MOST:
            return cut(f"{text}|{change.reason}", MOST)
    return cut(
        f"{_head(replace(change, before=None, after=None))}|{change.reason}", MOST
    )


def decode(text: str) -> Change | None:
    """The change that encode() wrote; None for anything else."""
    parts = text.split("|", 7)
    if len(parts) != 8:
        return None
    number, id, verb, who, at, before, after, reason = parts
    try:
        return Change(
            fence=int(number),
            id=id,
            verb=verb,
            who=who,
            at=moment(at),
            before=weights(before),
            after=weights(after),
            reason=reason,
        )
    except ValueError:
        return None


def freeze(tags: Mapping[str, str]) -> Freeze | None:
    """The freeze that is written there, over or not; None where there is none."""
    until, _, rest = tags.get(FREEZE, "").partition("|")
    who, _, reason = rest.partition("|")
    try:
        return Freeze(until=moment(until), who=who, reason=reason)
    except ValueError:
        return None


def frozen(freeze: Freeze) -> str:
    """The value that keeps a freeze."""
    return cut(f"{stamp(freeze.until)}|{plain(freeze.who)}|{freeze.reason}", MOST)


def mirror_until(tags: Mapping[str, str]) -> datetime | None:
    """When mirror traffic is to be cleared; None where nothing says so."""
    try:
        return moment(tags.get(MIRROR_UNTIL, ""))
    except ValueError:
        return None


def rollout(tags: Mapping[str, str]) -> Rollout | None:
    """The rollout that is written there, over or not; None where there is none."""
    parts = tags.get(ROLLOUT, "").split("|")
    if len(parts) != 10:
        return None
    id, state, canary, stable, step, since, by, run, runner, released = parts
    try:
        return Rollout(
            id=id,
            state=state,
            canary=canary,
            stable=stable,
            step=int(step),
            since=moment(since),
            by=by,
            run=int(run),
            runner=runner,
            released=released == RELEASED,
        )
    except ValueError:
        return None


def rolling(rollout: Rollout) -> str:
    """The value that keeps a rollout; it fits with the longest names."""
    named = (rollout.id, rollout.state, rollout.canary, rollout.stable)
    stood = (str(rollout.step), stamp(rollout.since), cut(plain(rollout.by), WHO))
    run = (str(rollout.run), cut(plain(rollout.runner), WHO))
    return "|".join([*named, *stood, *run, RELEASED if rollout.released else ""])


def heartbeat(tags: Mapping[str, str]) -> Heartbeat | None:
    """The last sign of life; None where there is none."""
    at, _, limit = tags.get(HEARTBEAT, "").partition("|")
    try:
        return Heartbeat(at=moment(at), limit_seconds=float(limit))
    except ValueError:
        return None


def beating(heartbeat: Heartbeat) -> str:
    """The value that keeps a sign of life."""
    return f"{stamp(heartbeat.at)}|{heartbeat.limit_seconds:g}"


def safe(tags: Mapping[str, str]) -> Weights | None:
    """The weights that a rollout goes back to; None where none are written."""
    try:
        return weights(tags[SAFE]) if tags.get(SAFE) else None
    except ValueError:
        return None


def ours(tags: Mapping[str, str]) -> dict[str, str]:
    """The toolkit's own among the tags: what another writer must carry over."""
    return {name: value for name, value in tags.items() if name.startswith(PREFIX)}


def merged(
    tags: Mapping[str, str], changes: Mapping[str, str | None]
) -> dict[str, str]:
    """Tags with some of them set, or with None taken away."""
    whole = {**tags, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def slot(number: int) -> str:
    return f"{CHANGE}{number}"


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The time of a stamp; raise ValueError, for one without its zone too."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} says no zone")
    return found.astimezone(UTC)


def written(weights: Weights | None) -> str:
    """`blue:80,green:20`, mirrored shares with `~`; `-` for none, `?` for unknown."""
    if weights is None:
        return UNKNOWN
    live = [f"{name}:{share}" for name, share in sorted(weights.traffic.items())]
    copied = [f"{name}~{share}" for name, share in sorted(weights.mirror.items())]
    return ",".join([*live, *copied]) or "-"


def weights(text: str) -> Weights | None:
    """What written() wrote; raise ValueError for anything else."""
    if text == UNKNOWN:
        return None
    shares: dict[str, dict[str, int]] = {":": {}, "~": {}}
    for part in [] if text == "-" else text.split(","):
        found = SHARE.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is no share")
        shares[found[2]][found[1]] = int(found[3])
    return Weights(traffic=shares[":"], mirror=shares["~"])


def plain(text: str) -> str:
    """Text that can stand before a `|`."""
    return text.replace("|", "/")


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _head(change: Change) -> str:
    who = cut(plain(change.who), WHO)
    facts = (str(change.fence), change.id, change.verb, who, stamp(change.at))
    return "|".join([*facts, written(change.before), written(change.after)])
