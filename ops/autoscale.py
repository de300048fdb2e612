"""Make the autoscale settings of an endpoint's deployments as autoscale.yaml says."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops import door, endpoints, suggestions
from ops.autoscaling import scalefile, words
from ops.autoscaling import setting as scaling
from ops.autoscaling.deployed import Setting, carry, live, require, same, url
from ops.autoscaling.setting import Scaling
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import NotFound, Refused
from ops.hints import again
from ops.specs import EndpointSpec


@dataclass(frozen=True, kw_only=True)
class Step:
    """What apply would do about one deployment, and why."""

    deployment: str
    setting: str
    action: str  # create, update, unchanged, skip
    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict, repr=False)


def plan(
    workspace: Workspace,
    spec: EndpointSpec,
    deployment: str | None = None,
    *,
    force: bool = False,
) -> list[Step]:
    """The step of each deployment of the file, or of one; raise Refused or InvalidSpec.

    `force` takes rules of which one undoes what another does.
    """
    endpoint_name = spec.folder.name
    wanted = scalefile.load(endpoint_name, spec.deployments)
    if deployment and deployment not in wanted:
        raise NotFound(
            f"{scalefile.FILE} of {endpoint_name} says nothing of {deployment!r} "
            f"(it tells of: {', '.join(wanted)}).",
            *suggestions.remedies(deployment, wanted),
        )
    chosen = {n: s for n, s in wanted.items() if deployment in (None, n)}
    if not force:
        require_calm(chosen.values())
    endpoint = endpoints.get(workspace, endpoint_name)
    there = live(workspace, endpoint_name)
    steps = [
        _step(workspace, endpoint, each, there.get(each.deployment))
        for each in chosen.values()
    ]
    if all(step.action == "skip" for step in steps):
        named = ", ".join(chosen)
        raise Refused(
            f"{endpoint_name} has no deployment {named} yet: there is none to scale.",
            f"invoke deploy --deployment {next(iter(chosen))}",
        )
    return steps


def require_calm(scalings: Iterable[Scaling]) -> None:
    """Raise Refused for rules of which one undoes what another does."""
    flaps = [f"{each.deployment}: {text}" for each in scalings for text in each.flaps()]
    if flaps:
        listed = "\n".join(f"  - {text}" for text in flaps)
        raise Refused(
            f"These rules would flap; the engine puts off what it can see coming, and "
            f"instances stay that nobody needs:\n{listed}",
            again("--force"),
        )


def _step(
    workspace: Workspace, endpoint: Endpoint, wanted: Scaling, there: Setting | None
) -> Step:
    name = wanted.deployment
    derived = scaling.setting_name(endpoint.name, name)
    if name not in endpoint.deployments:
        note = f"{name} is not deployed: nothing is there to scale"
        return Step(deployment=name, setting=derived, action="skip", notes=[note])
    deployment = endpoint.deployments[name]
    body = scaling.to_wire(wanted, deployment.body["id"], location(endpoint, name))
    notes = []
    if there and there.name != derived:
        notes.append(f"{name} keeps its setting {there.name!r}, made elsewhere")
    if there:
        now = workspace.now()
        carry(body, there, now)
        if pause := there.suspended(now):
            notes.append(f"{name} stays suspended {pause.shown}")
    step: dict[str, Any] = {
        "deployment": name,
        "setting": there.name if there else derived,
    }
    if there is None:
        changes = compared({}, words.described(body))
        return Step(**step, action="create", changes=changes, notes=notes, body=body)
    if same(there.body, body):
        return Step(**step, action="unchanged", notes=notes)
    changes = compared(words.described(there.body), words.described(body))
    return Step(
        **step,
        action="update",
        changes=changes or ["details that no words here tell"],
        notes=notes,
        body=body,
    )


def location(endpoint: Endpoint, deployment: str) -> str:
    """Azure wants the endpoint's; a deployment has the same."""
    body = endpoint.deployments[deployment].body
    return str(endpoint.body.get("location") or body.get("location") or "")


def compared(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """`maximum: 3 -> 4` for each line that differs."""
    found = []
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old is None:
            found.append(f"+ {key}: {new}")
        elif new is None:
            found.append(f"- {key}: {old}")
        elif old != new:
            found.append(f"~ {key}: {old} -> {new}")
    return found


def apply(
    workspace: Workspace, endpoint_name: str, steps: Iterable[Step], *, reason: str = ""
) -> Iterator[Step]:
    """Take each step that changes something; yield every one when it is done."""
    for step in steps:
        if step.action in ("create", "update"):
            with door.opened(workspace, endpoint_name, "autoscale.apply") as it:
                what = {step.deployment: step.setting}
                with it.journalled(reason, wanted=what) as record:
                    workspace.put(url(workspace, step.setting), step.body)
                    record.after = what
        yield step


def delete(
    workspace: Workspace,
    endpoint_name: str,
    deployment: str,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> str:
    """Delete a deployment's setting, whoever made it; its instances stay."""
    found = require(workspace, endpoint_name, deployment)
    if dry_run:
        return f"{found.name} would be deleted"
    with door.opened(workspace, endpoint_name, "autoscale.delete") as it:
        before = {deployment: found.name}
        with it.journalled(reason, before=before, wanted={deployment: None}) as record:
            workspace.delete(url(workspace, found.name))
            record.after = {deployment: None}
    return f"{found.name} is deleted: {deployment} keeps the instances that it has"
