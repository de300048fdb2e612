"""The KQL engine against hand-written DuckDB SQL for the same answers.

`python -m benchmarks.kql --rows 10000000 --runs 5`. The goal is a ratio under 3 for
the last-hour queries that metrics and alerts ask; both sides read the same file.
"""

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ops.localcloud.kql import TABLES, Engine, create_table, harden

TRAFFIC = "AmlOnlineEndpointTrafficLog"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = "TimeGenerated > TIMESTAMP '2026-11-21 23:00:00'"
BY_MINUTE = "time_bucket(INTERVAL '1 minute', TimeGenerated), DeploymentName"

PAIRS = {
    "rate per minute, last hour": (
        f"{TRAFFIC} | where TimeGenerated > ago(1h)"
        " | summarize n = count() by bin(TimeGenerated, 1m), DeploymentName",
        f"SELECT {BY_MINUTE}, count(*) FROM {TRAFFIC} WHERE {HOUR} GROUP BY ALL",
    ),
    "errors per minute, last hour": (
        f"{TRAFFIC} | where TimeGenerated > ago(1h)"
        " | summarize n = count(), bad = countif(ResponseCode >= 500)"
        " by bin(TimeGenerated, 1m), DeploymentName",
        f"SELECT {BY_MINUTE}, count(*), count(*) FILTER (ResponseCode >= 500)"
        f" FROM {TRAFFIC} WHERE {HOUR} GROUP BY ALL",
    ),
    "p50 p95 p99 per minute, last hour": (
        f"{TRAFFIC} | where TimeGenerated > ago(1h)"
        " | summarize percentiles(TotalDurationMs, 50, 95, 99)"
        " by bin(TimeGenerated, 1m), DeploymentName",
        f"SELECT {BY_MINUTE}, quantile_disc(TotalDurationMs,"
        f" [0.5, 0.95, 0.99]) FROM {TRAFFIC} WHERE {HOUR} GROUP BY ALL",
    ),
    "error rate per hour, all rows": (
        f"{TRAFFIC} | summarize n = count(), bad = countif(ResponseCode >= 500)"
        " by bin(TimeGenerated, 1h), EndpointName, DeploymentName",
        "SELECT time_bucket(INTERVAL '1 hour', TimeGenerated), EndpointName,"
        " DeploymentName, count(*), count(*) FILTER (ResponseCode >= 500)"
        f" FROM {TRAFFIC} GROUP BY ALL",
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        connection = filled(Path(folder) / "logs.duckdb", options.rows)
        engine = Engine(TABLES)
        print(f"{options.rows:,} rows, median of {options.runs}, ms")
        print(f"{'query':36}{'first':>8}{'KQL':>8}{'SQL':>8}{'ratio':>7}")
        for name, (kql, sql) in PAIRS.items():
            report(name, engine, connection, kql, sql, options.runs)
        engine.close()
        connection.close()


def filled(path, rows):
    """Two weeks of traffic up to now, in order of time."""
    connection = duckdb.connect(path)
    connection.execute(create_table(TRAFFIC, TABLES[TRAFFIC]))
    step = 14 * 86_400_000_000 // rows
    connection.execute(
        f"""INSERT INTO {TRAFFIC} (TimeGenerated, EndpointName, DeploymentName,
            ResponseCode, TotalDurationMs, XRequestId, Path)
        SELECT TIMESTAMP '2026-11-08' + to_microseconds(i * {step}),
            'endpoint-' || hash(i) % 8,
            CASE hash(i * 7) % 3 WHEN 0 THEN 'blue' WHEN 1 THEN 'green' ELSE 'c' END,
            CASE WHEN hash(i * 11) % 100 < 2 THEN 503 ELSE 200 END,
            hash(i * 13) % 500, uuid()::VARCHAR, '/score'
        FROM range({rows}) t(i)"""
    )
    connection.execute("CHECKPOINT")
    harden(connection)
    return connection


def report(name, engine, connection, kql, sql, runs):
    """Interleave the two, so that a busy machine slows both."""
    cursor = connection.cursor()

    def by_engine():
        engine.query(connection, kql, now=NOW)

    def by_hand():
        cursor.execute(sql).fetchall()

    first = timed(by_engine)
    by_hand()
    pairs = [(timed(by_engine), timed(by_hand)) for _ in range(runs)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{name:36}{first:8.1f}{ours:8.1f}{theirs:8.1f}{ours / theirs:7.2f}")


def timed(run):
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
