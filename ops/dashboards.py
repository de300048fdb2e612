"""Dashboards made into workbooks and files, and where to look at them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ops import door, endpoints
from ops.boards import boardfile, grafana, published, running, subject, workbook
from ops.boards.model import Dashboard
from ops.boards.published import Workbook
from ops.boards.subject import Subject
from ops.clients import Workspace
from ops.errors import NotFound, OpsError, Refused, UsageError

VERB = "dashboards.apply"
PORTAL = "https://portal.azure.com/#@/resource{id}/workbook"
CREATE, UPDATE, DELETE, UNCHANGED = "create", "update", "delete", "unchanged"
FORMS = {"grafana": grafana.document, "workbook": workbook.document}


@dataclass(frozen=True, kw_only=True)
class Step:
    """What apply would do about one workbook."""

    dashboard: str
    name: str  # the workbook's: a GUID
    title: str
    action: str
    changes: list[str] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def writes(self) -> bool:
        return self.action != UNCHANGED


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a dashboard can be looked at."""

    dashboard: str
    kind: str  # page, workbook
    url: str


def plan(
    workspace: Workspace, endpoint_name: str, dashboard: str | None = None
) -> list[Step]:
    """The step of each dashboard, or of one; raise Refused for a name that is taken.

    A workbook of ours whose dashboard has gone is deleted, unless one is asked for.
    """
    boards = _chosen(dashboard)
    about = subject.of(workspace, endpoints.get(workspace, endpoint_name))
    there = published.live(workspace)
    steps = [_step(board, about, there) for board in boards]
    return steps if dashboard else [*steps, *_gone(boards, about, there)]


def apply(
    workspace: Workspace, endpoint_name: str, steps: Iterable[Step], *, reason: str = ""
) -> Iterator[Step]:
    """Take each step that writes, journalled as one change; yield every one."""
    steps = list(steps)
    yield from (step for step in steps if not step.writes)
    left = [step for step in steps if step.writes]
    if not left:
        return
    wanted = {step.dashboard: step.action for step in left}
    where = (workspace, endpoint_name, VERB, reason)
    with door.noted(*where, wanted=wanted) as record:
        record.after = {}
        for step in left:
            try:
                _take(workspace, step)
            except OpsError as error:
                done = ", ".join(record.after) or "none"
                error.add(f"That was of {step.title!r}; done before: {done}.")
                raise
            record.after[step.dashboard] = step.action
            yield step


def export(workspace: Workspace, endpoint_name: str, dashboard: str, form: str) -> str:
    """A dashboard as the JSON that Grafana or the portal imports."""
    board = boardfile.named(dashboard)
    about = subject.of(workspace, endpoints.get(workspace, endpoint_name))
    return json.dumps(FORMS[form](board, about), indent=2) + "\n"


def form(text: str | None) -> str:
    """What --format asks for."""
    if text not in FORMS:
        given = f", not {text!r}" if text else ""
        raise UsageError(
            f"--format takes {' or '.join(FORMS)}{given}.",
            "invoke dashboards.export --format grafana",
        )
    return text


def write(path: str, text: str) -> str:
    """Write an export; return what to tell. Raise OpsError where that can't be."""
    where = Path(path)
    try:
        where.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OpsError(f"{path} can't be written: {error.strerror}.") from None
    return f"{path} is written"


def where(workspace: Workspace, endpoint_name: str, dashboard: str) -> Place:
    """The live page, if one runs on this machine; else the portal's address.

    Raise NotFound where there is neither.
    """
    board = boardfile.named(dashboard)
    if page := running.find(workspace.stage.name, endpoint_name):
        url = f"{page}{'&' if '?' in page else '?'}board={board.name}"
        return Place(dashboard=dashboard, kind="page", url=url)
    if workspace.local:
        raise NotFound(
            f"No live page of {endpoint_name} runs, and a localcloud has no portal.",
            "invoke dashboard",
            f"invoke dashboards.show --name {dashboard}",
        )
    about = subject.of(workspace, endpoints.get(workspace, endpoint_name))
    name = published.name_of(about, board.name)
    found = workspace.find(published.url(workspace, name))
    if found is None:
        raise NotFound(
            f"The dashboard {dashboard!r} of {endpoint_name} is not in the portal yet.",
            f"invoke {VERB}",
        )
    url = PORTAL.format(id=found["id"])
    return Place(dashboard=dashboard, kind="workbook", url=url)


def _chosen(dashboard: str | None) -> list[Dashboard]:
    return [boardfile.named(dashboard)] if dashboard else [*boardfile.load().values()]


def _step(board: Dashboard, about: Subject, there: list[Workbook]) -> Step:
    name, body = published.name_of(about, board.name), published.body(board, about)
    step = Step(
        dashboard=board.name,
        name=name,
        title=body["properties"]["displayName"],
        action=CREATE,
        changes=[f"+ {panel.id}" for panel in board.panels()],
        body=body,
    )
    found = next((each for each in there if each.name.lower() == name), None)
    if found is None:
        return step
    require_ours(found, published.owner_of(about, board.name))
    changes = published.differences(found, body)
    return replace(step, action=UPDATE if changes else UNCHANGED, changes=changes)


def require_ours(found: Workbook, owner: str) -> None:
    if found.owner != owner:
        raise Refused(
            f"The workbook {found.name} ({found.title!r}) is somebody else's: it "
            f"lacks the tag {published.OWNER}={owner}.",
            "have its owner delete it, or give it the tag",
        )


def _gone(
    boards: Iterable[Dashboard], about: Subject, there: Iterable[Workbook]
) -> list[Step]:
    """Workbooks of the endpoint whose dashboards are no more."""
    kept = {published.owner_of(about, board.name) for board in boards}
    own = f"{about.endpoint}/"
    return [
        Step(
            dashboard=each.owner.removeprefix(own),
            name=each.name,
            title=each.title,
            action=DELETE,
        )
        for each in there
        if each.owner.startswith(own) and each.owner not in kept
    ]


def _take(workspace: Workspace, step: Step) -> None:
    where = published.url(workspace, step.name)
    if step.action == DELETE:
        workspace.delete(where)
    else:
        workspace.put(where, step.body)
