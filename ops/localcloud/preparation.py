"""Makes ready what a deployment needs before its first instance can start."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.localcloud.conda import wish
from ops.localcloud.console import Diary
from ops.localcloud.environments import build
from ops.localcloud.instances import SERVER, Launch
from ops.localcloud.materials import Materials
from ops.localcloud.recipe import CannotDeploy, Recipe

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
        recipe, write = self._recipe, self._diary.write
        wanted = wish(recipe.conda_file)
        # First what takes no time: a missing script should not cost a build.
        code, script = self._shop.materials.code(recipe, self._workspace, write)
        model = self._shop.materials.model(recipe, self._workspace, write)
        shop = self._shop
        environment = build(wanted, shop.cache, write, self._stop, shop.marks)
        if not (environment / SERVER).exists():
            raise CannotDeploy(
                "ImageBuildFailure",
                "azureml-inference-server-http is not in the environment, and nothing "
                "else can serve a scoring script: add it to the conda file's pip list.",
            )
        write("ready to start instances")
        return Launch(
            environment=str(environment),
            code=str(code),
            script=str(script),
            model=str(model) if model else None,
            variables=recipe.variables,
            probes=recipe.probes,
        )
