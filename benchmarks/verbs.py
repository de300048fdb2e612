"""What a verb costs, process start to exit, beside what one would do without it.

Run from the project's root against a localcloud with the example deployed:

    invoke train deploy && python -m benchmarks.verbs

Each pair is run in turn (A B A B ...) and compared by its medians, because machines
are noisy and a ratio taken in one run is not. Ends with a markdown table.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INVOKE = [sys.executable, "-m", "invoke"]

# The shortest script that does the same with MLClient, as its documentation shows.
SCRIPT = """
import os, sys
sys.path.insert(0, {root!r})
from ops import cloud, clients, settings
workspace = clients.connect(settings.load_stage("local"))
from azure.ai.ml import MLClient
ml = workspace.ml()
{action}
"""
ACTIONS = {
    "status": (
        "print(ml.online_endpoints.get('iris').traffic)\n"
        "print([d.name for d in ml.online_deployments.list('iris')])"
    ),
    "shift-traffic": (
        "endpoint = ml.online_endpoints.get('iris')\n"
        "endpoint.traffic = {{'blue': 100}}\n"
        "ml.online_endpoints.begin_create_or_update(endpoint).result()"
    ),
    "keys": "print(bool(ml.online_endpoints.get_keys('iris').primary_key))",
    "scale": (
        "deployment = ml.online_deployments.get('blue', 'iris')\n"
        "deployment.instance_count = 1\n"
        "ml.online_deployments.begin_create_or_update(deployment).result()"
    ),
}
VERBS = {
    "status": ["status"],
    # The script gives it back, so that each writes other weights than there are.
    "shift-traffic": ["shift-traffic", "--set", "blue=0"],
    "keys": ["keys"],
    "scale": ["scale", "--deployment", "blue", "--instances", "1"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="of each command")
    runs = parser.parse_args().runs
    print("| verb | beside | ratio of medians | goal |\n|---|---|---|---|")
    ours, bare = listing(runs)
    print(
        f"| `invoke --list` | a bare invoke, empty tasks file | {ours / bare:.2f} x | "
        "at most 1.3 x |"
    )
    for verb in VERBS:
        ours, theirs = pair(
            [*INVOKE, *VERBS[verb]], [sys.executable, "-c", script(verb)], runs, ROOT
        )
        print(
            f"| `invoke {verb}` | a script with MLClient | {theirs / ours:.1f} x "
            "faster | at least 4 x |"
        )


def script(verb: str) -> str:
    action = ACTIONS[verb].replace("{{", "{").replace("}}", "}")
    return SCRIPT.format(root=str(ROOT), action=action)


def listing(runs: int) -> tuple[float, float]:
    """Seconds of `invoke --list` here, and in a folder with an empty tasks file."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tasks.py").write_text(
            "from invoke import task\n\n@task\ndef nothing(c):\n    pass\n"
        )
        command = [*INVOKE, "--list"]
        return pair(command, [*INVOKE, "-r", folder, "--list"], runs, ROOT)


def pair(
    ours: list[str], theirs: list[str], runs: int, folder: Path
) -> tuple[float, float]:
    """The median seconds of two commands, run in turn after one warm-up each."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(runs + 1):
        for command, kept in zip((ours, theirs), seconds, strict=True):
            took = timed(command, folder)
            if turn:
                kept.append(took)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def timed(command: list[str], folder: Path) -> float:
    environment = {k: v for k, v in os.environ.items() if "BYTECODE" not in k}
    began = time.perf_counter()
    subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
