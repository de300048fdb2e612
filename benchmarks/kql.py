"""The KQL engine against hand-written DuckDB SQL for the same answers.

`python -m benchmarks.kql --rows 10000000 --runs 5`: so many requests, and half as many
console lines. Measured are the queries that `logs` and `metrics` ship, as they send
them, then a few of the kind that alerts ask. The goal is a ratio under 3 over the last
hour. Both sides read the same file, and must answer with as many rows.
"""

import argparse
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.logrows import CONSOLE, ENDPOINT, NOW, TRAFFIC, filled
from ops import kql
from ops.localcloud.kql import TABLES, Engine

HERE = f"{ENDPOINT}1"
HOUR = "TimeGenerated >= TIMESTAMP '2026-11-21 23:00:00'"
SEEN = f"WHERE {HOUR} AND lower(_ResourceId) = '{HERE}'"
BY_MINUTE = "time_bucket(INTERVAL '1 minute', TimeGenerated), DeploymentName"
SERVED = "(ResponseCode < 400 OR ResponseCode = 408)"
NEWEST = "ORDER BY TimeGenerated DESC LIMIT"
TOOK = ', "$IngestionTime"'
LINES = f"""SELECT TimeGenerated, DeploymentName, InstanceId, ContainerName, Message
    {TOOK} FROM {CONSOLE} {SEEN}"""
REQUESTS = f"""SELECT TimeGenerated, DeploymentName, OperationName, Method, Path,
    ResponseCode, ModelStatusCode, ModelStatusReason, TotalDurationMs,
    RequestPayloadSize, ResponsePayloadSize, XRequestId, XMSClientRequestId, UserAgent,
    AuthType {TOOK} FROM {TRAFFIC} {SEEN}"""
OUTCOMES = f"""SELECT DeploymentName, ResponseCode, ResponseCodeReason, ModelStatusCode,
    lower(OperationName) = 'mirror', count(*) AS n, min(TimeGenerated),
    max(TimeGenerated), any_value(XRequestId)
    FROM {TRAFFIC} {SEEN} GROUP BY ALL ORDER BY n DESC"""
LATENCY = f"""SELECT DeploymentName, count(*),
    quantile_disc(TotalDurationMs, [0.5, 0.9, 0.95, 0.99])
    FROM {TRAFFIC} {SEEN} AND {SERVED} GROUP BY ALL ORDER BY 1"""
SERIES = f"""SELECT {BY_MINUTE}, count(*), count(*) FILTER (ResponseCode >= 400),
    count(*) FILTER (lower(OperationName) != 'mirror'), count(*) FILTER {SERVED},
    quantile_disc(TotalDurationMs, 0.95) FILTER {SERVED}
    FROM {TRAFFIC} {SEEN} GROUP BY ALL ORDER BY 1, 2"""

# By verb: the query it ships, the values it binds, and the SQL for the same answer.
SHIPPED = {
    "logs": ("console", {"most": "101"}, f"{LINES} {NEWEST} 101"),
    "logs --since 1h, a page": (
        "console",
        {"most": "10000"},
        f"{LINES} {NEWEST} 10000",
    ),
    "logs --deployment green": (
        "console",
        {"most": "101", "deployment": "green"},
        f"{LINES} AND DeploymentName = 'green' {NEWEST} 101",
    ),
    "logs --requests, a page": (
        "requests",
        {"most": "10000"},
        f"{REQUESTS} {NEWEST} 10000",
    ),
    "logs --status 5xx": (
        "requests",
        {"most": "101", "lowest": "500", "highest": "599"},
        f"{REQUESTS} AND (ResponseCode BETWEEN 500 AND 599 OR ResponseCode = 424"
        f" AND ModelStatusCode BETWEEN 500 AND 599) {NEWEST} 101",
    ),
    "logs --slower-than 400ms": (
        "requests",
        {"most": "101", "slower_than": "400ms"},
        f"{REQUESTS} AND TotalDurationMs > 400 {NEWEST} 101",
    ),
    "logs --request-id": (
        "request_by_id",
        {"id": "abc"},
        f"{REQUESTS} AND (XRequestId = 'abc' OR XMSClientRequestId = 'abc')"
        " ORDER BY TimeGenerated LIMIT 100",
    ),
    "logs --request-id, its lines": (
        "console_by_request",
        {"id": "abcde"},
        f"{LINES} AND Message ILIKE '%abcde%' ORDER BY TimeGenerated LIMIT 1000",
    ),
    "metrics, how requests ended": ("outcomes", {}, OUTCOMES),
    "metrics, percentiles": ("latency", {}, LATENCY),
    "metrics, over time": ("series", {"grain": "60s"}, SERIES),
}
PAIRS = {
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
        print(f"{options.rows:,} requests, {options.rows // 2:,} console lines;")
        print(f"median of {options.runs}, ms")
        print(f"{'query':36}{'rows':>7}{'first':>8}{'KQL':>8}{'SQL':>8}{'ratio':>7}")
        for name, (query, values, sql) in SHIPPED.items():
            text = kql.bind(kql.named(query), values)
            view = {"timespan": (NOW - timedelta(hours=1), NOW), "scope": HERE}
            report(name, engine, connection, text, sql, options.runs, view)
        for name, (text, sql) in PAIRS.items():
            report(name, engine, connection, text, sql, options.runs, {})
        engine.close()
        connection.close()


def report(name, engine, connection, text, sql, runs, view):
    """Interleave the two, so that a busy machine slows both."""
    cursor = connection.cursor()

    def by_engine():
        return engine.query(connection, text, now=NOW, **view).tables[0].rows

    def by_hand():
        return cursor.execute(sql).fetchall()

    first = timed(by_engine)
    rows = len(by_engine())
    assert rows == len(by_hand()), f"{name}: the two answer differently"
    pairs = [(timed(by_engine), timed(by_hand)) for _ in range(runs)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(
        f"{name:36}{rows:7,}{first:8.1f}{ours:8.1f}{theirs:8.1f}{ours / theirs:7.2f}",
        flush=True,
    )


def timed(run):
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
