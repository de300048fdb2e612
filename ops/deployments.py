"""Create, update, scale and delete endpoints and deployments."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ops import (
    creating,
    door,
    endpoints,
    outside,
    specs,
    startup,
    tags,
    uploads,
    weights,
    writing,
)
from ops.autoscaling import fate
from ops.clients import Workspace
from ops.contents import CONTENT_TAGS, Contents
from ops.creating import Step
from ops.door import Open
from ops.endpoints import MOST_INSTANCES, Deployment, Endpoint
from ops.errors import Conflict, Refused, UsageError
from ops.rollouts import standing
from ops.specs import SpecFile

SPEC_TAG = "aml-ops.spec"
CODE_TAG = "aml-ops.code"
COUNT_TAG = "aml-ops.instances"


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """A change of a deployment's instance count."""

    deployment: str
    before: int
    after: int


def endpoint_step(file: SpecFile, live: Endpoint | None) -> Step:
    """Whether to write the endpoint. Its traffic is never part of the question."""
    step = {"kind": "endpoint", "target": file.name}
    if live is None:
        return Step(**step, action="create", reason="new")
    if live.tags.get(SPEC_TAG) == endpoint_fingerprint(file):
        return Step(**step, action="skip", reason="unchanged")
    return Step(**step, action="update", reason=f"{file.shown} changed")


def deployment_step(
    file: SpecFile, live: Deployment | None, contents: Sequence[Contents] = ()
) -> Step:
    """Whether to write a deployment, and what makes it differ from the live one."""
    step = {"kind": "deployment", "target": file.name}
    if live is None:
        return Step(**step, action="create", reason="new")
    require_settled(live)
    if live.state == "Failed":
        return Step(**step, action="update", reason="the last attempt failed")
    if live.tags.get(SPEC_TAG) != deployment_fingerprint(file):
        return Step(**step, action="update", reason=f"{file.shown} changed")
    if live.tags.get(CODE_TAG) != code_content(file):
        return Step(**step, action="update", reason="the scoring code changed")
    if changed := [text for each in contents if (text := each.changed(live))]:
        return Step(**step, action="update", reason=", ".join(changed))
    if live.tags.get(COUNT_TAG) != str(spec_count(file)):
        return Step(**step, action="update", reason="instance_count changed")
    return Step(**step, action="skip", reason="unchanged")


def require_settled(live: Deployment) -> None:
    """Raise Conflict while an operation on it goes on: another would end that one."""
    if live.state not in ("Succeeded", "Failed"):
        raise Conflict(
            f"{live.name} is {live.state}: an operation on it is not done yet.",
            "invoke status   # until it is; then the same verb again",
        )


def write_endpoint(live: Open, file: SpecFile) -> None:
    """Create or update the endpoint; its weights and our tags are carried over.

    A file without `traffic` would put empty weights on the wire and take the endpoint
    out of service, so what is live is what is written.
    """
    before, client = live.found, live.workspace.ml()
    entity = creating.entity(file)
    kept = before.tags if before else {}
    fence = live.held.announce(tags.fence(kept))
    entity.tags = {
        **(entity.tags or {}),
        **tags.ours(kept),
        SPEC_TAG: endpoint_fingerprint(file),
        tags.FENCE: str(fence),
    }
    entity.traffic = dict(before.traffic) if before else {}
    entity.mirror_traffic = dict(before.mirror) if before else {}
    seen = writing.require_unchanged(live.workspace, before) if before else None
    with creating.creating(f"Endpoint {file.name}"):
        client.online_endpoints.begin_create_or_update(entity).result()
    if before and seen:
        with outside.told(live.workspace, before.name, seen):
            writing.read_back(live.workspace, before.name, weights.of(before), fence)
        live.workspace.notes += outside.wrote(live.workspace, before.name, seen)
    live.found = None


def write_deployment(
    opened: AbstractContextManager[Open],
    file: SpecFile,
    contents: Sequence[Contents] = (),
) -> Iterator[str]:
    """Create or update a deployment; end when it is ready to take traffic.

    Yields what becomes known of a start that goes wrong, while the service still waits.

    The door is held open until the service has taken it: from then on it shows to all,
    and for the minutes that it takes others may change what else there is.
    """
    entity = creating.entity(file)
    entity.tags = {
        **(entity.tags or {}),
        SPEC_TAG: deployment_fingerprint(file),
        CODE_TAG: code_content(file),
        COUNT_TAG: str(spec_count(file)),
        **{CONTENT_TAGS[each.kind]: each.content for each in contents if each.content},
    }
    with creating.creating(f"Deployment {file.name}"):
        with opened as live:
            there = live.endpoint.deployments.get(file.name)
            if there:
                require_settled(there)  # again: now under the lock
            entity.instance_count = count_to_write(file, there)
            client = live.workspace.ml().online_deployments
            live.held.require()
            poller = client.begin_create_or_update(entity)
            where = (live.workspace, live.name)
        yield from startup.awaited(*where, file.name, poller)
        poller.result()


def count_to_write(file: SpecFile, live: Deployment | None) -> int:
    """The file's instance_count; the live one where only `scale` has changed it."""
    if live and live.tags.get(COUNT_TAG) == str(spec_count(file)):
        return live.instances
    return spec_count(file)


def scale(
    workspace: Workspace,
    name: str,
    deployment: str,
    instances: int,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> Scaling:
    """Set the number of instances by PATCH, which touches nothing else."""
    live = endpoints.require(endpoints.get(workspace, name), deployment)
    planned = Scaling(deployment=deployment, before=live.instances, after=instances)
    workspace.notes += fate.notes(workspace, name, live, instances)
    if dry_run or planned.before == planned.after:
        return planned
    with door.opened(workspace, name, "scale") as it:
        live = endpoints.require(it.endpoint, deployment)  # again: now under the lock
        before, after = {deployment: live.instances}, {deployment: instances}
        with it.journalled(reason, before=before, wanted=after) as record:
            sku = {**(live.body.get("sku") or {"name": "Default"})}
            sku["capacity"] = instances
            workspace.patch(endpoints.path(name, deployment), {"sku": sku})
            record.after = after
    return Scaling(deployment=deployment, before=live.instances, after=instances)


def delete(
    workspace: Workspace,
    name: str,
    live: Deployment,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> str:
    """Delete a deployment that deletable() has found; say so."""
    if dry_run:
        return f"{live.name} of {name} would be deleted"
    with door.opened(workspace, name, "delete-deployment") as it:
        live = deletable(it.endpoint, live.name)  # again: now under the lock
        before = {live.name: {"model": live.model, "instances": live.instances}}
        after = {live.name: None}
        with it.journalled(reason, before=before, wanted=after) as record:
            workspace.delete(endpoints.path(name, live.name))
            record.after = after
    return f"{live.name} of {name} deleted"


def delete_endpoint(
    workspace: Workspace, endpoint: Endpoint, *, reason: str = "", dry_run: bool = False
) -> str:
    """Delete an endpoint with all its deployments; say so."""
    name = endpoint.name
    if dry_run:
        return f"{described(endpoint)} would be deleted"
    with door.opened(workspace, name, "delete-endpoint") as it:
        endpoint = it.endpoint  # again: now under the lock
        models = {n: {"model": each.model} for n, each in endpoint.deployments.items()}
        before = {"traffic": endpoint.traffic, **models}
        with it.journalled(reason, before=before):
            workspace.delete(endpoints.path(name))
            it.held.forget()
    return f"{described(endpoint)} deleted"


def described(endpoint: Endpoint) -> str:
    """`iris with blue (80% of live traffic), green`: what goes with an endpoint."""
    shares = {n: f" ({p}% of live traffic)" for n, p in endpoint.traffic.items()}
    below = [f"{name}{shares.get(name, '')}" for name in endpoint.deployments]
    return f"{endpoint.name} with {', '.join(below) or 'no deployments'}"


def deletable(endpoint: Endpoint, deployment: str) -> Deployment:
    """The deployment, if no traffic stands against deleting it; else Refused.

    Azure refuses it too, with "Can't delete deployment with non-zero traffic weight".
    """
    name, live = endpoint.name, endpoints.require(endpoint, deployment)
    standing.require_free(endpoint, deployment)
    if share := endpoint.traffic.get(deployment):
        raise Refused(
            f"{deployment} has {share}% of the live traffic of {name}, so it can't be "
            "deleted.",
            f"invoke shift-traffic --set {_others(endpoint, deployment)}",
        )
    if share := endpoint.mirror.get(deployment):
        raise Refused(
            f"{deployment} is mirrored to ({share}%), so it can't be deleted.",
            "invoke mirror --off",
        )
    return live


def named(deployment: str | None) -> str:
    """The value of --deployment where there is no default that would be safe."""
    if not deployment:
        raise UsageError("Which deployment? Say --deployment NAME.", "invoke status")
    return deployment


def instance_count(text: str | None) -> int:
    """What --instances asks for; raise UsageError outside 1 to 50."""
    digits = str(text)
    if not (digits.isascii() and digits.isdigit()) or not (
        1 <= int(digits) <= MOST_INSTANCES
    ):
        raise UsageError(
            f"--instances takes a number from 1 to {MOST_INSTANCES}, not {text!r}: "
            "managed deployments don't scale to zero."
        )
    return int(digits)


def endpoint_fingerprint(file: SpecFile) -> str:
    ignored = ("$schema", "traffic", "mirror_traffic")
    return specs.fingerprint({k: v for k, v in file.data.items() if k not in ignored})


def deployment_fingerprint(file: SpecFile) -> str:
    ignored = ("$schema", "instance_count")
    return specs.fingerprint({k: v for k, v in file.data.items() if k not in ignored})


def code_content(file: SpecFile) -> str:
    """A hash of the scoring code's folder; "" for a deployment without one."""
    folder = file.file("code_configuration", "code")
    return uploads.content(folder) if folder and folder.exists() else ""


def spec_count(file: SpecFile) -> int:
    count = file.data.get("instance_count", 1)
    return count if isinstance(count, int) else 1


def _others(endpoint: Endpoint, leaving: str) -> str:
    stay = next((name for name in endpoint.deployments if name != leaving), None)
    return f"{stay}=100" if stay else f"{leaving}=0"
