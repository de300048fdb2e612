"""A log store as two weeks leave it: traffic, and half as many console lines."""

from datetime import UTC, datetime

import duckdb

from ops.localcloud.kql import TABLES, create_table, harden

TRAFFIC, CONSOLE = "AmlOnlineEndpointTrafficLog", "AmlOnlineEndpointConsoleLog"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SPAN_US = 14 * 86_400_000_000
ENDPOINT = "/subscriptions/s/resourcegroups/g/endpoints/e"  # numbered 0 and 1
DEPLOYMENT = "CASE hash(i * 7) % 3 WHEN 0 THEN 'green' ELSE 'blue' END"


def filled(path, rows):
    """Rows in order of time up to NOW, of two endpoints, a fiftieth of them failed."""
    connection = duckdb.connect(path)
    for name in (TRAFFIC, CONSOLE):
        connection.execute(create_table(name, TABLES[name]))
    insert(connection, TRAFFIC, traffic(), rows)
    insert(connection, CONSOLE, console(), rows // 2)
    connection.execute("CHECKPOINT")
    harden(connection)
    return connection


def insert(connection, table, values, rows):
    """`values` holds SQL by column; a string column that it lacks is ''."""
    when = f"TIMESTAMP '2026-11-08' + to_microseconds(i * {SPAN_US // rows})"
    values = {"TimeGenerated": when, "_ResourceId": f"'{ENDPOINT}' || i % 2", **values}
    values['"$IngestionTime"'] = f"{when} + INTERVAL 1 SECOND"
    empty = {n: "''" for n, kind in TABLES[table].items() if kind == "string"}
    columns = {**empty, **values}
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)})"
        f" SELECT {', '.join(columns.values())} FROM range({rows}) t(i)"
    )


def traffic():
    failed = "hash(i * 11) % 50 = 0"
    return {
        "EndpointName": "'e' || i % 2",
        "DeploymentName": DEPLOYMENT,
        "OperationName": "CASE hash(i * 5) % 20 WHEN 0 THEN 'mirror' ELSE 'score' END",
        "Method": "'POST'",
        "Path": "'/score'",
        "ResponseCode": f"CASE WHEN {failed} THEN 503 ELSE 200 END",
        "ResponseCodeReason": f"CASE WHEN {failed} THEN 'no instance' ELSE '' END",
        "ModelStatusCode": f"CASE WHEN {failed} THEN 0 ELSE 200 END",
        "TotalDurationMs": "hash(i * 13) % 500",
        "RequestPayloadSize": "hash(i * 17) % 2000",
        "ResponsePayloadSize": "hash(i * 19) % 300",
        "XRequestId": "md5(i::VARCHAR)",
        "XMSClientRequestId": "md5((i * 3)::VARCHAR)",
        "UserAgent": "'python-requests/2.34.2'",
        "AuthType": "'Key'",
    }


def console():
    return {
        "DeploymentName": DEPLOYMENT,
        "InstanceId": f"{DEPLOYMENT} || '-' || hash(i) % 4",
        "ContainerName": "'inference-server'",
        "Message": """'{"event": "score", "status": 200, "request_id": "'
            || md5((i * 2)::VARCHAR) || '", "duration_ms": ' || hash(i) % 500
            || ', "model": "iris", "model_version": "1", "rows": 3}'""",
    }
