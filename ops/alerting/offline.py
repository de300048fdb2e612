"""The alert engine asked what rules would do: localcloud's, as a process that ends.

Azure has no way to try a rule. localcloud's engine follows what Azure documents of its
own (docs/alerts.md), and this asks the very code that evaluates there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops import cloud
from ops.alerting.expecting import Firing

Dimensions = tuple[tuple[str, str], ...]
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/offline"
    "/providers/Microsoft.MachineLearningServices/workspaces/offline"
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """Rules, from when to when, and what they look at."""

    rules: list[dict[str, Any]]  # bodies as they are PUT, with id, type and name
    start: datetime
    until: datetime
    data: Mapping[str, Any]  # tables and metrics, or values


@dataclass(frozen=True, kw_only=True)
class Value:
    """One evaluation of one rule for one combination of dimensions."""

    at: datetime
    value: float | None
    met: bool | None
    fired: bool


@dataclass(frozen=True, kw_only=True)
class Track:
    """All evaluations of one combination, in order of time."""

    rule: str
    target: str
    dimensions: Mapping[str, str]
    values: list[Value]
    firings: list[Firing] = field(default_factory=list)

    @property
    def where(self) -> str:
        return "/".join(self.dimensions.values()) or self.target


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of it."""

    tracks: list[Track]
    problems: list[str]

    @property
    def firings(self) -> list[Firing]:
        return [firing for track in self.tracks for firing in track.firings]


def ask(questions: Sequence[Question]) -> list[Answer]:
    """All at once: the engine takes longer to start than to answer."""
    if not questions:
        return []
    told = [
        {
            "rules": each.rules,
            "from": each.start.isoformat(),
            "until": each.until.isoformat(),
            **each.data,
        }
        for each in questions
    ]
    return [
        answered(each)
        for each in json.loads(cloud.run("alerts", text=json.dumps(told)))
    ]


def answered(told: Mapping[str, Any]) -> Answer:
    """Evaluations and alerts, by rule and combination."""
    tracks: dict[tuple[str, str, Dimensions], Track] = {}
    for each in told["evaluations"]:
        track = tracks.setdefault(
            _key(each),
            Track(
                rule=each["rule"],
                target=_name(each["target"]),
                dimensions=each["dimensions"],
                values=[],
            ),
        )
        track.values.append(
            Value(
                at=datetime.fromisoformat(each["at"]),
                value=each["value"],
                met=each["met"],
                fired=each["state"] == "fired",
            )
        )
    for each in told["alerts"]:
        tracks[_key(each)].firings.append(_firing(each))
    return Answer(tracks=list(tracks.values()), problems=list(told["problems"]))


def resource(kind: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A rule's body as the engine takes it."""
    group = WORKSPACE.split("/providers/")[0]
    return {
        "id": f"{group}/providers/Microsoft.Insights/{kind}/{name}",
        "type": f"Microsoft.Insights/{kind}",
        "name": name,
        **body,
    }


def _firing(told: Mapping[str, Any]) -> Firing:
    resolved = told["resolved"]
    return Firing(
        target=_name(told["target"]),
        dimensions=told["dimensions"],
        fired=datetime.fromisoformat(told["fired"]),
        resolved=datetime.fromisoformat(resolved) if resolved else None,
        peak=told["peak"],
    )


def _key(told: Mapping[str, Any]) -> tuple[str, str, Dimensions]:
    return told["rule"], told["target"], tuple(told["dimensions"].items())


def _name(target: str) -> str:
    return target.rsplit("/", 1)[-1]
