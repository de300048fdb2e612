"""An endpoint's folder in specs/: Azure ML CLI v2 files, told apart by `$schema`.

The folder's name is the endpoint's. A deployment names its model and environment as
`azureml:NAME:VERSION`, and the file in the folder that declares this name and version
is what gets registered.
"""

import copy
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import suggestions
from ops.errors import InvalidSpec, NotFound, OpsError
from ops.settings import ROOT, Stage, shown, specs_directory
from ops.yaml_file import read_yaml

KINDS = {  # the schema file's name in its URL -> what the file describes
    "model.schema.json": "model",
    "environment.schema.json": "environment",
    "managedOnlineEndpoint.schema.json": "endpoint",
    "managedOnlineDeployment.schema.json": "deployment",
}
OURS = ("autoscale", "rollout", "slo", "conda")  # and rollout-night.yaml, and so on
REFERENCE = re.compile(r"azureml:([^:@/]+):([^:@/]+)")
LATEST = re.compile(r"azureml:([^:@/]+)@latest")


@dataclass(frozen=True, kw_only=True)
class SpecFile:
    """One CLI v2 file."""

    path: Path
    kind: str  # model, environment, endpoint, deployment
    data: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.data.get("name", ""))

    @property
    def version(self) -> str:
        return str(self.data.get("version", ""))

    @property
    def shown(self) -> str:
        return shown(self.path)

    def file(self, *keys: str) -> Path | None:
        """The path a field names, from the file's own folder; None for no such field.

        A field may hold a reference (azureml:..., a URL) instead of a path.
        """
        value: Any = self.data
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, str) or ":" in value:
            return None
        return (self.path.parent / value).resolve()


@dataclass(frozen=True, kw_only=True)
class EndpointSpec:
    """All files of one endpoint."""

    folder: Path
    endpoint: SpecFile
    deployments: dict[str, SpecFile]  # by name
    models: dict[tuple[str, str], SpecFile]  # by name and version
    environments: dict[tuple[str, str], SpecFile]

    def deployment(self, name: str) -> SpecFile:
        if name not in self.deployments:
            names = ", ".join(self.deployments) or "none"
            raise NotFound(
                f"No file in {shown(self.folder)} describes a deployment {name!r} "
                f"(there are: {names}).",
                *suggestions.remedies(
                    name,
                    self.deployments,
                    *(
                        f"invoke deploy --deployment {each}"
                        for each in self.deployments
                    ),
                ),
            )
        return self.deployments[name]

    def model_of(self, deployment: SpecFile) -> SpecFile | None:
        """The file that registers a deployment's model; None for one kept elsewhere."""
        return self.models.get(reference(deployment.data.get("model")))

    def environment_of(self, deployment: SpecFile) -> SpecFile | None:
        return self.environments.get(reference(deployment.data.get("environment")))


def names() -> list[str]:
    """The endpoints that have a folder."""
    folders = (path.parent for path in specs_directory().glob("*/endpoint.y*ml"))
    return sorted(folder.name for folder in folders)


def deployments(endpoint: str) -> list[str]:
    """The deployments that an endpoint's files describe, as far as they can be read."""
    try:
        return list(load(endpoint).deployments)
    except OpsError:
        return []


def first_deploy(endpoint: str) -> str:
    """The command that makes its first deployment."""
    known = deployments(endpoint)
    usual = not known or "blue" in known  # what the verb takes if nothing is said
    return "invoke deploy" if usual else f"invoke deploy --deployment {known[0]}"


def require(endpoint: str) -> Path:
    """The folder of an endpoint; raise NotFound with those there are."""
    folder = specs_directory() / endpoint
    if endpoint in names():
        return folder
    known = ", ".join(names()) or "none"
    new = f"mkdir {shown(folder)}   # and an endpoint.yaml in it"
    raise NotFound(
        f"There is no endpoint {endpoint!r} in {shown(specs_directory())} "
        f"(there are: {known}).",
        *suggestions.remedies(endpoint, names(), new),
    )


def missing(path: Path, what: str) -> NotFound:
    """That a file of an endpoint is not there, and another's to begin with."""
    endpoint = path.parent.name
    if endpoint not in names() and suggestions.near(endpoint, names()):
        require(endpoint)
    others = [*specs_directory().glob("*/*.yaml"), *(ROOT / "specs").glob("*/*.yaml")]
    like = [each for each in others if each.name == path.name]
    copies = (f"cp {shown(each)} {shown(path)}" for each in like[:1])
    return NotFound(f"{shown(path)} does not exist: nothing says {what}.", *copies)


def load(endpoint: str, stage: Stage | None = None) -> EndpointSpec:
    """Read specs/<endpoint>/ with the stage's overrides; raise all its problems."""
    folder = require(endpoint)
    problems: list[str] = []
    files = list(_files(folder, problems))
    spec = _assemble(folder, files, problems)
    if problems:
        raise InvalidSpec(problems)
    return override(spec, stage) if stage else spec


def override(spec: EndpointSpec, stage: Stage) -> EndpointSpec:
    """The spec with the fields that a stage sets in its deployment files."""
    unknown = [
        f"{shown(stage.path)}: overrides: {name}: must hold fields and their values"
        for name, fields in stage.overrides.items()
        if not isinstance(fields, dict)
    ]
    if unknown:
        raise InvalidSpec(unknown)
    changed = {}
    for name, file in spec.deployments.items():
        data = copy.deepcopy(file.data)
        for key in ("*", name):
            data = _merge(data, stage.overrides.get(key, {}))
        changed[name] = SpecFile(path=file.path, kind=file.kind, data=data)
    return EndpointSpec(**{**vars(spec), "deployments": changed})


def reference(value: Any) -> tuple[str, str]:
    """("iris", "1") for "azureml:iris:1"; ("", "") for what isn't such a reference."""
    match = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return (match[1], match[2]) if match else ("", "")


def latest_of(value: Any) -> str:
    """ "iris" for "azureml:iris@latest"; "" for what isn't such a label."""
    match = LATEST.fullmatch(value) if isinstance(value, str) else None
    return match[1] if match else ""


def fingerprint(*parts: Any) -> str:
    """A short hash of JSON-like values, the same for the same content."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _files(folder: Path, problems: list[str]) -> Iterator[SpecFile]:
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if path.stem.partition("-")[0] in OURS:
            continue
        try:
            data = read_yaml(path)
        except InvalidSpec as error:
            problems += error.problems
            continue
        schema = str(data.get("$schema", ""))
        kind = KINDS.get(schema.rsplit("/", 1)[-1])
        if kind is None:
            problems.append(f"{shown(path)}: $schema: {_unknown(schema)}")
            continue
        yield SpecFile(path=path, kind=kind, data=data)


def _unknown(schema: str) -> str:
    """What is wrong with a file of no known kind, and how kinds are told apart."""
    known = f"it must end in one of: {', '.join(KINDS)}"
    if schema:
        return f"{schema!r} is not known ({known})"
    names = ", ".join(f"{name}.yaml" for name in OURS)
    return (
        f"missing ({known}); files without one are told by their names: {names}, or "
        "one with more behind a hyphen, such as rollout-night.yaml"
    )


def _assemble(folder: Path, files: list[SpecFile], problems: list[str]) -> EndpointSpec:
    seen: dict[tuple[str, str, str], SpecFile] = {}
    for file in files:
        key = (file.kind, file.name, file.version)
        if file.kind == "endpoint":
            key = ("endpoint", "", "")
        if key in seen:
            problems.append(f"{file.shown}: describes what {seen[key].shown} does too")
        seen[key] = file
    endpoint = seen.get(("endpoint", "", ""))
    if endpoint is None:
        problems.append(f"{shown(folder)}: no file has the endpoint's $schema")
        endpoint = SpecFile(path=folder, kind="endpoint", data={})
    elif endpoint.name != folder.name:
        problems.append(
            f"{endpoint.shown}: name: {endpoint.name!r} must be the folder's name, "
            f"{folder.name!r}"
        )
    return EndpointSpec(
        folder=folder,
        endpoint=endpoint,
        deployments={f.name: f for f in files if f.kind == "deployment"},
        models={(f.name, f.version): f for f in files if f.kind == "model"},
        environments={(f.name, f.version): f for f in files if f.kind == "environment"},
    )


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merge(old, value) if both else value  # type: ignore[arg-type]
    return merged
