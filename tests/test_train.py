"""Training: the same bytes twice, a green that is better, and a record of it all."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from model import train

ROOT = Path(__file__).parents[1]
FILES = {
    *("baseline", "model", "sample_request", "sample_requests", "schema", "versions"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, home):
    return train_apart(tmp_path_factory.mktemp("trained"), home, hash_seed="1")


@pytest.fixture
def copy(trained, tmp_path):
    for path in files(trained):
        train.write(tmp_path / path.relative_to(trained), path.read_bytes())
    return tmp_path


def train_apart(out, home, *, hash_seed):
    """Train in a process of its own, as `python model/train.py` does."""
    own = {"PYTHONHASHSEED": hash_seed, "HOME": home, "XDG_CACHE_HOME": home}
    environment = {**os.environ, **own}
    command = [sys.executable, ROOT / "model/train.py", out]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    return out


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def read(folder, number, name):
    return json.loads((folder / number / f"{name}.json").read_bytes())


def test_training_twice_writes_the_same_bytes(trained, home, tmp_path):
    again = train_apart(tmp_path, home, hash_seed="2")

    first, second = files(trained), files(again)
    assert {path.stem for path in first} == FILES
    assert [path.read_bytes() for path in first] == [p.read_bytes() for p in second]


def test_green_is_better_on_nearly_every_held_out_fold():
    from sklearn.datasets import load_iris
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    rows, target = load_iris(return_X_y=True)
    # Not the folds that training reports on.
    folds = StratifiedKFold(n_splits=10, shuffle=True, random_state=99)
    blue, green = (
        -cross_val_score(
            train.build(settings), rows, target, cv=folds, scoring="neg_log_loss"
        )
        for settings in train.SETTINGS.values()
    )

    assert green.mean() < blue.mean() / 2
    assert (green < blue).sum() >= 9


def test_the_recorded_metrics_say_so_too(trained):
    blue, green = (read(trained, n, "versions")["metrics"] for n in "12")

    assert green["log_loss"] < blue["log_loss"] / 2
    assert green["accuracy"] > blue["accuracy"]


@pytest.mark.parametrize("number", ["1", "2"])
@pytest.mark.parametrize("kind", ["features", "scores"])
def test_the_baseline_counts_every_row_once(trained, number, kind):
    profiles = read(trained, number, "baseline")[kind].values()

    for profile in profiles:
        histogram = profile["histogram"]
        assert profile["count"] == sum(histogram["counts"]) == 150
        assert len(histogram["edges"]) == len(histogram["counts"]) + 1
        assert histogram["edges"] == sorted(set(histogram["edges"]))
        quantiles = list(profile["quantiles"].values())
        assert quantiles == sorted(quantiles)
        assert profile["min"] <= quantiles[0] <= quantiles[-1] <= profile["max"]


@pytest.mark.parametrize("number", ["1", "2"])
@pytest.mark.parametrize("kind", ["features", "scores"])
def test_the_cells_of_the_baseline_hold_every_row_and_none_outside(
    trained, number, kind
):
    for profile in read(trained, number, "baseline")[kind].values():
        cells = profile["cells"]
        assert sum(cells["counts"]) == 150
        assert cells["counts"][0] == cells["counts"][-1] == 0
        assert len(cells["counts"]) == len(cells["means"]) == len(cells["edges"]) + 1
        assert cells["edges"] == sorted(set(cells["edges"]))
        assert cells["means"] == sorted(cells["means"])


@pytest.mark.parametrize("values", [[2.0] * 5, [1.0, 2.0], [0.0] * 9 + [1.0]])
def test_a_column_of_few_values_has_cells_too(values):
    import numpy as np

    cells = train.cells(np.array(values))

    assert sum(cells["counts"]) == len(values)
    assert cells["counts"][0] == cells["counts"][-1] == 0


def test_the_sample_requests_are_what_training_saw(trained):
    from sklearn.datasets import load_iris

    lines = (trained / "1/sample_requests.jsonl").read_text().splitlines()

    sent = sorted(row for line in lines for row in json.loads(line)["data"])
    assert sent == sorted(load_iris().data.tolist())


def test_a_probability_a_hair_above_1_is_counted():
    import numpy as np

    profile = train.profile(np.array([0.5, 1.0000001]), 2, (0.0, 1.0))

    assert profile["histogram"]["counts"] == [0, 2]


@pytest.mark.parametrize("number", ["1", "2"])
def test_the_model_scores_its_own_sample_request(trained, number):
    import numpy as np

    rows = np.array(read(trained, number, "sample_request")["data"])
    onnx = (trained / number / "model.onnx").read_bytes()

    scores = train.score(onnx, rows)

    assert scores.argmax(axis=1).tolist() == [0, 1, 2]
    assert scores.sum(axis=1) == pytest.approx(1)
    assert read(trained, number, "schema")["version"] == number


def test_the_libraries_that_made_it_are_recorded(trained):
    recorded = read(trained, "1", "versions")

    assert recorded["training"]["scikit-learn"] == version("scikit-learn")
    assert recorded["training"]["python"] == sys.version.split()[0]
    assert recorded["scoring"] == {"onnxruntime": version("onnxruntime")}
    assert recorded["opset"]["ai.onnx"] == train.OPSET


def test_the_conda_file_pins_what_the_export_was_compared_on(trained):
    conda = yaml.safe_load((ROOT / "specs/iris/conda.yaml").read_text())
    (pins,) = (e["pip"] for e in conda["dependencies"] if isinstance(e, dict))

    for name, number in read(trained, "1", "versions")["scoring"].items():
        assert f"{name}=={number}" in pins


def test_what_was_just_trained_is_not_stale(trained):
    assert train.stale(trained) is None


def test_nothing_trained_is_stale(tmp_path):
    assert train.stale(tmp_path / "iris") == "version 1: never trained"


@pytest.mark.parametrize(
    ("section", "name", "value", "reason"),
    [
        ("training", "scikit-learn", "1.0", "trained with scikit-learn 1.0, now"),
        ("training", "python", "3.8.1", "trained with python 3.8.1, now"),
        ("scoring", "onnxruntime", "1.1", "trained with onnxruntime 1.1, now"),
        (None, "train_py_sha256", "0", "model/train.py has changed since"),
        (None, "training", "none", "versions.json cannot be read"),
        (None, "files_sha256", {"x": "0"}, "x is missing"),
    ],
)
def test_another_record_is_stale(copy, section, name, value, reason):
    record = read(copy, "2", "versions")
    (record[section] if section else record)[name] = value
    train.write(copy / "2/versions.json", train.encode(record))

    assert train.stale(copy).startswith(f"version 2: {reason}")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.onnx", None, "model.onnx is missing"),
        ("model.onnx", b"cut", "model.onnx is not what training wrote"),
        ("baseline.json", b"{}", "baseline.json is not what training wrote"),
        ("versions.json", None, "never trained"),
        ("versions.json", b"{", "versions.json cannot be read"),
        ("versions.json", b"[]", "versions.json cannot be read"),
    ],
)
def test_a_damaged_file_is_stale(copy, name, content, reason):
    (copy / "1" / name).unlink()
    if content is not None:
        (copy / "1" / name).write_bytes(content)

    assert train.stale(copy) == f"version 1: {reason}"


def test_asking_what_is_stale_imports_no_training_library(trained):
    heavy = "{'sklearn', 'skl2onnx', 'onnxruntime', 'numpy'}"
    code = (
        "import pathlib, sys; from model import train\n"
        f"train.stale(pathlib.Path({str(trained)!r}))\n"
        f"sys.exit(bool({heavy} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_training_reports_to_nobody(trained, home):
    # onnxruntime keeps a device id in the home directory when its telemetry is on.
    assert list(home.iterdir()) == []
