"""Register what a deployment is made of: its model and its environment.

Versions are immutable on Azure, so a version that is registered with other contents is
refused here instead of being served unnoticed.
"""

from typing import Any

from ops import conda, creating, specs, uploads
from ops.clients import Workspace
from ops.creating import Step
from ops.errors import NotFound, Refused
from ops.settings import trains
from ops.specs import SpecFile
from ops.yaml_file import parse_any

CONTENT_TAG = "aml-ops.content"


def model_step(file: SpecFile, live: dict[str, Any] | None) -> Step:
    """Whether to register a model; raise Refused for other contents of one version."""
    target = f"{file.name}:{file.version}"
    if live is None:
        return Step(kind="model", target=target, action="create", reason="new version")
    there = (live["properties"].get("tags") or {}).get(CONTENT_TAG)
    if there is None:
        reason = "registered by another tool, contents not compared"
        return Step(kind="model", target=target, action="skip", reason=reason)
    if there != model_content(file):
        raise Refused(
            f"Model {target} is registered with other contents than {file.shown} has "
            "now, and versions are immutable.",
            f"set `version: {_next(file.version)}` in {file.shown} and in the "
            "deployment file that names it",
        )
    return Step(kind="model", target=target, action="skip", reason="unchanged")


def environment_step(file: SpecFile, live: dict[str, Any] | None) -> Step:
    """Whether to register an environment; raise Refused as model_step does."""
    target = f"{file.name}:{file.version}"
    if live is None:
        return Step(
            kind="environment", target=target, action="create", reason="new version"
        )
    properties = live["properties"]
    there = parse_any(
        properties.get("condaFile") or "null", f"the conda file of {target}"
    )
    image = properties.get("image") or None
    known = (properties.get("tags") or {}).get(CONTENT_TAG, build_content(file))
    same = known == build_content(file)
    if not same or (there, image) != (conda.load(file), file.data.get("image")):
        raise Refused(
            f"Environment {target} is registered with other contents than "
            f"{file.shown} has now, and versions are immutable.",
            f"set `version: {_next(file.version)}` in {file.shown} and in the "
            "deployment files that name it",
        )
    return Step(kind="environment", target=target, action="skip", reason="unchanged")


def register_model(workspace: Workspace, file: SpecFile) -> None:
    model = creating.entity(file)
    model.tags = {**(model.tags or {}), CONTENT_TAG: model_content(file)}
    with creating.creating(f"Model {file.name}:{file.version}"):
        workspace.ml().models.create_or_update(model)


def register_environment(workspace: Workspace, file: SpecFile) -> None:
    environment = creating.entity(file)
    if content := build_content(file):
        environment.tags = {**(environment.tags or {}), CONTENT_TAG: content}
    with creating.creating(f"Environment {file.name}:{file.version}"):
        workspace.ml().environments.create_or_update(environment)


def build_content(file: SpecFile) -> str:
    """A hash of the folder that an environment's image is built from; "" for none."""
    folder = file.file("build", "path")
    return uploads.content(folder) if folder and folder.exists() else ""


def live(workspace: Workspace, kind: str, name: str, version: str) -> Any:
    """The registered version of a model or environment, or None."""
    return workspace.find(f"{kind}s/{name}/versions/{version}")


def model_content(file: SpecFile) -> str:
    """A hash of the files that a model file registers; raise NotFound without them."""
    path = file.file("path")
    if path is None:
        return specs.fingerprint(file.data.get("path"))
    if not path.exists():
        raise NotFound(
            f"{file.shown}: path: {file.data['path']} does not exist.", *trains(path)
        )
    return uploads.content(path)


def _next(version: str) -> str:
    return str(int(version) + 1) if version.isdigit() else "<another one>"
