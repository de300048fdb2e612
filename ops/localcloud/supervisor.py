"""Makes deployments true: prepares, starts, replaces, scales and deletes them.

Handlers write what is wished and open an operation; a step looks at what there is,
plans (plan.py) and does what the plan says. All that must survive is in the state, so
a supervisor that is killed is followed by one that goes on where it stopped.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from ops.localcloud import processes, sabotage
from ops.localcloud.blobstore import BlobStore
from ops.localcloud.environments import cache_directory
from ops.localcloud.fleet import Fleet
from ops.localcloud.instances import LIVE, launch_of, whole
from ops.localcloud.materials import Materials
from ops.localcloud.plan import Action, Facts, plan
from ops.localcloud.preparation import Preparations, Wanted, Workshop
from ops.localcloud.recipe import CannotDeploy
from ops.localcloud.records import Instance, Operation, Resource, parent_of
from ops.localcloud.retiring import retire_build_log
from ops.localcloud.router import Router
from ops.localcloud.routes import capacity, request_timeout
from ops.localcloud.state import State

log = logging.getLogger(__name__)

UNSETTLED = frozenset({"Creating", "Updating", "Scaling"})
AFTER_REQUESTS = timedelta(seconds=5)  # what a drain may take beyond one request


class Supervisor:
    """The engine behind deployments. `ring` asks for another step, `changed` tells
    that the routing table should be made anew."""

    def __init__(
        self,
        state: State,
        blobs: BlobStore,
        directory: Path,
        router: Router,
        *,
        ring: Callable[[], None] = lambda: None,
        changed: Callable[[], None] = lambda: None,
        cache: Path | None = None,
    ) -> None:
        self._state = state
        self._directory = directory
        self._router = router
        self._changed = changed
        self._fleet = Fleet(state, directory, ring)
        materials = Materials(state, blobs, directory)
        materials.sweep(launch_of(instance) for instance in state.instances())
        shop = Workshop(
            materials=materials,
            cache=cache or cache_directory(),
            marks=processes.marks(directory, "builder"),
            ring=ring,
        )
        self._preparations = Preparations(state, directory, shop)
        self._drained_since: dict[str, int] = {}

    def close(self) -> None:
        """Stop building; leave the instances running."""
        self._preparations.close()
        self._fleet.close()

    def step(self, now: datetime) -> None:
        """See to every instance and every deployment once. Short: builds run beside."""
        sabotage.carry_out(self._state)
        self._fleet.look(now)
        deployments = self._state.of_type("deployments")
        for deployment in deployments:
            try:
                self._advance(deployment.id, now)
            except Exception:  # the others must not wait for this one to be mended
                log.exception("%s could not be seen to", deployment.id)
        known = {deployment.id for deployment in deployments}
        for instance in self._state.instances():
            if instance.deployment not in known and instance.state in LIVE:
                self._fleet.stop(instance, "its deployment is gone", now)
        for endpoint in self._state.of_type("onlineendpoints"):
            self._delete_if_empty(endpoint)

    def _advance(self, id_: str, now: datetime) -> None:
        operation = self._state.open_operation(id_)
        # After its operation: what that asks for must not be told done by older wishes.
        deployment = self._state.resource(id_)
        if deployment is None:
            return
        instances = self._state.instances(deployment.id)
        deleting = self._deleting(deployment)
        asked = purpose(deployment, operation, instances)
        wanted = (
            self._preparations.drop(deployment.id)
            if deleting
            else self._preparations.wanted(deployment, asked, instances)
        )
        facts = Facts(
            instances=tuple(instances),
            capacity=capacity(deployment),
            deleting=deleting,
            failed=deployment.properties.get("provisioningState") == "Failed",
            operation=asked,
            template=wanted.template,
            preparing=wanted.preparing,
            refusal=wanted.refusal.message if wanted.refusal else None,
            serving=self._router.serving(),
            drained_since=self._drained_since,
        )
        if actions := plan(facts, now):
            self._carry_out(deployment, operation, wanted, instances, actions, now)

    def _deleting(self, deployment: Resource) -> bool:
        endpoint = self._state.resource(parent_of(deployment.id))
        return any(
            resource is None
            or resource.properties.get("provisioningState") == "Deleting"
            for resource in (deployment, endpoint)
        )

    def _carry_out(
        self,
        deployment: Resource,
        operation: Operation | None,
        wanted: Wanted,
        instances: list[Instance],
        actions: list[Action],
        now: datetime,
    ) -> None:
        named = {instance.id: instance for instance in instances}
        until = now + timedelta(seconds=request_timeout(deployment)) + AFTER_REQUESTS
        with self._state.transaction():  # the table switches from old to new as a whole
            for action in actions:
                match action:
                    case Action(do="promote", instance=str(id_)):
                        self._fleet.promote(named[id_], now)
                    case Action(do="drain", instance=str(id_)):
                        self._fleet.drain(named[id_], until)
        for action in actions:
            match action:
                case Action(do="drain", instance=str(id_)):
                    self._drained_since[id_] = self._router.round
                case Action(do="start") if wanted.launch and wanted.template:
                    self._fleet.add(
                        deployment.id,
                        wanted.launch,
                        wanted.template,
                        purpose(deployment, operation, instances),
                        now,
                    )
                case Action(do="stop", instance=str(id_)):
                    self._fleet.stop(named[id_], action.reason, now)
                    self._drained_since.pop(id_, None)
                case Action(do="fail"):
                    error = wanted.refusal or CannotDeploy(
                        "ResourceNotReady", action.reason
                    )
                    self._settle(deployment, operation, error)
                case Action(do="succeed"):
                    self._settle(deployment, operation, None)
                    self._forget_stopped(instances)
                case Action(do="forget"):
                    self._forget(deployment, operation, instances)
        self._changed()

    def _settle(
        self,
        deployment: Resource,
        operation: Operation | None,
        error: CannotDeploy | None,
    ) -> None:
        """Tell the outcome, unless somebody has asked for something else meanwhile."""
        with self._state.transaction():
            current = self._state.open_operation(deployment.id)
            if (current and current.id) != (operation and operation.id):
                return
            state = "Failed" if error else "Succeeded"
            self._state.observe(deployment.id, provisioningState=state)
            if operation:
                self._state.finish(operation.id, error.error() if error else None)

    def _forget_stopped(self, instances: list[Instance]) -> None:
        """Drop what was kept of earlier failures: they are mended."""
        for instance in instances:
            if instance.state == "Stopped":
                self._fleet.forget(instance)

    def _forget(
        self,
        deployment: Resource,
        operation: Operation | None,
        instances: list[Instance],
    ) -> None:
        self._forget_stopped(instances)
        retire_build_log(self._directory, deployment.id)
        with self._state.transaction():
            self._state.delete(deployment.id)
            if operation:
                self._state.finish(operation.id)

    def _delete_if_empty(self, endpoint: Resource) -> None:
        """Delete an endpoint that is to go, once its deployments are gone."""
        if endpoint.properties.get("provisioningState") != "Deleting":
            return
        if self._state.children(endpoint.id, "deployments"):
            return
        with self._state.transaction():
            operation = self._state.open_operation(endpoint.id)
            self._state.delete(endpoint.id)
            if operation:
                self._state.finish(operation.id)
        self._changed()


def purpose(
    deployment: Resource, operation: Operation | None, instances: list[Instance]
) -> str | None:
    """What an outcome is wanted for: an operation, or a state that is not true.

    A deployment may be unsettled without an open operation when its handler was killed
    between the two, and one that has succeeded must have instances, and these what
    they are started from.
    """
    if operation:
        return operation.id
    state = str(deployment.properties.get("provisioningState"))
    live = (i for i in instances if i.state in LIVE)
    lacks = state == "Succeeded" and not any(map(whole, live))
    return state if state in UNSETTLED or lacks else None
