"""Reads a conda file, as far as a virtual environment can give what it asks for."""

import hashlib
import json
import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ops.localcloud.recipe import CannotDeploy

BUILDER = 1  # raise it when what is built from the same conda file changes
CONDA_PACKAGE = re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9_.-]+)\s*(.*)")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a conda file asks for, as far as pip can give it."""

    python: str  # a version specifier, "" for any
    requirements: tuple[str, ...]

    @property
    def key(self) -> str:
        wish = [self.python, sorted(self.requirements), version("uv"), BUILDER]
        return hashlib.sha256(json.dumps(wish).encode()).hexdigest()[:16]


def wish(conda_file: str) -> Wish:
    """Read a conda file; CannotDeploy names every entry that has no source here."""
    try:
        document = yaml.safe_load(conda_file)
    except (yaml.YAMLError, RecursionError) as error:
        raise CannotDeploy("ImageBuildFailure", f"The conda file: {error}") from None
    if not isinstance(document, dict):
        raise CannotDeploy("ImageBuildFailure", "The conda file is not a mapping.")
    python, requirements, problems = "", [], unknown_keys(document)
    for entry in document.get("dependencies") or []:
        try:
            match entry:
                case {"pip": pip} if len(entry) == 1:
                    requirements += [requirement(line) for line in pip or []]
                case str():
                    python = conda_package(entry) or python
                case dict() | list():  # its aliases may stand for millions of values
                    kind = "a mapping" if isinstance(entry, dict) else "a list"
                    raise ValueError(f"{kind} is not a dependency (but pip: [...])")
                case _:
                    raise ValueError(f"{entry!r} is not a dependency")
        except ValueError as problem:
            problems.append(str(problem))
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise CannotDeploy("ImageBuildFailure", f"The conda file is refused:{listed}")
    return Wish(python=python, requirements=tuple(requirements))


def unknown_keys(document: dict[str, Any]) -> list[str]:
    known = {"name", "channels", "dependencies", "prefix"}
    return [f"{key!r} is not supported" for key in document if key not in known]


def conda_package(entry: str) -> str | None:
    """The version specifier if `entry` is python; None for pip; ValueError else."""
    match = CONDA_PACKAGE.fullmatch(entry.strip())
    name = match[1].lower() if match else entry
    if match is None or name not in {"python", "pip"}:
        raise ValueError(f"{entry}: only pip packages can be installed here, not conda")
    if name == "pip":
        return None
    try:
        return str(SpecifierSet(python_specifier(match[2])))
    except InvalidSpecifier:
        raise ValueError(f"{entry}: not a version of Python") from None


def python_specifier(conda: str) -> str:
    """conda's `=3.11` (any 3.11) in the words of PEP 440: `==3.11.*`."""
    conda = conda.replace(" ", "")
    if match := re.fullmatch(r"={0,1}(\d+(?:\.\d+)*)(\.\*)?", conda):
        return f"=={match[1]}.*"
    return conda


def requirement(entry: object) -> str:
    """A pip entry, if it is a plain requirement on a package of the index.

    Options, URLs, paths and variables are refused: they would let a conda file read
    this machine's files or change where packages come from.
    """
    if not isinstance(entry, str):
        raise ValueError(f"{entry!r} is not a pip requirement")
    try:
        parsed = Requirement(entry)
    except InvalidRequirement:
        parsed = None
    if parsed is None or parsed.url:
        raise ValueError(f"{entry}: only plain requirements (name==version) are taken")
    return str(parsed)
