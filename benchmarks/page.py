"""The live page of a month beside that of an hour, over a store that holds the month.

    python -m benchmarks.page [--rows 2000000] [--runs 5]

A localcloud of its own gets that many requests of the last 30 days, and half as many
console lines. Then all that a page needs is read and made, for one range after the
other, with nothing kept of the time before: through the toolkit's own clients, as
`invoke dashboard` does. A month may take longer, since it reads all rows; what it sends
to the browser and what it holds must stay as they are.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import psutil

from benchmarks.logrows import CONSOLE, TRAFFIC, console, traffic
from ops import endpoints, settings, watch
from ops.boards import boardfile
from ops.boards.model import Dashboard
from ops.clients import Workspace
from ops.localcloud.kql import TABLES
from ops.page import panels, tables, view
from ops.page.looks import Looks

NAME = "iris"
RANGES = ("1h", "30d")
LONG_SECONDS = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as state:
        os.environ["AML_OPS_STATE"] = state
        try:
            invoke("deploy")
            id = endpoints.get(attached(), NAME).body["id"]
            invoke("cloud.down")
            fill(Path(state) / "localcloud/logs.duckdb", arguments.rows, id.lower())
            invoke("cloud.up")
            report(attached(), arguments)
        finally:
            invoke("cloud.down")


def attached() -> Workspace:
    return watch.attach(settings.load_stage("local"))


def fill(path: Path, rows: int, id: str) -> None:
    """Rows in order of time up to now, all of them the endpoint's."""
    connection = duckdb.connect(path)
    for table, values, count in (
        (TRAFFIC, traffic(), rows),
        (CONSOLE, console(), rows // 2),
    ):
        step = 30 * 86_400_000_000 // count
        told = {
            **{n: "''" for n, kind in TABLES[table].items() if kind == "string"},
            **values,
            "TimeGenerated": "(now() AT TIME ZONE 'UTC') - INTERVAL 30 DAY"
            f" + to_microseconds(i * {step})",
            "_ResourceId": f"'{id}'",
        }
        connection.execute(
            f"INSERT INTO {table} ({', '.join(told)})"
            f" SELECT {', '.join(told.values())} FROM range({count}) t(i)"
        )
    connection.close()


def report(workspace: Workspace, arguments: argparse.Namespace) -> None:
    board = boardfile.named("overview")
    found: dict[str, list[float]] = {range: [] for range in RANGES}
    sizes: dict[str, int] = {}
    for run in range(arguments.runs + 1):
        for each in RANGES[:: 1 if run % 2 else -1]:
            seconds, sizes[each] = opened(workspace, board, each)
            if run:  # the first one imports and translates
                found[each].append(seconds)
    took = {each: statistics.median(values) for each, values in found.items()}
    print("| range | all panels are read and made, s | beside 1h | KB of them |")
    print("|---|---|---|---|")
    for each in RANGES:
        ratio = took[each] / took[RANGES[0]]
        print(f"| {each} | {took[each]:.2f} | {ratio:.1f} | {sizes[each] // 1024} |")
    memory = psutil.Process().memory_info().rss // 2**20
    print(
        f"\n{arguments.rows:,} requests in 30 days, median of {arguments.runs}; "
        f"the page's process holds {memory} MB."
    )


def opened(workspace: Workspace, board: Dashboard, range: str) -> tuple[float, int]:
    """Seconds until all of a dashboard can be shown, and its size in bytes."""
    looks = Looks(workspace.stage, NAME, attach=lambda stage: workspace)
    began = time.perf_counter()
    shown = view.parse(
        f"?board={board.name}&range={range}", {board.name: board}, looks.now()
    )
    looks.ahead(shown, LONG_SECONDS)
    sent = 0
    for panel in board.panels():
        marks = looks.marks(shown)
        made = panels.shown(panel, looks.panel(panel, shown), NAME, marks, looks.now())
        sent += len(tables.written(made.grids)) + len(json.dumps(made.figure))
    return time.perf_counter() - began, sent


def invoke(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "invoke", *words], check=True, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    main()
