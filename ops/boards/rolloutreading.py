"""Panels of a rollout's record: its decisions, and how the evidence grew."""

import math
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from ops.boards.sources import SOURCES
from ops.boards.tables import MOST_POINTS, Asked, Table, table
from ops.measures import Window
from ops.rollouts import records

MOST_SEGMENTS = 40  # of the record, the latest: some 2.5 MB
COUNTS = {
    "CanaryRequests": "canary_requests",
    "CanaryErrors": "canary_errors",
    "StableRequests": "stable_requests",
    "StableErrors": "stable_errors",
}
Line = tuple[datetime, str, dict[str, Any]]
"""When, of which rollout, and the row of the record."""


def decisions(asked: Asked) -> Table:
    """What was decided and what befell the rollouts, newest first."""
    lines, notes = _lines(asked)
    found = list(_told(lines))
    return table(asked, found[::-1], SOURCES["decisions"].columns, notes)


def verdicts(asked: Asked) -> Table:
    """The evidence at the last look of each point of time."""
    lines, notes = _lines(asked)
    looks = (line for line in lines if line[2]["kind"] == "look")
    start, grain = asked.window.since, _grain(asked.window)
    last = {
        (id, (at - start) // grain): _evidence(at, id, row["decision"])
        for at, id, row in looks
    }
    found = sorted(last.values(), key=lambda each: each["At"])
    return table(asked, found, SOURCES["verdicts"].columns, notes)


def _told(lines: Iterable[Line]) -> Iterator[dict[str, Any]]:
    """Events, and the looks that did not just hold on as the one before."""
    before: dict[str, tuple[str, str]] = {}
    for at, id, row in lines:
        empty = dict.fromkeys(COUNTS)
        if row["kind"] == "event":
            told = {"What": row["what"], "Rule": "", "Text": row["text"]}
            yield {"At": at, "Rollout": id, **told, **empty}
            continue
        decision = row["decision"]
        key = (decision["action"], decision["rule"])
        if before.get(id) == key:
            continue
        before[id] = key
        counts = {name: decision["counts"].get(own) for name, own in COUNTS.items()}
        told = {
            "What": decision["action"].replace("_", " "),
            "Rule": decision["rule"].replace("_", " "),
            "Text": decision["reason"],
        }
        yield {"At": at, "Rollout": id, **told, **counts}


def _evidence(at: datetime, id: str, decision: dict[str, Any]) -> dict[str, Any]:
    verdict = decision["verdict"]
    proven = min(verdict["proofs"].values(), default=1.0)
    return {
        "At": at,
        "Rollout": id,
        "WorsePercent": percent(verdict["evidence"], verdict["evidence_needed"]),
        "ProvenPercent": percent(proven, verdict["proof_needed"]),
    }


def _grain(window: Window) -> timedelta:
    """Finer than a minute where the time is short: a rollout looks more often."""
    return max((window.until - window.since) / MOST_POINTS, timedelta(seconds=1))


def percent(evidence: float, needed: float) -> float:
    """How much of what is needed is there; evidence multiplies, so by its logarithm."""
    if evidence <= 1 or needed <= 1:
        return 0.0
    return min(200.0, 100 * math.log(evidence) / math.log(needed))


def _lines(asked: Asked) -> tuple[list[Line], list[str]]:
    """What was written in the time, oldest first; the newest parts are read first.

    One rollout follows another: what comes before a part from before the time is older.
    """
    container, span = asked.workspace.container, asked.window.span
    parts = records.segments(container, asked.endpoint)
    found: list[Line] = []
    for part in parts[: -MOST_SEGMENTS - 1 : -1]:
        lines = [
            (_at(row), part.id, row)
            for row in records.rows(container, asked.endpoint, part)
            if row["kind"] != "beginning"
        ]
        found += [line for line in lines if span.start <= line[0] < span.end]
        if any(at < span.start for at, _, _ in lines):
            return sorted(found, key=_time), []
    notes = [f"the latest {MOST_SEGMENTS} parts of the record; it has more"]
    return sorted(found, key=_time), notes if len(parts) > MOST_SEGMENTS else []


def _at(row: dict[str, Any]) -> datetime:
    told = row["decision"] if row["kind"] == "look" else row
    return datetime.fromisoformat(told["at"])


def _time(line: Line) -> datetime:
    return line[0]
