"""Makes deployments true: prepares, starts, replaces, scales and deletes them.

Handlers write what is wished and open an operation; a step looks at what there is,
plans (plan.py) and does what the plan says. All that must survive is in the state, so
a supervisor that is killed is followed by one that goes on where it stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ops.localcloud import processes
from ops.localcloud.blobstore import BlobStore
from ops.localcloud.console import Diary, build_log
from ops.localcloud.environments import cache_directory
from ops.localcloud.fleet import Fleet
from ops.localcloud.instances import LIVE, Launch, launch_of
from ops.localcloud.materials import Materials, workspace_of
from ops.localcloud.plan import Action, Facts, plan
from ops.localcloud.preparation import Preparation, Workshop
from ops.localcloud.recipe import CannotDeploy, Recipe, assets, probe, recipe
from ops.localcloud.records import Instance, Operation, Resource, parent_of
from ops.localcloud.router import Router
from ops.localcloud.routes import capacity, request_timeout
from ops.localcloud.state import State

UNSETTLED = frozenset({"Creating", "Updating", "Scaling"})
AFTER_REQUESTS = timedelta(seconds=5)  # what a drain may take beyond one request


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What instances a deployment should have, as far as it is known."""

    template: str | None = None
    launch: Launch | None = None
    preparing: bool = False
    refusal: CannotDeploy | None = None


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
        self._shop = Workshop(
            materials=Materials(state, blobs, directory),
            cache=cache or cache_directory(),
            marks=processes.marks(directory, "builder"),
            ring=ring,
        )
        self._preparations: dict[str, Preparation] = {}
        self._drained_since: dict[str, int] = {}

    def close(self) -> None:
        """Stop building; leave the instances running."""
        for preparation in self._preparations.values():
            preparation.cancel()
        self._fleet.close()

    def step(self, now: datetime) -> None:
        """See to every instance and every deployment once. Short: builds run beside."""
        self._fleet.look(now)
        deployments = self._state.of_type("deployments")
        for deployment in deployments:
            self._advance(deployment, now)
        known = {deployment.id for deployment in deployments}
        for instance in self._state.instances():
            if instance.deployment not in known and instance.state in LIVE:
                self._fleet.stop(instance, "its deployment is gone", now)
        for endpoint in self._state.of_type("onlineendpoints"):
            self._delete_if_empty(endpoint)

    def _advance(self, deployment: Resource, now: datetime) -> None:
        operation = self._state.open_operation(deployment.id)
        instances = self._state.instances(deployment.id)
        deleting = self._deleting(deployment)
        wanted = (
            Wanted() if deleting else self._wanted(deployment, operation, instances)
        )
        if deleting or wanted.launch:
            self._drop_preparation(deployment)
        facts = Facts(
            instances=tuple(instances),
            capacity=capacity(deployment),
            deleting=deleting,
            failed=deployment.properties.get("provisioningState") == "Failed",
            operation=purpose(deployment, operation),
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

    def _wanted(
        self,
        deployment: Resource,
        operation: Operation | None,
        instances: list[Instance],
    ) -> Wanted:
        """What is asked for while an operation is open; else more of what there is."""
        live = [instance for instance in instances if instance.state in LIVE]
        asked = purpose(deployment, operation)
        if asked is None:
            if live:
                launch = launch_of(live[-1])
                return Wanted(template=live[-1].fingerprint, launch=launch)
            if deployment.properties.get("provisioningState") == "Failed":
                return Wanted()
        try:
            ids = assets(deployment)
            found = {kind: self._state.resource(id_) for kind, id_ in ids.items()}
            wish = recipe(deployment, found)
            for wire in wish.probes.values():
                probe(wire)  # refuses a duration that is none
        except CannotDeploy as refusal:
            return Wanted(refusal=refusal)
        for instance in live:
            if instance.fingerprint == wish.fingerprint:
                launch = launch_of(instance)
                return Wanted(template=wish.fingerprint, launch=launch)
        return self._prepared(deployment, f"{asked} {wish.fingerprint}", wish)

    def _prepared(self, deployment: Resource, attempt: str, wish: Recipe) -> Wanted:
        """Prepare a recipe once an attempt; say how far it is."""
        preparation = self._preparations.get(deployment.id)
        if preparation is None or preparation.purpose != attempt:
            self._drop_preparation(deployment)
            diary = Diary(build_log(self._directory, deployment.id))
            workspace = workspace_of(deployment)
            preparation = Preparation(wish, workspace, attempt, self._shop, diary)
            self._preparations[deployment.id] = preparation
        if preparation.refusal:
            return Wanted(refusal=preparation.refusal)
        if preparation.launch is None:
            return Wanted(preparing=True)
        message = "the environment and the model are in place"
        self._state.record(deployment.id, "", "Pulled", message)
        return Wanted(template=wish.fingerprint, launch=preparation.launch)

    def _drop_preparation(self, deployment: Resource) -> None:
        if preparation := self._preparations.pop(deployment.id, None):
            preparation.cancel()

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
                        operation.id if operation else None,
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
        build_log(self._directory, deployment.id).unlink(missing_ok=True)
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


def purpose(deployment: Resource, operation: Operation | None) -> str | None:
    """What the outcome of this step is wanted for: an operation, or the state alone.

    A deployment may be left unsettled without an open operation when its handler was
    killed between the two.
    """
    if operation:
        return operation.id
    state = deployment.properties.get("provisioningState")
    return str(state) if state in UNSETTLED else None
