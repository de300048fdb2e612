"""Makes ready what a deployment needs before its first instance can start."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.localcloud import scoringuser
from ops.localcloud.conda import wish
from ops.localcloud.console import Diary, build_log
from ops.localcloud.environments import build
from ops.localcloud.instances import LIVE, SERVER, Launch, launch_of, whole
from ops.localcloud.materials import Materials, workspace_of
from ops.localcloud.recipe import CannotDeploy, Recipe, assets, recipe
from ops.localcloud.records import Instance, Resource
from ops.localcloud.retiring import retire_build_log
from ops.localcloud.state import State

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where preparations are made: what they all share."""

    materials: Materials
    cache: Path  # of environments
    marks: dict[str, str]  # for the builder's process
    ring: Callable[[], None]  # called when a preparation is done


class Preparation:
    """One recipe being made ready, in a thread of its own: it may take minutes."""

    def __init__(
        self, recipe: Recipe, workspace: str, purpose: str, shop: Workshop, diary: Diary
    ) -> None:
        self.purpose = purpose  # tells a second attempt from the first
        self.launch: Launch | None = None
        self.refusal: CannotDeploy | None = None
        self._recipe = recipe
        self._workspace = workspace
        self._shop = shop
        self._diary = diary
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prepare", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return self.launch is not None or self.refusal is not None

    def cancel(self) -> None:
        """Kill the builder, if there is one, and wait until the thread has ended."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self.launch = self._prepare()
        except InterruptedError:
            self._diary.write("canceled")
        except CannotDeploy as refusal:
            self._refuse(refusal)
        except OSError as error:  # a full disk, above all
            self._refuse(CannotDeploy("ImageBuildFailure", str(error)))
        except Exception as error:  # a silent thread would leave its operation open
            log.exception("a preparation failed")
            self._refuse(CannotDeploy("InternalServerError", repr(error)))
        self._shop.ring()

    def _refuse(self, refusal: CannotDeploy) -> None:
        for line in refusal.message.splitlines():
            self._diary.write(line)
        self.refusal = refusal

    def _prepare(self) -> Launch:
        asked, write = self._recipe, self._diary.write
        wanted = wish(asked.conda_file)
        # First what takes no time: a missing script should not cost a build.
        code, script = self._shop.materials.code(asked, self._workspace, write)
        model = self._shop.materials.model(asked, self._workspace, write)
        shop = self._shop
        environment = build(wanted, shop.cache, write, self._stop, shop.marks)
        if not (environment / SERVER).exists():
            raise CannotDeploy(
                "ImageBuildFailure",
                "azureml-inference-server-http is not in the environment, and nothing "
                "else can serve a scoring script: add it to the conda file's pip list.",
            )
        self._require_reach(environment, code, model)
        write("ready to start instances")
        return Launch(
            environment=str(environment),
            code=str(code),
            script=str(script),
            model=str(model) if model else None,
            variables=asked.variables,
            probes=asked.probes,
        )

    def _require_reach(self, environment: Path, code: Path, model: Path | None) -> None:
        """Refuse what the user can't read as whom scoring code is to run."""
        if user := scoringuser.chosen():
            paths = [
                str(environment / SERVER),
                str(code),
                *([str(model)] * bool(model)),
            ]
            python = str(environment / "bin/python")
            if problem := scoringuser.unreachable(user, python, paths):
                raise CannotDeploy("ImageBuildFailure", problem)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What instances a deployment should have, as far as it is known."""

    template: str | None = None
    launch: Launch | None = None
    preparing: bool = False
    refusal: CannotDeploy | None = None


class Preparations:
    """What each deployment wants, and the preparations under way for it."""

    def __init__(self, state: State, directory: Path, shop: Workshop) -> None:
        self._state = state
        self._directory = directory
        self._shop = shop
        self._under_way: dict[str, Preparation] = {}

    def close(self) -> None:
        for id_ in list(self._under_way):
            self.drop(id_)

    def drop(self, deployment: str) -> Wanted:
        """Stop what is under way for a deployment (by its id): nothing is wanted."""
        if preparation := self._under_way.pop(deployment, None):
            preparation.cancel()
        return Wanted()

    def wanted(
        self, deployment: Resource, asked: str | None, instances: list[Instance]
    ) -> Wanted:
        """What is asked for, for the sake of `asked`; without that more of the same."""
        live = [instance for instance in instances if instance.state in LIVE]
        if asked is None:
            return _same(live[-1]) if live else Wanted()
        try:
            ids = assets(deployment)
            found = {kind: self._state.resource(id_) for kind, id_ in ids.items()}
            wish = recipe(deployment, found)
        except CannotDeploy as refusal:
            return Wanted(refusal=refusal)
        for instance in live:
            if instance.fingerprint == wish.fingerprint and whole(instance):
                self.drop(deployment.id)
                return _same(instance)
        return self._prepared(deployment, f"{asked} {wish.fingerprint}", wish)

    def _prepared(self, deployment: Resource, attempt: str, wish: Recipe) -> Wanted:
        """Prepare a recipe once an attempt; say how far it is."""
        preparation = self._under_way.get(deployment.id)
        if preparation is None or preparation.purpose != attempt:
            self.drop(deployment.id)
            retire_build_log(self._directory, deployment.id)  # the last attempt's
            diary = Diary(build_log(self._directory, deployment.id))
            workspace = workspace_of(deployment)
            preparation = Preparation(wish, workspace, attempt, self._shop, diary)
            self._under_way[deployment.id] = preparation
        if preparation.refusal:
            return Wanted(refusal=preparation.refusal)
        if preparation.launch is None:
            return Wanted(preparing=True)
        self.drop(deployment.id)
        message = "the environment and the model are in place"
        self._state.record(deployment.id, "", "Pulled", message)
        return Wanted(template=wish.fingerprint, launch=preparation.launch)


def _same(instance: Instance) -> Wanted:
    return Wanted(template=instance.fingerprint, launch=launch_of(instance))
