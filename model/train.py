"""Train the two versions of the iris model, and record what serving them needs.

Each version is a folder that is registered whole: `model.onnx` and beside it the
input schema, a sample request, the baseline that drift is measured against, and the
versions of everything that made it.

Why ONNX, of three formats measured by `benchmarks/formats.py`: a joblib file is a
pickle, so loading one runs whatever its author liked. skops refuses types it does not
know but needs scikit-learn at scoring, as joblib does, and of the version that
trained. An ONNX file is data for a runtime: no code of its author runs, it reads no
file outside its folder, it loads 8 times as fast as joblib and answers a row 20 times
as fast. The worst that a bad one can do is to never finish a request.
"""

import hashlib
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

MODEL = "iris"
OUT = Path(__file__).parent / MODEL
SEED = 7
OPSET = 21  # of ONNX itself; that of ai.onnx.ml follows from the estimator
FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
UNIT = "cm"
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
FEATURE_BINS = 10
SCORE_BINS = 20
CELLS = 10  # of about as many rows each, between the least and the greatest value

# Version 1 serves as blue, version 2 as green.
SETTINGS: dict[str, dict[str, Any]] = {
    "1": {"estimator": "LogisticRegression", "scaled": True, "C": 1.0},
    "2": {"estimator": "LinearDiscriminantAnalysis", "solver": "svd"},
}
TRAINED_WITH = ("numpy", "scipy", "scikit-learn", "skl2onnx", "onnx")
# The export is compared with scikit-learn on exactly this runtime.
SCORED_WITH = ("onnxruntime",)
RECORD = "versions.json"
TOLERANCE = 1e-4  # float32 in ONNX against float64 in scikit-learn


def train(out: Path = OUT) -> dict[str, dict[str, float]]:
    """Write every version below `out` and return their cross-validated metrics.

    The same libraries write the same bytes, so training again changes no file.
    """
    from sklearn.datasets import load_iris

    iris = load_iris()
    classes = [str(name) for name in iris.target_names]
    metrics = {}
    for number, settings in SETTINGS.items():
        estimator = build(settings)
        metrics[number] = cross_validate(estimator, iris.data, iris.target)
        estimator.fit(iris.data, iris.target)
        onnx = export(estimator, iris.data)
        scores = score(onnx, iris.data)
        files = {
            "model.onnx": onnx,
            "schema.json": encode(schema(number, iris.data, classes)),
            "sample_request.json": encode(sample_request(iris.data)),
            "sample_requests.jsonl": sample_requests(iris.data),
            "baseline.json": encode(baseline(number, iris.data, scores, classes)),
        }
        files[RECORD] = encode(record(number, settings, metrics[number], files))
        for name, content in files.items():
            write(out / number / name, content)
    return metrics


def stale(out: Path = OUT) -> str | None:
    """Say why `out` must be trained again, or None; imports no training library."""
    for number in SETTINGS:
        if reason := stale_version(out / number):
            return f"version {number}: {reason}"
    return None


def stale_version(folder: Path) -> str | None:
    try:
        recorded = json.loads((folder / RECORD).read_bytes())
        files = dict(recorded["files_sha256"])
        made_by = recorded["train_py_sha256"]
        libraries = {**recorded["training"], **recorded["scoring"]}
    except FileNotFoundError:
        return "never trained"
    except (ValueError, KeyError, TypeError):
        return f"{RECORD} cannot be read"
    if made_by != sha256(Path(__file__).read_bytes()):
        return "model/train.py has changed since"
    for name, now in {**training_versions(), **scoring_versions()}.items():
        if libraries.get(name) != now:
            return f"trained with {name} {libraries.get(name)}, now {now}"
    for name, digest in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if sha256(path.read_bytes()) != digest:
            return f"{name} is not what training wrote"
    return None


def build(settings: dict[str, Any]) -> Any:
    """An unfitted estimator; blue shrinks its weights, green fits class means."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if settings["estimator"] == "LogisticRegression":
        return make_pipeline(StandardScaler(), LogisticRegression(C=settings["C"]))
    return LinearDiscriminantAnalysis(solver=settings["solver"])


def cross_validate(estimator: Any, rows: Any, target: Any) -> dict[str, float]:
    """Mean log loss (nats) and accuracy on 20 held-out fifths of the data."""
    from sklearn import model_selection

    folds = model_selection.RepeatedStratifiedKFold(
        n_splits=5, n_repeats=4, random_state=SEED
    )
    found = model_selection.cross_validate(
        estimator, rows, target, cv=folds, scoring=("neg_log_loss", "accuracy")
    )
    return {
        "log_loss": rounded(-found["test_neg_log_loss"].mean()),
        "accuracy": rounded(found["test_accuracy"].mean()),
        "folds": len(found["test_accuracy"]),
    }


def export(estimator: Any, rows: Any) -> bytes:
    """The fitted estimator as ONNX bytes, proved to give scikit-learn's own scores."""
    import numpy as np
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    # Without a name of its own the graph gets a random one, and the bytes differ.
    # Without zipmap the probabilities are one matrix instead of a dict for each row.
    onnx = convert_sklearn(
        estimator,
        name=MODEL,
        initial_types=[("features", FloatTensorType([None, len(FEATURES)]))],
        options={"zipmap": False},
        target_opset=OPSET,
    )
    # skl2onnx states the default opset twice.
    wanted = {entry.domain: entry.version for entry in onnx.opset_import}
    del onnx.opset_import[:]
    for domain, number in sorted(wanted.items()):
        onnx.opset_import.add(domain=domain, version=number)
    content: bytes = onnx.SerializeToString(deterministic=True)
    difference = np.abs(score(content, rows) - estimator.predict_proba(rows)).max()
    if difference > TOLERANCE:
        raise ValueError(f"the ONNX export is off by {difference:.2g}")
    return content


def opsets(onnx: bytes) -> dict[str, int]:
    """The version of each operator set that a model uses, by domain."""
    from onnx import load_from_string

    model = load_from_string(onnx)
    return {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}


def score(onnx: bytes, rows: Any) -> Any:
    """The class probabilities of rows, shape (rows, classes), as scoring computes."""
    import numpy as np

    # Read once, at the import; without it the runtime reports to its maker.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"features": rows.astype(np.float32)})[0]


def schema(number: str, rows: Any, classes: list[str]) -> dict[str, Any]:
    """What a request must look like; `seen` is what training saw, not a limit."""
    return {
        "model": MODEL,
        "version": number,
        "features": [
            {
                "name": name,
                "type": "number",
                "unit": UNIT,
                "seen": {"min": rounded(column.min()), "max": rounded(column.max())},
            }
            for name, column in zip(FEATURES, rows.T, strict=True)
        ],
        "classes": classes,
    }


def sample_request(rows: Any) -> dict[str, Any]:
    """One flower of each species, in the shape that clients send."""
    return {"data": rows[[0, 50, 100]].tolist()}


def sample_requests(rows: Any) -> bytes:
    """Every flower once, in no order, one request a line: traffic without any drift."""
    import numpy as np

    order = np.random.default_rng(SEED).permutation(len(rows))
    lines = (json.dumps({"data": [rows[index].tolist()]}) for index in order)
    return "".join(f"{line}\n" for line in lines).encode()


def baseline(number: str, rows: Any, scores: Any, classes: list[str]) -> dict[str, Any]:
    """How each feature and each class's score is spread over the training data."""
    features = zip(FEATURES, rows.T, strict=True)
    by_class = zip(classes, scores.T, strict=True)
    predicted = [int((scores.argmax(axis=1) == i).sum()) for i in range(len(classes))]
    return {
        "model": MODEL,
        "version": number,
        "features": {
            name: profile(column, FEATURE_BINS, (column.min(), column.max()))
            for name, column in features
        },
        "scores": {
            # As the scoring script logs them.
            name: profile(column.astype(float).round(6), SCORE_BINS, (0.0, 1.0))
            for name, column in by_class
        },
        "predictions": dict(zip(classes, predicted, strict=True)),
    }


def profile(column: Any, bins: int, limits: tuple[float, float]) -> dict[str, Any]:
    """Count, moments, quantiles and an equal-width histogram of one column."""
    import numpy as np

    # A float32 probability may be a hair above 1, and would fall out of the histogram.
    counts, edges = np.histogram(np.clip(column, *limits), bins=bins, range=limits)
    return {
        "count": len(column),
        "mean": rounded(column.mean()),
        "std": rounded(column.std(ddof=1)),
        "min": rounded(column.min()),
        "max": rounded(column.max()),
        "quantiles": {str(q): rounded(np.quantile(column, q)) for q in QUANTILES},
        "histogram": {
            "edges": [rounded(edge) for edge in edges],
            "counts": counts.tolist(),
        },
        "cells": cells(column),
    }


def cells(column: Any) -> dict[str, Any]:
    """How many rows lie between edges that split them evenly, and where on average.

    A row is in the cell whose number is how many edges it is above. The first and the
    last cell lie outside of what training saw, and are empty. Edges stand half way
    between two values, so that no value is on one.
    """
    import numpy as np

    values = np.unique(column)
    halves = (values[1:] + values[:-1]) / 2
    wanted = np.quantile(column, np.arange(1, CELLS) / CELLS)
    places = np.searchsorted(halves, wanted).clip(0, max(len(halves) - 1, 0))
    slack = max(values[-1] - values[0], 1.0) * 1e-5
    between = halves[np.unique(places)] if len(halves) else halves
    edges = np.array([values[0] - slack, *between, values[-1] + slack]).round(9)
    place = np.searchsorted(edges, column)
    within = [column[place == index].mean() for index in range(1, len(edges))]
    return {
        "edges": edges.tolist(),
        "counts": np.bincount(place, minlength=len(edges) + 1).tolist(),
        "means": [rounded(mean) for mean in (edges[0], *within, edges[-1])],
    }


def record(
    number: str,
    settings: dict[str, Any],
    metrics: dict[str, float],
    files: dict[str, bytes],
) -> dict[str, Any]:
    """What made this version, and under `scoring` what its conda file must pin."""
    return {
        "model": MODEL,
        "version": number,
        "settings": {**settings, "seed": SEED},
        "opset": opsets(files["model.onnx"]),
        "metrics": metrics,
        "training": training_versions(),
        "scoring": scoring_versions(),
        "train_py_sha256": sha256(Path(__file__).read_bytes()),
        "files_sha256": {name: sha256(content) for name, content in files.items()},
    }


def training_versions() -> dict[str, str]:
    libraries = {name: version(name) for name in TRAINED_WITH}
    return {"python": platform.python_version(), **libraries}


def scoring_versions() -> dict[str, str]:
    return {name: version(name) for name in SCORED_WITH}


def rounded(number: Any) -> float:
    return round(float(number), 6)


def encode(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that a reader never meets half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    os.replace(part, path)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    for number, found in train(folder).items():
        print(f"{folder / number}: {found}")
