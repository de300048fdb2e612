"""Brings a deployment's model and code from the blob store to where they are run."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from ops.localcloud.blobstore import BlobStore, locate
from ops.localcloud.instances import Launch
from ops.localcloud.recipe import ASSET_NAME, CannotDeploy, Recipe
from ops.localcloud.records import Resource, parent_of
from ops.localcloud.state import State

Log = Callable[[str], None]


def containers(state: State, workspace: str) -> Mapping[str, str]:
    """The blob container behind each datastore of a workspace (by its ARM id)."""
    found = {
        datastore.name: str(datastore.properties.get("containerName"))
        for datastore in state.children(workspace, "datastores")
    }
    resource = state.resource(workspace)
    if resource and (id_ := resource.properties.get("workspaceId")):
        found.setdefault("workspaceblobstore", f"azureml-blobstore-{id_}")
    return found


def workspace_of(deployment: Resource) -> str:
    return parent_of(parent_of(deployment.id))


class Materials:
    """The folders models/ and code/ of a state directory, named by their content."""

    def __init__(self, state: State, blobs: BlobStore, directory: Path) -> None:
        self._state = state
        self._blobs = blobs
        self._directory = directory

    def model(self, recipe: Recipe, workspace: str, log: Log) -> Path | None:
        """The AZUREML_MODEL_DIR of a recipe: holds the file or folder as registered.

        It ends in <name>/<version>, as /var/azureml-app/azureml-models does on Azure.
        """
        if recipe.model_uri is None:
            return None
        parts = (recipe.model_name or "", recipe.model_version or "")
        if not all(ASSET_NAME.fullmatch(part) for part in parts):
            raise CannotDeploy("BadArgument", f"{'/'.join(parts)!r} names no model.")
        folder, _ = self._fetch("models", recipe.model_uri, workspace, parts, log)
        return folder

    def code(self, recipe: Recipe, workspace: str, log: Log) -> tuple[Path, Path]:
        """The code folder of a recipe and the scoring script inside it."""
        top, name = self._fetch("code", recipe.code_uri, workspace, (), log)
        folder = top / name
        script = (folder / recipe.script).resolve()
        if not script.is_relative_to(folder.resolve()):
            raise CannotDeploy(
                "BadArgument",
                f"The scoring script {recipe.script!r} lies outside the code folder.",
            )
        if not script.is_file():
            raise CannotDeploy(
                "BadArgument",
                f"The scoring script {recipe.script!r} is not in the code folder, "
                f"which holds {listing(folder)}.",
            )
        return folder, script

    def sweep(self, launches: Iterable[Launch]) -> None:
        """Remove what no instance is made from any more, and half downloads."""
        used = {
            Path(p) for launch in launches for p in (launch.code, launch.model) if p
        }
        for kind in ("models", "code"):
            for folder in (self._directory / kind).glob("*"):
                if not any(path.is_relative_to(folder) for path in used):
                    shutil.rmtree(folder, ignore_errors=True)

    def _fetch(
        self, kind: str, uri: str, workspace: str, parts: tuple[str, ...], log: Log
    ) -> tuple[Path, str]:
        """Download once what a URI names; return where it lies and its last name."""
        try:
            container, prefix = locate(uri, containers(self._state, workspace))
        except ValueError as problem:
            raise CannotDeploy("BadArgument", str(problem)) from None
        rows = [
            (row["name"], row["md5"])
            for row in self._state.blobs(container, prefix)
            if row["name"] == prefix or row["name"].startswith(prefix + "/")
        ]
        if not rows:
            message = f"There is nothing at {uri}: register it anew, as a new version."
            raise CannotDeploy("ResourceNotFound", message)
        content = json.dumps([container, prefix, parts, rows])
        target = self._directory / kind / hashlib.sha256(content.encode()).hexdigest()
        if not target.is_dir():
            self._download(container, prefix, target, parts)
        log(f"{kind}: {len(rows)} files of {prefix} are in place")
        return target.joinpath(*parts), PurePosixPath(prefix).name

    def _download(
        self, container: str, prefix: str, target: Path, parts: tuple[str, ...]
    ) -> None:
        partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
        try:
            self._blobs.download(container, prefix, partial.joinpath(*parts))
            partial.rename(target)
        except ValueError as problem:
            raise CannotDeploy("BadArgument", str(problem)) from None
        except OSError:
            if not target.is_dir():  # another download of the same may have won
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def listing(folder: Path, most: int = 10) -> str:
    if not folder.is_dir():
        return "nothing"
    names = sorted(path.name for path in folder.iterdir())
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
