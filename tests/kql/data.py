"""Two weeks of an online endpoint's logs, made by a seeded generator in plain Python.

Small, but with an incident (credit-risk green, 18 November, 12:00 to 12:45), quiet
hours, nulls, odd capitals and every kind of console line. The engine and the
independent computation in truth.py read these same rows.
"""

import json
import math
import random
import uuid
from datetime import datetime, timedelta
from functools import cache

from ops.localcloud.kql import TABLES, create_table

START = datetime(2026, 11, 9)  # noqa: DTZ001 - UTC, as DuckDB stores it
NOW = datetime(2026, 11, 23, 6)  # noqa: DTZ001
INCIDENT = (datetime(2026, 11, 18, 12), datetime(2026, 11, 18, 12, 45))  # noqa: DTZ001
WORKSPACE = (
    "/subscriptions/6f6f0000-0000-4000-8000-000000000001/resourcegroups/rg-ml-prod"
    "/providers/microsoft.machinelearningservices/workspaces/mlw-prod"
)
ENDPOINTS = {
    "fraud-scoring": 30,
    "churn-ep": 20,
    "credit-risk": 15,
    "image-tagger": 12,
    "llm-router": 9,
    "pricing-v2": 6,
    "Search-Rank": 5,
    "demand-fcst": 3,
}
DEPLOYMENTS = {"blue": 70, "green": 25, "canary": 5}
STATUSES = {
    200: 9600,
    429: 100,
    500: 120,
    503: 80,
    504: 30,
    408: 30,
    424: 20,
    404: 10,
    401: 10,
}
AGENTS = ["python-requests/2.32.3", "okhttp/4.12.0", "Go-http-client/2.0", ""]
FAILURES = [
    "ValueError: could not convert string to float: 'n/a'",
    "KeyError: 'customer_id'",
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 512 MiB",
]

# On Azure the console and event tables know the endpoint only by _ResourceId; these
# tests carry its name too, for queries short enough to read.
NAMED = ("AmlOnlineEndpointConsoleLog", "AmlOnlineEndpointEventLog")
SCHEMA = {
    name: {**table, "EndpointName": "string"} if name in NAMED else table
    for name, table in TABLES.items()
}


def one_of(rng, weighted):
    return rng.choices(list(weighted), weights=list(weighted.values()))[0]


def times(rng, count, days=14):
    """Moments in order, to the microsecond, spread evenly with some jitter."""
    step = days * 86_400_000_000 / count
    for index in range(count):
        yield START + timedelta(microseconds=int(index * step + rng.random() * 1000))


def who(rng):
    endpoint = one_of(rng, ENDPOINTS)
    return {
        "EndpointName": endpoint,
        "DeploymentName": one_of(rng, DEPLOYMENTS),
        "_ResourceId": f"{WORKSPACE}/onlineendpoints/{endpoint.lower()}",
    }


@cache
def rows():
    """{table: [row as {column: value}]}, the same at every call."""
    rng = random.Random(20261123)
    traffic = sorted(
        [request(rng, when) for when in times(rng, 12_000)]
        + [failing(rng, index) for index in range(400)],
        key=lambda row: row["TimeGenerated"],
    )
    for number, row in enumerate(traffic):
        row["XRequestId"] = str(uuid.UUID(int=number * 7919 + 2**100))
    console = [line(rng, when, traffic) for when in times(rng, 5_000)]
    return {
        "AmlOnlineEndpointTrafficLog": traffic,
        "AmlOnlineEndpointConsoleLog": console,
        "AmlOnlineEndpointEventLog": [event(rng, when) for when in times(rng, 300)],
        "AppRequests": [telemetry(rng, when) for when in times(rng, 1_000)],
    }


def request(rng, when):
    base = who(rng)
    slow = {"llm-router": 2.5, "image-tagger": 1.2}.get(base["EndpointName"], 0)
    duration = math.exp(3.2 + 0.7 * rng.gauss(0, 1) + slow)
    code = one_of(rng, STATUSES)
    return answered(rng, when, base, code, duration)


def failing(rng, index):
    """The incident: a third of what green answers is an error, and slow."""
    when = INCIDENT[0] + timedelta(seconds=index * 6.7, microseconds=index)
    endpoint = "credit-risk"
    base = {
        "EndpointName": endpoint,
        "DeploymentName": "green",
        "_ResourceId": f"{WORKSPACE}/onlineendpoints/{endpoint}",
    }
    code = rng.choice([503, 500, 504]) if rng.random() < 0.35 else 200
    return answered(rng, when, base, code, math.exp(4.7 + 0.7 * rng.gauss(0, 1)))


def answered(rng, when, base, code, duration):
    reasons = {200: "", 500: "ModelError: shape mismatch", 503: "Timeout"}
    return {
        "TimeGenerated": when,
        **base,
        "Method": "POST" if rng.random() < 0.97 else "GET",
        "Path": "/score",
        "ResponseCode": code,
        "TotalDurationMs": None if rng.random() < 0.01 else round(duration),
        "RequestDurationMs": round(duration * 0.1),
        "ResponseDurationMs": round(duration * 0.2),
        "UserAgent": rng.choice(AGENTS),
        "RequestPayloadSize": 200 + rng.randrange(20_000),
        "ResponsePayloadSize": 50 + rng.randrange(5_000),
        "ModelStatusCode": None if code in (429, 401, 404) else code,
        "ModelStatusReason": reasons.get(code, "Other"),
    }


def line(rng, when, traffic):
    base = who(rng)
    kind = rng.random()
    if kind < 0.40:
        message = scored(rng, when, base, rng.choice(traffic)["XRequestId"])
    elif kind < 0.65:
        code = 200 if rng.random() < 0.97 else 500
        message = (
            f"127.0.0.1 - - [{when:%d/%b/%Y:%H:%M:%S} +0000] "
            f'"POST /score HTTP/1.0" {code} {rng.randrange(5000)} "-" "curl/8"'
        )
    elif kind < 0.85:
        message = (
            f"{when:%Y-%m-%d %H:%M:%S},{rng.randrange(1000):03} I [{rng.randrange(80)}]"
            f" azmlinfsrv - POST /score {rng.choice([200, 200, 200, 500])}"
            f" {rng.randrange(1, 90_000) / 1000}ms {rng.randrange(4000)}"
        )
    elif kind < 0.95:
        message = f"ERROR Exception in score(): {rng.choice(FAILURES)}"
    else:
        message = f"WARNING gpu allocated=3.5GiB device={rng.randrange(4)}"
    return {
        "TimeGenerated": when,
        **base,
        "InstanceId": f"inst-{rng.randrange(5)}",
        "ContainerName": "inference-server",
        "Message": message,
    }


def scored(rng, when, base, request_id):
    drift = (when - START) / timedelta(days=14)
    shift = 1.2 * drift if base["EndpointName"] == "credit-risk" else 0
    region = "westeurope" if rng.random() < 0.6 else "eastus"
    return json.dumps(
        {
            "level": "INFO",
            "event": "scored",
            "request_id": request_id,
            "model_version": str(rng.randrange(1, 5)),
            "score": round(rng.random(), 4),
            "latency_ms": round(math.exp(3 + 0.5 * rng.gauss(0, 1)), 3),
            "features": [
                round(rng.gauss(0, 1) + shift, 4),
                round(10 + 3 * rng.gauss(0, 1), 4),
                round(rng.random(), 4),
                round(100 * rng.random() * rng.random(), 3),
            ],
            "tags": {"tenant": f"t{rng.randrange(20)}", "region": region},
        },
        separators=(",", ":"),
    )


def event(rng, when):
    names = {"Started": 60, "Killing": 20, "BackOff": 10, "ReadinessProbeFailed": 10}
    return {
        "TimeGenerated": when,
        **who(rng),
        "InstanceId": f"inst-{rng.randrange(13)}",
        "Name": one_of(rng, names),
        "Message": f"Container event at {when:%H:%M}",
    }


def telemetry(rng, when):
    properties = {
        "endpoint": one_of(rng, ENDPOINTS),
        "tenant": f"t{rng.randrange(20)}",
        "model_version": str(rng.randrange(1, 5)),
    }
    if rng.random() < 0.1:
        properties["retry"] = rng.randrange(1, 5)
    success = rng.random() < 0.98
    return {
        "TimeGenerated": when,
        "Id": f"{rng.getrandbits(64):016x}",
        "Name": "POST /score" if rng.random() < 0.8 else "GET /health",
        "Success": success,
        "ResultCode": "200" if success else "500",
        "DurationMs": round(math.exp(3.5 + 0.8 * rng.gauss(0, 1)), 3),
        "AppRoleName": "gateway",
        "ItemCount": 1,
        "Properties": properties,
    }


def load(connection, folder):
    """Create the tables and fill them: strings never null, times in order."""
    for name, table in SCHEMA.items():
        connection.execute(create_table(name, table))
    for name, table_rows in rows().items():
        path = folder / f"{name}.json"
        table = SCHEMA[name]
        with path.open("w") as lines:
            for row in table_rows:
                lines.write(json.dumps(stored(row, table), default=str) + "\n")
        connection.execute(
            f"INSERT INTO {name} BY NAME SELECT * FROM "
            f"read_json('{path}', format = 'newline_delimited', columns = "
            f"{ {column: kinds(kind) for column, kind in table.items()} })"
        )


def stored(row, table):
    return {
        column: row.get(column, "" if kind == "string" else None)
        for column, kind in table.items()
    }


def kinds(kind):
    from ops.localcloud.kql.tables import DUCKDB_TYPES

    return DUCKDB_TYPES[kind]
