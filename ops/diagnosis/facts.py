"""What a diagnosis goes by: all that was read, and what a rule makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from ops.endpoints import Deployment, Endpoint
from ops.journal import Entry
from ops.measures import Event, Latency, Outcome, Point, Usage, Window

if TYPE_CHECKING:
    from ops.alerting.fired import Alert

Severity = Literal["serious", "warning", "note"]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One endpoint, as it was read at `window.until`."""

    endpoint: Endpoint
    window: Window
    flags: str = ""  # what leads another verb to the same place
    outcomes: list[Outcome] = field(default_factory=list)
    latencies: Mapping[str, Latency] = field(default_factory=dict)
    usage: Mapping[str, Usage] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    consoles: Mapping[str, list[str]] = field(default_factory=dict)
    builds: Mapping[str, list[str]] = field(default_factory=dict)
    diagnostics: bool | None = None  # None: could not be read
    history: list[Entry] = field(default_factory=list)  # newest first
    alerts: "list[Alert]" = field(default_factory=list)  # that are fired
    unread: list[str] = field(default_factory=list)  # what could not be read, and why

    @property
    def deployments(self) -> list[Deployment]:
        return [each for _, each in sorted(self.endpoint.deployments.items())]

    def of(self, deployment: str, *statuses: int) -> list[Outcome]:
        """A deployment's outcomes, of these statuses or of all."""
        return [
            each
            for each in self.outcomes
            if each.deployment == deployment
            and (not statuses or each.status in statuses)
        ]

    def born(self, deployment: str) -> datetime | None:
        """When it was created: what is older was another one's of that name."""
        live = self.endpoint.deployments.get(deployment)
        told = (live.body.get("systemData") or {}).get("createdAt") if live else None
        return datetime.fromisoformat(told) if told else None

    def mended(self, deployment: str) -> datetime | None:
        """When the last deploy of it that went well began."""
        went_well = [
            entry.at
            for entry in self.history
            if entry.verb == "deploy"
            and entry.outcome == "done"
            and deployment in touched(entry)
        ]
        return max(went_well, default=None)

    def current(self) -> "Facts":
        """Without what befell a deployment of the same name that is gone."""
        born = {name: self.born(name) for name in self.endpoint.deployments}

        def stays(deployment: str, moment: datetime | None) -> bool:
            start = born.get(deployment)
            return start is None or moment is None or moment >= start

        return replace(
            self,
            outcomes=[o for o in self.outcomes if stays(o.deployment, o.last)],
            events=[e for e in self.events if stays(e.deployment, e.at)],
        )

    def requests(self, deployment: str) -> int:
        return sum(each.count for each in self.of(deployment))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong: what shows it, what likely causes it, what to do."""

    severity: Severity
    title: str
    deployment: str = ""
    evidence: list[str] = field(default_factory=list)
    cause: str = ""
    next: list[str] = field(default_factory=list)


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def at(moment: datetime | None) -> str:
    return moment.strftime("%H:%M:%S") if moment else ""


def span(outcomes: list[Outcome]) -> str:
    """` from 10:02:11 to 10:09:00`, as far as it is known."""
    firsts = [each.first for each in outcomes if each.first]
    lasts = [each.last for each in outcomes if each.last]
    return f", {at(min(firsts))} to {at(max(lasts))} UTC" if firsts and lasts else ""


def rows(outcomes: list[Outcome]) -> list[str]:
    """Evidence lines: how many ended how, when, and one of them to follow."""
    lines = []
    for each in sorted(outcomes, key=lambda one: -one.count)[:5]:
        model = f", model status {each.model_status}" if each.model_status else ""
        reason = f" ({each.reason})" if each.reason else ""
        copies = "mirrored " if each.mirrored else ""
        follow = f"; request {each.request_id}" if each.request_id else ""
        said = f"{plural(each.count, copies + 'request')} answered {each.status}"
        lines.append(f"{said}{model}{reason}{span([each])}{follow}")
    return lines


def touched(entry: Entry) -> set[str]:
    """The deployments that a change names, before or after."""
    return {
        key
        for part in (entry.before, entry.after)
        if isinstance(part, dict)
        for key in part
        if key != "traffic"
    }


def total(outcomes: list[Outcome]) -> int:
    return sum(each.count for each in outcomes)
