"""The bodies that requests carry: of a file, or the sample that came with a model."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops import specs
from ops.errors import NotFound, UsageError
from ops.settings import shown, trains
from ops.specs import EndpointSpec

MOST_BYTES = 256 * 1024 * 1024  # all bodies of a file are held in memory
SAMPLE = "sample_request.json"
SAMPLES = "sample_requests.jsonl"  # many, as callers send them


def one(file: str | None, name: str, deployment: str | None) -> bytes:
    """The bytes of --file, or the sample request of an endpoint's model."""
    path = Path(file) if file else sample(specs.load(name), deployment)
    return _bytes(path)


def cycle(file: str | None, name: str, deployment: str | None) -> list[bytes]:
    """As one(); but of a .jsonl file each line, to be sent in turn.

    Without --file the sample requests that came with the model, if there are many.
    """
    many = None if file else _beside_model(specs.load(name), deployment, SAMPLES)
    file = str(many) if many else file
    body = one(file, name, deployment)
    if not file or Path(file).suffix != ".jsonl":
        return [body]
    lines = {at: line for at, line in enumerate(body.splitlines(), 1) if line.strip()}
    if not lines:
        raise UsageError(f"--file {file} holds no request.")
    if wrong := [str(at) for at, line in lines.items() if not _is_json(line)]:
        listed = ", ".join(wrong[:5]) + (" and more" if len(wrong) > 5 else "")
        raise UsageError(
            f"--file {file} must hold one JSON document a line; not JSON: {listed}."
        )
    return list(lines.values())


def sample(spec: EndpointSpec, deployment: str | None = None) -> Path:
    """sample_request.json beside the model that a deployment serves."""
    if path := _beside_model(spec, deployment, SAMPLE):
        return path
    models = [file.file("path") for file in spec.models.values()]
    raise NotFound(
        f"No model of {spec.folder.name} has a {SAMPLE} beside it.",
        *next(filter(None, map(trains, models)), ()),
        "invoke score --file request.json",
    )


def shifts(texts: Sequence[str]) -> dict[str, float]:
    """What --drift asks for: how far each named feature moves."""
    found: dict[str, float] = {}
    for text in texts:
        name, _, amount = text.partition("=")
        try:
            moved = float(amount)
        except ValueError:
            moved = float("nan")
        if not name or not abs(moved) < float("inf"):
            raise UsageError(f"--drift takes feature=+1.5, not {text!r}.")
        if name in found:
            raise UsageError(f"--drift {name} is given twice.")
        found[name] = moved
    return found


def features(name: str, deployment: str | None) -> list[str]:
    """The model's features in their order, by its schema.json; none without one."""
    path = _beside_model(specs.load(name), deployment, "schema.json")
    if path is None:
        return []
    return [str(each["name"]) for each in json.loads(_bytes(path))["features"]]


def drifted(body: bytes, shifts: Mapping[str, float], features: Sequence[str]) -> bytes:
    """The same request, the named features of every row moved.

    `features` names the columns of a request that doesn't do so itself.
    """
    document = _parsed(body)
    columns, rows = _table(document, features)
    if unknown := sorted(set(shifts) - set(columns)):
        known = ", ".join(columns) or "none: there is no schema.json beside the model"
        raise UsageError(
            f"--drift knows no feature {unknown[0]!r} (there are: {known})."
        )
    at = {columns.index(name): moved for name, moved in shifts.items()}
    for row in rows:
        for column, moved in at.items():
            _move(row, column, moved)
    return json.dumps(document).encode()


def _beside_model(spec: EndpointSpec, deployment: str | None, file: str) -> Path | None:
    chosen = [deployment] if deployment in spec.deployments else spec.deployments
    for name in chosen:
        model = spec.model_of(spec.deployments[str(name)])
        folder = model.file("path") if model else None
        if folder and (folder / file).is_file():
            return folder / file
    return None


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{shown(path)} is larger than 256 MiB.")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{shown(path)} can't be read: {error.strerror}.") from None


def _table(document: Any, features: Sequence[str]) -> tuple[list[str], list[Any]]:
    """The columns and rows of a request, in any of the shapes that clients send."""
    found, columns = document, features  # type: Any, Any
    if isinstance(document, dict):
        found = document.get("input_data", document.get("data"))
    if isinstance(found, dict):
        columns, found = found.get("columns"), found.get("data")
    if not isinstance(found, list) or not isinstance(columns, list):
        raise UsageError("--drift needs a request with rows below data or input_data.")
    return columns, found


def _move(row: Any, column: int, moved: float) -> None:
    number = row[column] if isinstance(row, list) and column < len(row) else None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise UsageError(f"--drift can't move {json.dumps(number)}: it is no number.")
    row[column] = round(number + moved, 9)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise UsageError("--drift can't move a request that is not JSON.") from None


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
