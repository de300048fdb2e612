"""A conda file: which Python and which pip packages an environment asks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops.errors import NotFound
from ops.script import normal
from ops.settings import shown
from ops.specs import SpecFile
from ops.yaml_file import parse_any, read_text

SERVER = "azureml-inference-server-http"


@dataclass(frozen=True, kw_only=True)
class Conda:
    """What a conda file asks for, and what is wrong with it."""

    python: str  # "3.11", ">=3.11,<3.14"; "" when it names none
    pins: dict[str, str]  # normalised package name -> its exact version, "" if open
    problems: list[str]

    @property
    def packages(self) -> set[str]:
        return set(self.pins)


def load(file: SpecFile) -> Any:
    """The parsed conda file of an environment, inline or beside it, or None."""
    value = file.data.get("conda_file")
    path = file.file("conda_file")
    if path is None:
        return value
    try:
        return parse_any(read_text(path), shown(path))
    except NotFound:
        raise NotFound(
            f"{file.shown}: conda_file: {value} does not exist or can't be read."
        ) from None


def read(data: Any) -> Conda:
    """Understand a parsed conda file; what can't be is a problem, not an error."""
    problems: list[str] = []
    pins: dict[str, str] = {}
    python = ""
    if not isinstance(data, dict) or not isinstance(data.get("dependencies"), list):
        return Conda(python="", pins={}, problems=["has no list of dependencies"])
    for entry in data["dependencies"]:
        if isinstance(entry, dict) and isinstance(entry.get("pip"), list):
            for requirement in entry["pip"]:
                pins.update(_pip(requirement, problems))
        elif isinstance(entry, str):
            name, version = _conda_entry(entry)
            if name == "python":
                python = version
            elif name != "pip":
                pins[name] = version.lstrip("=") if "==" in version else ""
        else:
            problems.append(f"dependencies: {entry!r} is neither a package nor pip's")
    problems += list(_gaps(data, python, pins))
    return Conda(python=python, pins=pins, problems=problems)


def mismatches(conda: Conda, needed: dict[str, str]) -> Iterator[str]:
    """Where the environment differs from the versions a model was made with."""
    for package, version in sorted(needed.items()):
        name = normal(package)
        if name not in conda.pins:
            yield f"the model needs {package} {version}, which is not installed"
        elif conda.pins[name] and conda.pins[name] != version:
            yield (
                f"the model was made with {package} {version}, but "
                f"{conda.pins[name]} is installed"
            )


def _pip(requirement: Any, problems: list[str]) -> dict[str, str]:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        parsed = Requirement(str(requirement))
    except InvalidRequirement:
        problems.append(f"pip: {requirement!r} is not a package requirement")
        return {}
    if parsed.url:
        problems.append(f"pip: {requirement!r} names an address, not a package")
        return {}
    exact = [s.version for s in parsed.specifier if s.operator == "=="]
    return {normal(parsed.name): exact[0] if len(exact) == 1 else ""}


def _conda_entry(entry: str) -> tuple[str, str]:
    """("python", "3.11") for "python=3.11"; a channel prefix is left out."""
    entry = entry.split("::")[-1].strip()
    for position, letter in enumerate(entry):
        if letter in "=<>!~ ":
            name, version = entry[:position], entry[position:].strip()
            return normal(name), version.lstrip("=") if version[0] == "=" else version
    return normal(entry), ""


def _gaps(data: dict[str, Any], python: str, pins: dict[str, str]) -> Iterator[str]:
    if not python:
        yield "dependencies: names no python version"
    if SERVER not in pins:
        yield f"dependencies: pip: lacks {SERVER}, which serves the script"
