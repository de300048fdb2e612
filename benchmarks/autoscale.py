"""What it takes to play autoscale rules over a week of minutes.

python -m benchmarks.autoscale [--rounds 5]
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ops.autoscaling import scalefile, setting
from ops.localcloud.autoscaling.simulation import simulate

PROJECT = Path(__file__).parents[1]
WEEK = 7 * 1440
TARGET = "/iris/deployments/blue"
CPU = "CpuUtilizationPercentage"
GOAL = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    told = week()
    rows = {
        "the engine alone, in this process": lambda: simulate(told),
        "as a process, JSON to JSON": lambda: asked({"play": told}),
        "one decision as a process": lambda: asked({"decide": [decision(told)]}),
    }
    print("| what | CPU seconds | goal |\n|---|---|---|")
    for what, run in rows.items():
        seconds = statistics.median(spent(run) for _ in range(rounds))
        goal = f"under {GOAL:g}" if "decision" not in what else "-"
        print(f"| {what} | {seconds:.2f} | {goal} |")


def week() -> dict[str, Any]:
    """iris's own rules over seven noisy days."""
    noise = random.Random(1)
    rules = scalefile.load("iris")["blue"]
    values = [
        (20 + 230 * math.sin(math.pi * minute / 1440) ** 4) * noise.gauss(1, 0.03)
        for minute in range(WEEK)
    ]
    load = {"metric": CPU, "resource": TARGET, "values": values}
    return {
        "properties": setting.to_wire(rules, TARGET, "-")["properties"],
        "start": "2026-11-23T00:00:00+00:00",
        "minutes": WEEK,
        "instances": 1,
        "loads": [{**load, "shared": True, "most": 100.0}],
    }


def decision(told: dict[str, Any]) -> dict[str, Any]:
    """What `autoscale.show` asks of one deployment."""
    return {
        "properties": told["properties"],
        "now": told["start"],
        "instances": 1,
        "readings": [],
    }


def asked(told: dict[str, Any]) -> None:
    subprocess.run(
        [sys.executable, "-m", "ops.localcloud", "autoscale", "--state", "."],
        input=json.dumps(told),
        cwd=PROJECT,
        check=True,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def spent(run: Callable[[], object]) -> float:
    """CPU seconds of this process and of those it started: others' work is left out."""
    before = sum(times())
    run()
    return sum(times()) - before


def times() -> tuple[float, ...]:
    told = os.times()
    return told.user, told.system, told.children_user, told.children_system


if __name__ == "__main__":
    main()
