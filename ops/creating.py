"""azure.ai.ml from the inside: files to entities, and its errors to ours.

The SDK is imported inside the functions: it takes seconds, and only creating needs it.
"""

import difflib
import inspect
import io
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from ops.errors import InvalidSpec, ServiceError
from ops.pipeline import refused
from ops.refusals import plain
from ops.specs import SpecFile
from ops.yaml_file import read_yaml


@dataclass(frozen=True, kw_only=True)
class Step:
    """One of the four steps of a deploy: what it would do, and why."""

    kind: str  # model, environment, endpoint, deployment
    target: str  # "iris:1", "iris", "blue"
    action: str  # create, update, skip
    reason: str


CURRENT_CLOUD = "AZUREML_CURRENT_CLOUD"
LOADERS = {
    "model": "load_model",
    "environment": "load_environment",
    "endpoint": "load_online_endpoint",
    "deployment": "load_online_deployment",
}
MAKERS = (
    "CodeConfiguration",
    "Environment",
    "ManagedOnlineDeployment",
    "ManagedOnlineEndpoint",
    "Model",
    "OnlineRequestSettings",
    "ProbeSettings",
)


def entity(file: SpecFile) -> Any:
    """The SDK's entity for a file, checked by the SDK's own schema.

    Raises InvalidSpec naming the file and the fields.
    """
    _forget_other_clouds()
    from azure.ai import ml
    from azure.ai.ml.exceptions import MlException
    from marshmallow.exceptions import ValidationError

    changed = [
        {key: value} for key, value in file.data.items() if value != _raw(file).get(key)
    ]
    try:
        with quiet():
            load = getattr(ml, LOADERS[file.kind])
            return load(str(file.path), params_override=changed)
    except ValidationError as error:
        raise InvalidSpec(_mistakes(file, error)) from None
    except MlException as error:
        raise InvalidSpec([f"{file.shown}: {plain(str(error.message))}"]) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The SDK's schema trips over shapes that it did not think of.
        raise InvalidSpec(
            [f"{file.shown}: azure.ai.ml can't read it: {error}"]
        ) from None


@contextmanager
def creating(what: str) -> Iterator[None]:
    """Around calls of the SDK that create: quiet, its refusals as ours."""
    from azure.ai.ml.exceptions import MlException

    try:
        with refused(), quiet():
            yield
    except MlException as error:
        raise ServiceError(
            f"{what} can't be created: {plain(str(error.message))}", "invoke validate"
        ) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the SDK's dots, colours and advertisements off the terminal."""
    said = io.StringIO()
    logging.disable(logging.WARNING)  # some of its loggers hold on to the real stderr
    try:
        with warnings.catch_warnings(), redirect_stdout(said), redirect_stderr(said):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _forget_other_clouds() -> None:
    """Take back what an MLClient of another localcloud left to us, its child process.

    It names a cloud that is unknown here, and the SDK can't be imported with it.
    """
    left = os.environ.get(CURRENT_CLOUD, "").startswith("azlocal")
    if left and "azure.ai.ml" not in sys.modules:
        del os.environ[CURRENT_CLOUD]


def _raw(file: SpecFile) -> dict[str, Any]:
    return read_yaml(file.path)


def _mistakes(file: SpecFile, error: Any) -> list[str]:
    """`instance_count: Not a valid integer.`, line by line, out of the SDK's paragraph.

    It holds a JSON object of fields, nested as they are in the file.
    """
    text = plain(str(error))
    match = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        told = json.loads(match[0]) if match else None
    except ValueError:
        told = None
    if told is None:
        return [f"{file.shown}: {' '.join(text.split())}"]
    return [f"{file.shown}: {field}: {text}" for field, text in _leaves(told, "")]


def _leaves(told: Any, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(told, dict):
        for key, inner in told.items():
            yield from _leaves(inner, f"{at}.{key}" if at else key)
    elif isinstance(told, list):
        for inner in told:
            yield from _leaves(inner, at)
    elif told == "Unknown field.":
        yield at, f"unknown key{_hint(at.rpartition('.')[2])}"
    else:
        yield at, str(told)


def _hint(key: str) -> str:
    """The nearest key that azure.ai.ml's own constructors take."""
    from azure.ai.ml import entities

    makers = [getattr(entities, name) for name in MAKERS]
    known = {word for maker in makers for word in inspect.signature(maker).parameters}
    near = difflib.get_close_matches(key, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
