"""Alert rules as they are live, beside what the files say."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.alerting import steps
from ops.alerting.comparing import Comparison, compare
from ops.alerting.compiling import METRIC_RULES
from ops.alerting.monitor import GROUPS, Live
from ops.alerting.steps import Step
from ops.alerting.wording import described

if TYPE_CHECKING:
    from ops.clients import Workspace

STATES = {
    steps.CREATE: "missing",
    steps.UPDATE: "differs",
    steps.UNCHANGED: "in step",
    steps.DELETE: "left over",
    steps.FOREIGN: "taken",
    steps.SKIP: "none",
}
UNOWNED = "unowned"


@dataclass(frozen=True, kw_only=True)
class Look:
    """One rule or action group: how it stands, and what it says in words."""

    endpoint: str  # "" for an action group
    rule: str
    deployment: str
    state: str  # one of STATES' values, or unowned
    name: str  # of the resource
    kind: str  # log, metric, group; "" where there is none
    lines: dict[str, str] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def show(
    workspace: "Workspace", rule: str | None = None, endpoint: str | None = None
) -> list[Look]:
    """Ours first, by endpoint; then other people's rules about the same endpoints."""
    found = compare(workspace, rule, endpoint)
    ours = [look(step) for step in found.steps]
    others = [] if rule else list(_unowned(found))
    return [*ours, *others]


def look(step: Step) -> Look:
    body = step.live.body if step.live else step.body
    return Look(
        endpoint=step.endpoint,
        rule=step.rule,
        deployment=step.deployment,
        state=STATES[step.action],
        name=step.name,
        kind=_kind(step.kind),
        lines=described(step.kind, body) if step.kind else {},
        changes=step.changes if step.action == steps.UPDATE else (),
        notes=step.notes,
    )


def _unowned(found: Comparison) -> Iterator[Look]:
    """Rules that others made about an endpoint of ours or a deployment of it."""
    taken = {step.name.lower() for step in found.steps}
    for live in found.live:
        if live.owner or live.kind == GROUPS or live.name.lower() in taken:
            continue
        for place in found.places.values():
            if _about(live, place.id):
                yield Look(
                    endpoint=place.endpoint,
                    rule=live.name,
                    deployment="",
                    state=UNOWNED,
                    name=live.name,
                    kind=_kind(live.kind),
                    lines=described(live.kind, live.body),
                )


def _about(live: Live, id_: str) -> bool:
    scopes = live.body["properties"].get("scopes") or ()
    mine = id_.lower()
    return any(f"{scope.lower()}/".startswith(f"{mine}/") for scope in scopes)


def _kind(kind: str) -> str:
    if kind == GROUPS:
        return "group"
    return {"": "", METRIC_RULES: "metric"}.get(kind, "log")
