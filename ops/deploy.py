"""From files to a deployment that has answered a request.

The same four steps as `az ml ... create -f` (model, environment, endpoint, deployment),
each skipped with a reason when nothing has changed. Live weights stay as they are; a
first deployment gets all of the traffic. Where the stage names a log workspace, a new
endpoint's logs are made to flow there.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from ops import (
    assets,
    contents,
    creating,
    deployments,
    diagnostics,
    door,
    endpoints,
    journal,
    payloads,
    scoring,
    traffic,
    validate,
    weights,
)
from ops.clients import Workspace
from ops.contents import Contents
from ops.creating import Step
from ops.door import Open
from ops.endpoints import Endpoint
from ops.errors import Conflict, InvalidSpec, NotFound, Unhealthy
from ops.journal import Change
from ops.rollouts import standing
from ops.settings import shown
from ops.specs import EndpointSpec, SpecFile, reference
from ops.weights import Weights

TRIES, PAUSE_SECONDS = 5, 0.5
FROM_THE_MODEL = (408, 424, 429)  # the deployment was reached: asking again is in vain


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The four steps for one deployment, decided from the files and what is live."""

    spec: EndpointSpec
    deployment: SpecFile
    live: Endpoint | None
    steps: list[Step]
    contents: list[Contents]  # of its model and environment
    first: bool  # no other deployment and no traffic: this one gets it all


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A step on its way: `running` when it begins, then how it ended.

    In between `waiting`, with a note of what is known meanwhile.
    """

    step: Step
    outcome: str  # running, waiting, done, skipped
    seconds: float = 0.0
    answer: scoring.Answer | None = None
    note: str = ""


def plan(workspace: Workspace, spec: EndpointSpec, name: str) -> Plan:
    """Check the files and decide each step; change nothing.

    Raises InvalidSpec with everything that is wrong with the files.
    """
    file = spec.deployment(name)
    if problems := [p for p in validate.check(spec, name) if p.fatal]:
        raise InvalidSpec(problems, "invoke validate")
    live = endpoints.find(workspace, spec.folder.name)
    if live:
        door.require_unfrozen(live, workspace.now())
    meant = [contents.of(workspace, spec, file, kind) for kind in contents.KINDS]
    with _others_named(workspace, spec.folder.name):
        steps = _steps(workspace, spec, file, live, meant)
    writes = any(each.kind == "deployment" and each.action != "skip" for each in steps)
    if live and writes:
        standing.require_free(live, name)
    there = set(live.deployments) if live else set()
    first = not (live and live.traffic) and there <= {name}
    if first:
        steps.append(
            Step(kind="traffic", target=f"{name} 100%", action="update", reason="first")
        )
    return Plan(
        spec=spec,
        deployment=file,
        live=live,
        steps=steps,
        contents=meant,
        first=first,
    )


@contextmanager
def _others_named(workspace: Workspace, name: str) -> Iterator[None]:
    """Let a Conflict say which verbs of this machine are at the endpoint."""
    try:
        yield
    except Conflict as conflict:
        for other in journal.entries(workspace.stage.name, name):
            if other.outcome == "running" and other.pid != os.getpid():
                since = f"since {other.at:%H:%M:%S} UTC, process {other.pid}"
                conflict.add(f"On this machine {other.verb} runs {since}.")
        raise


def _steps(
    workspace: Workspace,
    spec: EndpointSpec,
    file: SpecFile,
    live: Endpoint | None,
    meant: list[Contents],
) -> list[Step]:
    endpoint = deployments.endpoint_step(spec.endpoint, live)
    # Only for a new endpoint: on one that exists, somebody may have turned it off.
    logged = endpoint.action == "create" and workspace.log_workspace_id
    flow = Step(kind="diagnostics", target="all logs", action="create", reason="new")
    model, environment = meant
    return [
        _asset_step(workspace, spec.model_of(file), file, model, assets.model_step),
        _asset_step(
            workspace,
            spec.environment_of(file),
            file,
            environment,
            assets.environment_step,
        ),
        endpoint,
        *([flow] if logged else []),
        deployments.deployment_step(
            file, live.deployments.get(file.name) if live else None, meant
        ),
    ]


def run(workspace: Workspace, plan: Plan, *, reason: str = "") -> Iterator[Phase]:
    """Carry a plan out; yield each phase as it begins and as it ends.

    Ends with a real request to the deployment; raise Unhealthy if it isn't answered.
    """
    _load_all(plan)
    name, endpoint = plan.deployment.name, plan.spec.folder.name
    before = _essence(plan.live, name)
    with _noted(workspace, plan, reason, before) as record:
        for step in plan.steps:
            yield from _phase(step, _action(workspace, plan, step, record))
        test = Step(kind="score", target=name, action="test", reason="sample request")
        began = time.monotonic()
        yield Phase(step=test, outcome="running")
        answer = _scored(workspace, plan)
        seconds = time.monotonic() - began
        yield Phase(step=test, outcome="done", seconds=seconds, answer=answer)
        record.after = _essence(endpoints.get(workspace, endpoint), name)


def how_to_call(workspace: Workspace, plan: Plan) -> tuple[Endpoint, str]:
    """What the one needs who will call the endpoint: its facts, a sample's path."""
    endpoint = endpoints.get(workspace, plan.spec.folder.name)
    try:
        return endpoint, shown(payloads.sample(plan.spec, plan.deployment.name))
    except NotFound:
        return endpoint, "request.json"


def _asset_step(
    workspace: Workspace,
    file: SpecFile | None,
    deployment: SpecFile,
    meant: Contents,
    decide: Callable[[SpecFile, Any], Step],
) -> Step:
    """The step for a model or environment; one without a file must exist already."""
    kind = meant.kind
    if file is not None:
        live = assets.live(workspace, kind, file.name, file.version)
        return decide(file, live)
    value = meant.value
    if meant.latest:
        reason = f"the newest version of {value}"
        return Step(kind=kind, target=meant.latest, action="skip", reason=reason)
    name, version = reference(value)
    if not name:
        reason = "described in the deployment's own file" if value else "none"
        return Step(kind=kind, target=deployment.name, action="skip", reason=reason)
    if assets.live(workspace, kind, name, version) is None:
        raise NotFound(
            f"{deployment.shown}: {kind}: {value} is neither described by a file in "
            "its folder nor registered."
        )
    reason = "registered, has no file here"
    return Step(kind=kind, target=f"{name}:{version}", action="skip", reason=reason)


def _noted(
    workspace: Workspace, plan: Plan, reason: str, before: dict[str, Any]
) -> AbstractContextManager[Change]:
    """Journal a deploy; one that changes nothing is not a change."""
    if all(step.action == "skip" for step in plan.steps):
        return nullcontext(Change(id=""))
    name = plan.spec.folder.name
    return door.noted(workspace, name, "deploy", reason, before=before)


def _action(
    workspace: Workspace, plan: Plan, step: Step, record: Change
) -> Callable[[], Iterator[str] | None]:
    spec, file = plan.spec, plan.deployment

    def model() -> None:
        assets.register_model(workspace, _known(spec.model_of(file)))

    def environment() -> None:
        assets.register_environment(workspace, _known(spec.environment_of(file)))

    name = spec.folder.name

    @contextmanager
    def opened() -> Iterator[Open]:
        with door.opened(workspace, name, "deploy") as live:
            yield live
            record.fence = live.held.fence

    def endpoint() -> None:
        with opened() as live:
            deployments.write_endpoint(live, spec.endpoint)

    def flow() -> None:
        with opened():
            diagnostics.ensure(workspace, name)

    def deployment() -> Iterator[str]:
        with _others_named(workspace, name):
            yield from deployments.write_deployment(opened(), file, plan.contents)

    def all_traffic() -> None:
        def decide(live: Endpoint) -> Weights:
            # Somebody may have given it to another meanwhile.
            return (
                weights.of(live) if live.traffic else Weights(traffic={file.name: 100})
            )

        traffic.change(workspace, name, decide, verb="first-traffic")

    return {
        "model": model,
        "environment": environment,
        "endpoint": endpoint,
        "diagnostics": flow,
        "deployment": deployment,
        "traffic": all_traffic,
    }[step.kind]


def _phase(step: Step, action: Callable[[], Iterator[str] | None]) -> Iterator[Phase]:
    if step.action == "skip":
        yield Phase(step=step, outcome="skipped")
        return
    began = time.monotonic()
    yield Phase(step=step, outcome="running")
    for note in action() or ():
        yield Phase(step=step, outcome="waiting", note=note)
    yield Phase(step=step, outcome="done", seconds=time.monotonic() - began)


def _load_all(plan: Plan) -> None:
    """Have the SDK read every file that will be written, before anything is."""
    files = {
        "model": plan.spec.model_of(plan.deployment),
        "environment": plan.spec.environment_of(plan.deployment),
        "endpoint": plan.spec.endpoint,
        "deployment": plan.deployment,
    }
    problems = []
    for step in plan.steps:
        file = files.get(step.kind)
        if step.action == "skip" or file is None:
            continue
        try:
            creating.entity(file)
        except InvalidSpec as error:
            problems += [line[4:] for line in error.problem.splitlines()[1:]]
    if problems:
        raise InvalidSpec(problems, "invoke validate")


def _scored(workspace: Workspace, plan: Plan) -> scoring.Answer | None:
    """One request, straight to the deployment; None without a sample to send."""
    try:
        sample = payloads.sample(plan.spec, plan.deployment.name)
    except NotFound:
        return None
    name = plan.deployment.name
    answer = None
    for attempt in range(TRIES):  # a gateway may lag behind the control plane
        time.sleep(PAUSE_SECONDS * attempt)
        asked = scoring.score(
            workspace, plan.spec.folder.name, sample.read_bytes(), deployment=name
        )
        answer = next(asked)
        if answer.status == 200:
            return answer
        if answer.status in FROM_THE_MODEL:
            break
    assert answer is not None
    raise Unhealthy(
        f"{name} is deployed, but answers the sample request with {answer.status}: "
        f"{answer.reason}",
        f"invoke logs --deployment {name}",
        f"invoke score --deployment {name}",
    )


def _essence(live: Endpoint | None, name: str) -> dict[str, Any]:
    """What history shows of an endpoint around a deploy."""
    deployment = live.deployments.get(name) if live else None
    if live is None or deployment is None:
        return {"traffic": live.traffic if live else {}, name: None}
    return {
        "traffic": live.traffic,
        name: {"model": deployment.model, "instances": deployment.instances},
    }


def _known(file: SpecFile | None) -> SpecFile:
    assert file is not None, "a step is only planned for a file that exists"
    return file
