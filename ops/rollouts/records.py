"""The record of a rollout: what it began with, and every decision with its counts.

It is kept line by line in a file of this machine, and in the workspace's own storage,
so that another machine can take a rollout over, and anyone can ask later what another
policy would have done. Each runner writes a record of its own that needs no other: the
first look in it holds all that was counted before.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops import private
from ops.errors import NotFound
from ops.rollouts import decisions, observed
from ops.rollouts.canary import Thresholds
from ops.rollouts.decisions import Decision
from ops.rollouts.observed import Observed
from ops.rollouts.shapes import Shape
from ops.settings import state_directory
from ops.weights import Weights

if TYPE_CHECKING:
    from ops.storage import Container

SEGMENT_BYTES = 64 * 1024  # a blob is written whole each time: it stays small


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What a rollout began with; none of it changes any more."""

    id: str
    stage: str
    endpoint: str
    canary: str
    stable: str
    started: datetime
    who: str
    reason: str
    policy: str  # the text of its rollout.yaml
    limits: Thresholds
    shape: Shape | None  # of a good answer to a probe
    safe: Weights


@dataclass(frozen=True, kw_only=True)
class Event:
    """What befell a rollout, beside what was decided at each look."""

    at: datetime
    what: str  # started, resumed, advanced, paused, trouble, ended...
    text: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen and decided at one moment."""

    observed: Observed
    decision: Decision


@dataclass(frozen=True, kw_only=True)
class Past:
    """One runner's record, read again."""

    beginning: Beginning
    run: int
    looks: list[Look] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of one runner's record: a blob."""

    id: str  # of the rollout; it begins with the time of its start
    run: int
    number: int


class Record:
    """Writes one runner's record; a line is on this machine's disk at once."""

    def __init__(self, container: "Container", beginning: Beginning, run: int) -> None:
        self._container = container
        self._beginning, self._run = beginning, run
        self._segment, self._lines = 0, [_begun(beginning, run)]
        self._last: Observed | None = None
        self._append(self._lines[0])

    def look(self, seen: Observed, decision: Decision) -> None:
        """Of what was counted, only what the look before hadn't got is written."""
        told = {"observed": seen.to_json(self._last), "decision": decision.to_json()}
        self._add({"kind": "look", **told})
        self._last = seen

    def event(self, event: Event) -> None:
        self._add({"kind": "event", **asdict(event)})

    def save(self) -> None:
        """Have all of it in the storage; raise OpsError where that can't be."""
        name = _name(self._beginning, self._run, self._segment)
        self._container.put(name, "".join(self._lines).encode())
        if sum(map(len, self._lines)) > SEGMENT_BYTES:
            self._segment, self._lines = self._segment + 1, []

    def _add(self, row: dict[str, Any]) -> None:
        line = _line(row)
        self._lines.append(line)
        self._append(line)

    def _append(self, line: str) -> None:
        path = local_path(self._beginning, self._run)
        # A full disk doesn't end a rollout: the storage has it.
        with suppress(OSError), private.opened(path, "a") as stream:
            stream.write(line)


def local_path(beginning: Beginning, run: int) -> Path:
    folder = f"{beginning.stage}.{beginning.endpoint}"
    return state_directory() / "rollouts" / folder / f"{beginning.id}.{run:03}.jsonl"


def read(container: "Container", endpoint: str, id: str, run: int) -> Past:
    """One runner's record out of the storage; raise NotFound where there is none."""
    past = parse(_stored(container, endpoint, id, run))
    if past is None:
        raise NotFound(f"There is no record of the rollout {id} of {endpoint}.")
    return past


def latest(container: "Container", endpoint: str, id: str, run: int) -> Past:
    """The latest record up to a run: who took over may have died before its own."""
    for each in range(run, 0, -1):
        with suppress(NotFound):
            return read(container, endpoint, id, each)
    raise NotFound(f"There is no record of the rollout {id}.", "invoke rollout.abort")


def whole(container: "Container", endpoint: str, id: str) -> list[Past]:
    """Every runner's record of a rollout, the first one's first."""
    runs = sorted({run for known, run in _runs(container, endpoint) if known == id})
    if not runs:
        raise NotFound(
            f"There is no record of a rollout {id!r} of {endpoint}.",
            "invoke rollout.status   # lists those there are",
        )
    return [read(container, endpoint, id, run) for run in runs]


def ids(container: "Container", endpoint: str) -> list[str]:
    """The rollouts of an endpoint that have a record, the latest first."""
    return sorted({id for id, _ in _runs(container, endpoint)}, reverse=True)


def parse(lines: Iterable[str]) -> Past | None:
    """The record that lines make; a torn one at the end is left out."""
    past: Past | None = None
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        kind = row.pop("kind")
        if kind == "beginning":
            past = Past(run=row.pop("run"), beginning=_beginning(row))
        elif past is None:
            return None
        elif kind == "event":
            at = datetime.fromisoformat(row.pop("at"))
            past.events.append(Event(at=at, **row))
        else:
            before = past.looks[-1].observed if past.looks else None
            seen = observed.from_json(row["observed"], before)
            decision = decisions.from_json(row["decision"])
            past.looks.append(Look(observed=seen, decision=decision))
    return past


def segments(container: "Container", endpoint: str) -> list[Segment]:
    """The parts that all records of an endpoint are kept in, the oldest first."""
    folder = _folder(endpoint)
    found = []
    for name in container.names(folder):
        id, run, number, *_ = name.removeprefix(folder).split(".")
        found.append(Segment(id=id, run=int(run), number=int(number)))
    return sorted(found, key=lambda each: (each.id, each.run, each.number))


def rows(
    container: "Container", endpoint: str, segment: Segment
) -> list[dict[str, Any]]:
    """The lines of one part, as they were written; a torn one is left out."""
    name = _file(segment.id, segment.run, segment.number)
    found = []
    for line in (container.get(_folder(endpoint) + name) or b"").splitlines():
        with suppress(ValueError):
            found.append(json.loads(line))
    return found


def _stored(container: "Container", endpoint: str, id: str, run: int) -> Iterator[str]:
    segment = 0
    while content := container.get(f"{_folder(endpoint)}{_file(id, run, segment)}"):
        yield from content.decode().splitlines()
        segment += 1


def _runs(container: "Container", endpoint: str) -> Iterator[tuple[str, int]]:
    for each in segments(container, endpoint):
        yield each.id, each.run


def _folder(endpoint: str) -> str:
    return f"aml-ops/rollouts/{endpoint}/"


def _file(id: str, run: int, segment: int) -> str:
    return f"{id}.{run:03}.{segment:04}.jsonl"


def _name(beginning: Beginning, run: int, segment: int) -> str:
    return f"{_folder(beginning.endpoint)}{_file(beginning.id, run, segment)}"


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, default=_plain, separators=(",", ":")) + "\n"


def _begun(beginning: Beginning, run: int) -> str:
    return _line({"kind": "beginning", "run": run, **asdict(beginning)})


def _beginning(row: dict[str, Any]) -> Beginning:
    return Beginning(
        **{
            **row,
            "started": datetime.fromisoformat(row["started"]),
            "limits": Thresholds(**row["limits"]),
            "safe": Weights(**row["safe"]),
        }
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} can't be kept")
