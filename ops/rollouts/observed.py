"""All that a decision about a rollout is made from, in a form that can be kept."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from ops.rollouts.evidence import Bin, Evidence, Side

GONE = ("", "Failed", "Canceled", "Deleting")


@dataclass(frozen=True, kw_only=True)
class Health:
    """One deployment as Azure shows it."""

    state: str = "Succeeded"  # provisioning state; "" where there is no such deployment
    instances: int = 1  # that live
    saturation_percent: float | None = (
        None  # of CPU or memory, the fuller; None: unread
    )

    @property
    def live(self) -> bool:
        """Whether it can serve at all."""
        return self.state not in GONE and self.instances > 0


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert that has fired and is not resolved."""

    name: str
    severity: int  # 0 critical .. 4 verbose
    fired_at: datetime


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A change of the weights by someone who doesn't run this rollout."""

    who: str
    at: datetime
    found: str  # "blue 50%, green 50%"
    expected: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person has asked of the rollout and is not done yet."""

    command: str  # abort, promote, pause
    who: str
    reason: str = ""
    force: bool = False  # go back even to a stable that is sicker


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The facts of one look."""

    canary: str
    stable: str
    started: datetime  # of the rollout
    step: int  # which of the policy's steps
    step_since: datetime  # when its weights were read back
    canary_health: Health = field(default_factory=Health)
    stable_health: Health = field(default_factory=Health)
    evidence: Evidence = field(default_factory=Evidence)  # of request rows
    watermark: datetime | None = None  # rows before it are complete; None: none seen
    probes: Evidence = field(default_factory=Evidence)  # of the probe lane
    alerts: tuple[Alert, ...] = ()
    drifted: tuple[str, ...] = ()  # what the canary gets or answers otherwise
    edit: Edit | None = None
    asked: Asked | None = None
    released: bool = False  # a person has ended this step's pause

    def to_json(self, after: "Observed | None" = None) -> dict[str, Any]:
        """Plain values; of the bins only those that `after` hasn't got."""
        kept = vars(self) | {
            "canary_health": asdict(self.canary_health),
            "stable_health": asdict(self.stable_health),
            "alerts": [asdict(each) for each in self.alerts],
            "drifted": list(self.drifted),
            "edit": asdict(self.edit) if self.edit else None,
            "asked": asdict(self.asked) if self.asked else None,
        }
        for lane in ("evidence", "probes"):
            had = len(getattr(after, lane).bins) if after else 0
            kept[lane] = [_bin_to_json(bin) for bin in kept[lane].bins[had:]]
        return {name: _plain(value) for name, value in kept.items()}


def from_json(data: Mapping[str, Any], after: Observed | None = None) -> Observed:
    """What to_json() gave; where it was given `after`, that is needed again."""
    edit, asked, mark = data["edit"], data["asked"], data["watermark"]
    return Observed(
        canary=data["canary"],
        stable=data["stable"],
        started=datetime.fromisoformat(data["started"]),
        step=data["step"],
        step_since=datetime.fromisoformat(data["step_since"]),
        evidence=_grown(after.evidence if after else Evidence(), data["evidence"]),
        watermark=datetime.fromisoformat(mark) if mark else None,
        probes=_grown(after.probes if after else Evidence(), data["probes"]),
        released=data["released"],
        canary_health=Health(**data["canary_health"]),
        stable_health=Health(**data["stable_health"]),
        alerts=tuple(Alert(**_timed(each, "fired_at")) for each in data["alerts"]),
        drifted=tuple(data.get("drifted", ())),  # older records have none
        edit=Edit(**_timed(edit, "at")) if edit else None,
        asked=Asked(**asked) if asked else None,
    )


def _grown(evidence: Evidence, bins: list[Any]) -> Evidence:
    for each in bins:
        evidence = evidence.add(_bin_from_json(each))
    return evidence


def _bin_to_json(bin: Bin) -> list[Any]:
    sides = (bin.canary, bin.stable)
    counts = [[each.requests, each.errors, *each.slow, each.over] for each in sides]
    return [bin.at.isoformat(), *counts]


def _bin_from_json(data: list[Any]) -> Bin:
    at, *sides = data
    canary, stable = (
        Side(requests=requests, errors=errors, slow=(p50, p90, p99), over=over)
        for requests, errors, p50, p90, p99, over in sides
    )
    return Bin(at=datetime.fromisoformat(at), canary=canary, stable=stable)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _timed(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {**data, name: datetime.fromisoformat(data[name])}
