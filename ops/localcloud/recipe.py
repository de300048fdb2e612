"""What a deployment asks for, read from its resource and the assets that it names."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from ops.localcloud.records import Resource

DURATION = re.compile(
    r"P(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?"
    r"(?:(?P<minutes>\d+(?:\.\d+)?)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
# Names that the engines turn into folders; Azure allows no more in asset names.
ASSET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class CannotDeploy(Exception):
    """Why a deployment fails: one of Azure's codes and a message for its operation."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def error(self) -> dict[str, Any]:
        """The error of an operation, as Azure's envelope carries it."""
        return {"code": self.code, "message": self.message, "details": []}


@dataclass(frozen=True, kw_only=True)
class Probe:
    """When an instance is asked for GET /, and how many answers count. Seconds."""

    initial_delay: float
    period: float
    timeout: float
    failure_threshold: int
    success_threshold: int

    @property
    def window(self) -> float:
        """How many seconds after its start an instance may still fail this probe."""
        return self.initial_delay + self.period * self.failure_threshold


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that makes one template of instances: another value is another template."""

    model_name: str | None
    model_version: str | None
    model_uri: str | None
    code_uri: str
    script: str
    conda_file: str
    variables: dict[str, str]
    probes: dict[str, dict[str, Any]]  # "startup", "readiness", "liveness", as asked

    @property
    def fingerprint(self) -> str:
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def assets(deployment: Resource) -> dict[str, str]:
    """The ids of the assets that a deployment names: "model", "code", "environment"."""
    properties = deployment.properties
    ids = {
        "model": properties.get("model"),
        "code": (properties.get("codeConfiguration") or {}).get("codeId"),
        "environment": properties.get("environmentId"),
    }
    return {kind: id_ for kind, id_ in ids.items() if id_}


def recipe(deployment: Resource, found: dict[str, Resource | None]) -> Recipe:
    """Join a deployment with its assets; CannotDeploy says what is missing of them."""
    named = assets(deployment)
    for kind, id_ in named.items():
        if found.get(kind) is None:
            raise CannotDeploy("ResourceNotFound", f"The {kind} {id_} was not found.")
    model, code, environment = (found.get(k) for k in ("model", "code", "environment"))
    if code is None:
        raise CannotDeploy(
            "BadArgument",
            "The deployment has no code_configuration: only deployments with a "
            "scoring script of their own can run here.",
        )
    if environment is None:
        raise CannotDeploy("BadArgument", "The deployment names no environment.")
    properties = deployment.properties
    settings = properties.get("requestSettings") or {}
    seconds(settings.get("requestTimeout") or "PT5S")  # refuses what is none
    return Recipe(
        model_name=_part(model, -3),
        model_version=_part(model, -1),
        model_uri=str(model.properties.get("modelUri")) if model else None,
        code_uri=str(code.properties.get("codeUri")),
        script=script_name(properties["codeConfiguration"].get("scoringScript")),
        conda_file=conda_file(environment),
        variables=variables(properties.get("environmentVariables") or {}),
        probes=probes(properties),
    )


def _part(asset: Resource | None, position: int) -> str | None:
    """A part of an asset's id, in the case that it was registered with."""
    return str(asset.body["id"]).split("/")[position] if asset else None


def script_name(wire: object) -> str:
    if not isinstance(wire, str) or not wire or "\0" in wire:
        raise CannotDeploy("BadArgument", f"{wire!r} is not a scoring script's name.")
    return wire


def probes(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A deployment's probes as it asks for them, all of which can be read."""
    asked = {
        kind: properties[f"{kind}Probe"]
        for kind in ("startup", "readiness", "liveness")
        if properties.get(f"{kind}Probe")
    }
    for wire in asked.values():
        probe(wire)
    return asked


def variables(wire: dict[str, Any]) -> dict[str, str]:
    """A deployment's environment variables, if a process can be given them."""
    for name, value in wire.items():
        if not VARIABLE_NAME.fullmatch(name) or "\0" in str(value):
            raise CannotDeploy(
                "BadArgument", f"{name!r} can't be set as an environment variable."
            )
    return {name: str(value) for name, value in wire.items()}


def conda_file(environment: Resource) -> str:
    """The conda file of an environment; without one there is nothing to build from."""
    name = f"The environment {_part(environment, -3)}:{_part(environment, -1)}"
    if environment.properties.get("build"):
        raise CannotDeploy(
            "ImageBuildFailure",
            f"{name} is built from a Dockerfile, and there is no Docker "
            "engine here: give the environment a conda file.",
        )
    text = environment.properties.get("condaFile")
    if not text:
        raise CannotDeploy(
            "ImageBuildFailure",
            f"{name} is an image without a conda file, and there is no "
            "Docker engine here: give the environment a conda file.",
        )
    return str(text)


def probe(wire: dict[str, Any]) -> Probe:
    """A probe as ARM writes it; what it leaves out is Azure's default."""
    return Probe(
        initial_delay=seconds(wire.get("initialDelay") or "PT10S"),
        period=max(seconds(wire.get("period") or "PT10S"), 0.1),
        timeout=max(seconds(wire.get("timeout") or "PT2S"), 0.1),
        failure_threshold=max(int(wire.get("failureThreshold") or 30), 1),
        success_threshold=max(int(wire.get("successThreshold") or 1), 1),
    )


def seconds(duration: str) -> float:
    """Seconds of an ISO 8601 duration such as PT1M30S."""
    match = DURATION.fullmatch(duration)
    if match is None or duration in {"P", "PT"}:
        raise CannotDeploy("BadArgument", f"{duration!r} is not an ISO 8601 duration.")
    parts = {name: float(value or 0) for name, value in match.groupdict().items()}
    return (
        parts["days"] * 86400
        + parts["hours"] * 3600
        + parts["minutes"] * 60
        + parts["seconds"]
    )
