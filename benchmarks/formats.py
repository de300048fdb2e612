"""Compare joblib, skops and ONNX for the iris model: speed, and what a bad file can do.

    python -m benchmarks.formats

Makes a temporary environment for the formats that this project does not use, and
starts a fresh process for each load. Times are noisy, so read the ratios.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

RUNS = 5
ROWS = 2000
TIMEOUT_SECONDS = 3
# One thread each, and no word to the runtime's maker.
ALONE = {"OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
HERE = Path(__file__)
SKOPS = "skops==0.13.0"  # the one library here that requirements.lock does not know
SHARED = ("numpy", "scipy", "scikit-learn", "joblib", "onnxruntime")

FIT = """
import joblib, skops.io
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
model = LinearDiscriminantAnalysis().fit(*load_iris(return_X_y=True))
joblib.dump(model, "model.joblib")
skops.io.dump(model, "model.skops")
"""
LOAD = {
    "joblib": "import joblib; model = joblib.load('model.joblib')\n",
    "skops": "import skops.io; model = skops.io.load('model.skops')\n",
    "onnx": (
        "import onnxruntime; options = onnxruntime.SessionOptions()\n"
        "options.intra_op_num_threads = 1\n"
        "model = onnxruntime.InferenceSession('model.onnx', options)\n"
    ),
}
ROW = "import numpy; row = numpy.array([[5.1, 3.5, 1.4, 0.2]], numpy.float32)\n"
SCORE = {
    "joblib": "model.predict_proba(row)\n",
    "skops": "model.predict_proba(row)\n",
    "onnx": "model.run(['probabilities'], {'features': row})\n",
}
REPEAT = """
import time
spent = []
for _ in range({rows}):
    started = time.perf_counter()
    {score}
    spent.append(time.perf_counter() - started)
print(sorted(spent)[len(spent) // 2])
"""

# Each bad file, if it can run code or read what it should not, leaves a trace of it.
BAD = """
import os, pathlib, joblib, skops.io

class Bad:
    def __reduce__(self):
        return os.mkdir, ("ran-code",)

joblib.dump(Bad(), "bad.joblib")
skops.io.dump(Bad(), "bad.skops")
"""
ONNX = "import onnxruntime as o; session = o.InferenceSession({!r})\n"
ATTACKS = {
    "joblib, code in the file": "import joblib; joblib.load('bad.joblib')",
    "skops, code in the file": "import skops.io; skops.io.load('bad.skops')",
    "onnx, a pickle with its name": ONNX.format("bad.joblib"),
    "onnx, an operator of its own": ONNX.format("operator.onnx"),
    "onnx, weights from another folder": (
        ONNX.format("weights.onnx") + "print(session.run(None, {})[0].tobytes())"
    ),
    "onnx, a loop without end": ONNX.format("loop.onnx") + "session.run(None, {})",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        folder.mkdir()
        python = make_environment(Path(scratch) / "environment")
        run(python, FIT, folder)
        train_onnx(folder)
        show_speed(python, folder)
        run(python, BAD, folder)
        make_bad_onnx(folder)
        show_attacks(python, folder)


def make_environment(folder: Path) -> Path:
    from uv import find_uv_bin

    uv, python = find_uv_bin(), folder / "bin" / "python"
    pins = [f"{name}=={version(name)}" for name in SHARED]
    subprocess.run([uv, "venv", "-q", "-p", sys.executable, folder], check=True)
    install = [uv, "pip", "install", "-q", "--compile-bytecode", "-p", python]
    subprocess.run([*install, SKOPS, *pins], check=True)
    return python


def train_onnx(folder: Path) -> None:
    sys.path.insert(0, str(HERE.parents[1]))
    from model.train import train

    train(folder)
    (folder / "2" / "model.onnx").rename(folder / "model.onnx")


def show_speed(python: Path, folder: Path) -> None:
    starts: dict[str, list[float]] = {name: [] for name in ("nothing", *LOAD)}
    for _ in range(RUNS):  # in turn, so that a slow moment hurts all alike
        for name, spent in starts.items():
            code = LOAD[name] + ROW + SCORE[name] if name in LOAD else "pass"
            began = time.perf_counter()
            run(python, code, folder)
            spent.append(time.perf_counter() - began)
    interpreter = statistics.median(starts.pop("nothing"))
    start = {name: statistics.median(s) - interpreter for name, s in starts.items()}
    row = {name: median_row(python, name, folder) for name in LOAD}
    print(f"{'':8}{'import, load, first row':>28}{'one row':>20}{'file':>10}")
    for name in LOAD:
        size = (folder / f"model.{name}").stat().st_size
        ratios = start[name] / start["onnx"], row[name] / row["onnx"]
        print(
            f"{name:8}{start[name] * 1e3:16.0f} ms ({ratios[0]:4.1f} x)"
            f"{row[name] * 1e6:8.1f} us ({ratios[1]:4.1f} x){size:8} B"
        )


def median_row(python: Path, name: str, folder: Path) -> float:
    repeat = REPEAT.format(rows=ROWS, score=SCORE[name])
    return float(run(python, LOAD[name] + ROW + repeat, folder).stdout)


def make_bad_onnx(folder: Path) -> None:
    """Three files that ask the runtime for what a model should not get."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    (folder.parent / "secret").write_bytes(b"password")
    outside = TensorProto(name="w", data_type=TensorProto.UINT8, dims=[8])
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../secret")
    copy = helper.make_node("Identity", ["w"], ["y"])
    save(folder / "weights.onnx", [copy], TensorProto.UINT8, [outside])

    own = helper.make_node("Shell", [], ["y"], domain="evil")
    save(folder / "operator.onnx", [own], TensorProto.FLOAT, [])

    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node(name, [a], [b]) for name, a, b in
         (("Identity", "go", "on"), ("Identity", "x", "next"))],
        "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []),
         value("x", TensorProto.FLOAT, [])],
        [value("on", TensorProto.BOOL, []), value("next", TensorProto.FLOAT, [])],
    )  # fmt: skip
    loop = helper.make_node("Loop", ["", "true", "one"], ["y"], body=body)
    constants = {"true": np.array(True), "one": np.array(1, np.float32)}
    initial = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    save(folder / "loop.onnx", [loop], TensorProto.FLOAT, initial)


def save(path: Path, nodes: list, kind: int, weights: list) -> None:
    from onnx import helper

    output = helper.make_tensor_value_info("y", kind, None)
    graph = helper.make_graph(nodes, path.stem, [], [output], weights)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("evil", 1)]
    model = helper.make_model(graph, ir_version=10, opset_imports=opsets)
    path.write_bytes(model.SerializeToString())


def show_attacks(python: Path, folder: Path) -> None:
    print()
    for name, code in ATTACKS.items():
        print(f"{name:36}{outcome(python, code, folder)}")


def outcome(python: Path, code: str, folder: Path) -> str:
    """What came of loading a bad file, in a word or two."""
    try:
        done = run(python, code, folder, check=False)
    except subprocess.TimeoutExpired:
        return f"STILL RUNNING after {TIMEOUT_SECONDS} s"
    trace = folder / "ran-code"
    if trace.exists():
        trace.rmdir()
        return "RAN ITS CODE"
    if done.returncode == 0:
        return f"loaded: {done.stdout.strip()}"
    error = done.stderr.strip().splitlines()[-1]
    return f"refused: {error.split(' : ', 3)[-1][:120]}"


def run(
    python: Path, code: str, folder: Path, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    timeout = None if check else TIMEOUT_SECONDS
    return subprocess.run(
        [python, "-c", code], cwd=folder, capture_output=True, text=True,
        check=check, timeout=timeout, env=os.environ | ALONE,
    )  # fmt: skip


if __name__ == "__main__":
    main()
