"""The baseline that travels with a model: how each column was spread in training.

`baseline.json` lies beside the model. Of each feature and of each class's score it has
`cells`: `edges`, and between them `counts` and `means` of the rows, the first and the
last cell outside of what training saw; of the predictions how often each came.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.endpoints import Deployment
from ops.errors import InvalidSpec, NotFound, Refused
from ops.settings import shown, trains
from ops.specs import EndpointSpec, SpecFile, reference

FILE = "baseline.json"
MOST_EDGES = 11  # as many as drift.kql has columns for
MOST_COLUMNS = 150  # of one query, whose text may have 100,000 characters
PREDICTION = "prediction"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One feature, one class's score, or the predictions, as training had them."""

    name: str
    kind: str  # feature, score or prediction
    edges: tuple[float, ...]
    counts: tuple[int, ...]  # one more than edges
    means: tuple[float, ...]
    deviation: float = 1.0
    labels: tuple[str, ...] = ()  # of the cells; none where they are ranges

    @property
    def ordered(self) -> bool:
        return not self.labels

    @property
    def rows(self) -> int:
        return sum(self.counts)

    def cell(self, index: int) -> str:
        """A cell as a person says it."""
        if self.labels:
            return self.labels[index]
        if index == 0:
            return f"below {self.edges[0]:.4g}"
        if index == len(self.edges):
            return f"above {self.edges[-1]:.4g}"
        return f"{self.edges[index - 1]:.4g} to {self.edges[index]:.4g}"


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """All columns of one version of a model, as the scoring script logs them."""

    model: str
    version: str
    columns: tuple[Column, ...]
    classes: tuple[str, ...]
    path: Path

    @property
    def features(self) -> tuple[Column, ...]:
        return tuple(each for each in self.columns if each.kind == "feature")

    @property
    def scores(self) -> tuple[Column, ...]:
        return tuple(each for each in self.columns if each.kind == "score")


def of(spec: EndpointSpec, deployment: Deployment) -> Baseline:
    """The baseline of the model that a deployment serves now; refuse any other."""
    name, _, version = deployment.model.partition(":")
    file = spec.models.get((name, version))
    if file is None:
        there = ", ".join(":".join(key) for key in spec.models) or "none"
        raise Refused(
            f"{deployment.name} serves {deployment.model or 'no model'}, and no file "
            f"in {shown(spec.folder)} registers that (there are: {there}): drift can't "
            "be measured against the baseline of another version.",
            f"invoke deploy --deployment {deployment.name}   # what the files say",
            "git log -- specs   # for the files it was deployed from",
        )
    return beside(file, deployment.name)


def in_files(spec: EndpointSpec) -> dict[str, Baseline]:
    """The baseline of each deployment's model, as the files of an endpoint say."""
    found = {}
    for name, deployment in spec.deployments.items():
        file = spec.models.get(reference(deployment.data.get("model")))
        if file is not None:
            found[name] = beside(file, name)
    return found


def beside(file: SpecFile, deployment: str) -> Baseline:
    """What lies beside a registered model; refuse what is of another version."""
    folder = file.file("path")
    path = (folder if folder and folder.is_dir() else file.path.parent) / FILE
    if not path.is_file():
        raise NotFound(
            f"{shown(path)} does not exist: there is nothing to measure drift of "
            f"{deployment} against.",
            *trains(path),
            f"invoke drift --against {deployment}   # one deployment against another",
        )
    found = read(path)
    if (found.model, found.version) != (file.name, file.version):
        raise Refused(
            f"{shown(path)} is the baseline of {found.model}:{found.version}, but "
            f"{deployment} serves {file.name}:{file.version}.",
            *trains(path, "   # writes each version's own"),
        )
    return found


def read(path: Path) -> Baseline:
    """Read a baseline; raise InvalidSpec with all that is wrong with it."""
    try:
        data = json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidSpec([f"{shown(path)}: not JSON: {error}"]) from None
    problems = [f"{shown(path)}: {each}" for each in _problems(data)]
    if problems:
        raise InvalidSpec(problems, *trains(path, "   # writes it anew"))
    counts = data.get("predictions") or {}
    columns = [*_predictions(counts)]
    columns += [
        _column(f"p({n})", "score", d) for n, d in (data.get("scores") or {}).items()
    ]
    columns += [_column(n, "feature", d) for n, d in data["features"].items()]
    return Baseline(
        model=data["model"],
        version=data["version"],
        columns=tuple(columns),
        classes=tuple(counts),
        path=path,
    )


def _predictions(counts: dict[str, int]) -> Iterator[Column]:
    if not counts:
        return
    # An unknown label is place -1, and so in the first cell.
    yield Column(
        name=PREDICTION,
        kind="prediction",
        edges=tuple(index - 0.5 for index in range(len(counts))),
        counts=(0, *counts.values()),
        means=tuple(float(index - 1) for index in range(len(counts) + 1)),
        labels=("any other label", *counts),
    )


def _column(name: str, kind: str, data: dict[str, Any]) -> Column:
    cells = data["cells"]
    return Column(
        name=name,
        kind=kind,
        edges=tuple(cells["edges"]),
        counts=tuple(cells["counts"]),
        means=tuple(cells["means"]),
        deviation=float(data["std"]),
    )


def _problems(data: Any) -> Iterator[str]:
    if not isinstance(data, dict):
        yield "must be an object"
        return
    for key in ("model", "version"):
        if not isinstance(data.get(key), str):
            yield f"{key}: must be text"
    features = data.get("features")
    if not isinstance(features, dict) or not features:
        yield "features: must hold at least one feature"
        features = {}
    scores, predictions = data.get("scores") or {}, data.get("predictions") or {}
    if len(predictions) > MOST_EDGES:
        yield f"predictions: at most {MOST_EDGES} labels, has {len(predictions)}"
    if len(features) + len(scores) + 1 > MOST_COLUMNS:
        yield f"features: at most {MOST_COLUMNS} columns can be asked for at once"
    for kind, columns in (("features", features), ("scores", scores)):
        for name, column in columns.items():
            if problem := _cell_problem(column):
                yield f"{kind}.{name}: {problem}"


def _cell_problem(column: Any) -> str | None:
    cells = column.get("cells") if isinstance(column, dict) else None
    if not isinstance(cells, dict) or not isinstance(column.get("std"), int | float):
        return "must have std and cells"
    edges, counts, means = (cells.get(key) for key in ("edges", "counts", "means"))
    if not (
        isinstance(edges, list) and isinstance(counts, list) and isinstance(means, list)
    ):
        return "cells must have edges, counts and means"
    if not 2 <= len(edges) <= MOST_EDGES or edges != sorted(set(edges)):
        return f"cells.edges must be 2 to {MOST_EDGES} rising numbers"
    if not len(counts) == len(means) == len(edges) + 1:
        return "cells.counts and cells.means must be one more than cells.edges"
    if sum(counts) == 0:
        return "cells.counts must hold rows"
    return None
