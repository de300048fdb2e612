"""How long a second deployment takes, from typing it to its first answered request.

    python -m benchmarks.deploy [--runs 3]

The environment is built already, as it is for every deployment but the first. Beside
it, `invoke deploy` with nothing to do, and a bare import of azure.ai.ml, which is the
part of it that is not ours.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).parents[1]
INVOKE = [sys.executable, "-m", "invoke"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    taken: dict[str, list[float]] = {"second": [], "nothing": [], "import": []}
    with tempfile.TemporaryDirectory() as state:
        run(state, *INVOKE, "deploy")
        for _ in range(runs):
            green = ("deploy", "--deployment", "green")
            taken["second"].append(run(state, *INVOKE, *green))
            taken["nothing"].append(run(state, *INVOKE, *green))
            taken["import"].append(run(state, sys.executable, "-c", IMPORT))
            run(state, *INVOKE, "delete-deployment", *green[1:], "--yes")
        run(state, *INVOKE, "cloud.down")
    second, nothing, imported = (statistics.median(s) for s in taken.values())
    print("| what | seconds | x the import of azure.ai.ml | goal |")
    print("|---|---|---|---|")
    row("second deployment, to its first 200", second, imported, "under 10 s")
    row("deploy with nothing to do", nothing, imported, "-")


IMPORT = "import azure.ai.ml"


def row(what: str, seconds: float, imported: float, goal: str) -> None:
    print(f"| {what} | {seconds:.1f} | {seconds / imported:.1f} | {goal} |")


def run(state: str, *command: str) -> float:
    environment = {k: v for k, v in os.environ.items() if "BYTECODE" not in k}
    began = time.perf_counter()
    subprocess.run(
        command,
        cwd=PROJECT,
        env={**environment, "AML_OPS_STATE": state},
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
