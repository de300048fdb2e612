"""How long localcloud's evaluator takes for one minute's evaluations of many rules.

    python -m benchmarks.alerts [--rules 200] [--rows 10000000]

The rules are those that ship, compiled for as many endpoints as it takes, and all of
them are evaluated every minute. Two thirds of the rows are requests, a third console
lines, of the last two days. The goal is to be done within the minute.
"""

import argparse
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.logrows import CONSOLE, TRAFFIC, console, traffic
from ops.alerting import compiling, resolving, rulefile
from ops.alerting.rules import Log
from ops.errors import NotFound
from ops.localcloud.evaluator import Evaluator
from ops.localcloud.kql import TABLES
from ops.localcloud.logstore import LogStore
from ops.localcloud.state import State
from ops.settings import alerts_directory

GROUP = "/subscriptions/s/resourceGroups/g/providers"
ENDPOINTS = f"{GROUP}/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints"
DAYS = 2
MINUTES = 3


def bodies(count: int) -> list[dict]:
    """The log rules that ship, for one endpoint after the other, each every minute."""
    rules, problems = rulefile.read(alerts_directory())
    assert not problems, problems
    made = []
    for number in range(count):
        place = compiling.Place(
            endpoint=f"e{number}",
            id=f"{ENDPOINTS}/e{number}",
            location="local",
            deployments={},
            groups={},
        )
        for rule in rules.values():
            try:
                known, _ = resolving.resolved(rule, "iris")
            except NotFound:
                continue
            if not isinstance(known.condition, Log):
                continue
            for wanted in compiling.compiled(known, place):
                wanted.body["properties"]["evaluationFrequency"] = "PT1M"
                id_ = f"{GROUP}/microsoft.insights/{wanted.kind}/{wanted.name}"
                type_ = f"Microsoft.Insights/{wanted.kind}"
                facts = {"id": id_, "name": wanted.name, "type": type_}
                made.append({**wanted.body, **facts})
                if len(made) == count:
                    return made
    return made


def fill(store: LogStore, rows: int, endpoints: int, until: datetime) -> None:
    """Rows in order of time up to a moment, spread over the endpoints."""
    connection = store.open()
    parts = ((TRAFFIC, traffic(), rows * 2 // 3), (CONSOLE, console(), rows // 3))
    for table, values, count in parts:
        step = DAYS * 86_400_000_000 // count
        start = (until - timedelta(days=DAYS)).strftime("%Y-%m-%d %H:%M:%S")
        told = {
            **{n: "''" for n, kind in TABLES[table].items() if kind == "string"},
            **values,
            "TimeGenerated": f"TIMESTAMP '{start}' + to_microseconds(i * {step})",
            "_ResourceId": f"'{ENDPOINTS.lower()}/e' || i % {endpoints}",
        }
        connection.execute(
            f"INSERT INTO {table} ({', '.join(told)})"
            f" SELECT {', '.join(told.values())} FROM range({count}) t(i)"
        )
    connection.execute("CHECKPOINT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--rows", type=int, default=10_000_000)
    arguments = parser.parse_args()
    rules = bodies(arguments.rules)
    targets = {rule["properties"]["scopes"][0] for rule in rules}
    with tempfile.TemporaryDirectory() as folder:
        state = State(Path(folder) / "state.db")
        store = LogStore(Path(folder) / "logs.duckdb", "tenant")
        now = state.clock.now()
        state.clock.move(advance=60 - now.second - now.microsecond / 1e6, rate=0)
        began = state.clock.now()
        fill(store, arguments.rows, len(targets), began + timedelta(minutes=MINUTES))
        for target in targets:
            state.put({"id": target, "name": "e", "properties": {}})
        for rule in rules:
            state.put(rule)
        took = [minute(state, store) for _ in range(MINUTES)]
        fired = len(state.of_type("alerts"))
        store.close()
        state.close()
    report(arguments, took, len(targets), fired)


def minute(state: State, store: LogStore) -> float:
    """Seconds for all that falls due in one minute, by a control plane just started."""
    engine = Evaluator(state, store, lambda: None, settled=timedelta(0))
    state.clock.move(advance=60)
    start = time.perf_counter()
    while not done(state):
        engine.step(datetime.now(UTC))
    return time.perf_counter() - start


def done(state: State) -> bool:
    """Whether every rule was evaluated at the minute that the clock shows."""
    now = state.clock.now().replace(second=0, microsecond=0).isoformat()
    owners = state.memories.owners("/evaluation")
    rules = state.of_type("scheduledQueryRules")
    told = [state.memories.get(owner)["at"] == now for owner in owners]
    return len(told) == len(rules) and all(told)


def report(
    arguments: argparse.Namespace, took: list[float], endpoints: int, fired: int
) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print("| minute | seconds | of the minute | goal |")
    print("|---|---|---|---|")
    for number, seconds in enumerate(took, 1):
        print(f"| {number} | {seconds:.1f} | {seconds / 60:.0%} | under 100% |")
    print(
        f"\n{arguments.rules} rules of {endpoints} endpoints over "
        f"{arguments.rows:,} rows of two days, each rule every minute;\n"
        f"the first minute translates the queries. {fired} alerts fired; "
        f"{memory} MB at most."
    )


if __name__ == "__main__":
    main()
