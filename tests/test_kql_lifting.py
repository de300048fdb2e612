"""Questions that differ in their times alone are translated once."""

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from ops import kql
from ops.localcloud.kql import TABLES, Engine, QueryError, create_table, harden
from ops.localcloud.kql.lifting import lifted

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ROWS = "AmlOnlineEndpointTrafficLog"


@pytest.fixture(scope="module")
def connection():
    connection = duckdb.connect()
    for name, columns in TABLES.items():
        connection.execute(create_table(name, columns))
    for minute in range(60):
        at = NOW - timedelta(minutes=minute)
        connection.execute(
            f"INSERT INTO {ROWS} (TimeGenerated, DeploymentName, ResponseCode) "
            "VALUES (?, 'blue', 200)",
            [at.replace(tzinfo=None)],
        )
    harden(connection)
    yield connection
    connection.close()


@pytest.fixture
def engine():
    engine = Engine(TABLES)
    yield engine
    engine.close()


def at(minutes_ago):
    return (NOW - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def since(minutes_ago, rest=f"{ROWS} | where TimeGenerated > since | count"):
    return f'let who = "a;b";\nlet since = datetime({at(minutes_ago)});\n{rest}'


def test_times_become_parameters_and_every_line_stays_where_it_is():
    text, times = lifted(since(5))

    assert times == {"since": NOW - timedelta(minutes=5)}
    assert text.splitlines()[0].startswith("declare query_parameters(since:datetime); ")
    assert 'let who = "a;b";' in text
    assert text.count("\n") == since(5).count("\n")
    assert lifted(since(7))[0] == text


@pytest.mark.parametrize(
    "text",
    [
        f"{ROWS} | count",
        f'let who = "blue";\n{ROWS} | count',
        f"let since = ago(1h);\n{ROWS} | where TimeGenerated > since",
        f"let f = () {{\nlet since = datetime({at(1)});\n{ROWS} }};\nf()",
        since(5, "let since = 1;\nprint since"),
        since(5, "let f = () { let since = 1; print since };\nf()"),
        f"let since = datetime({at(1)});\ndeclare query_parameters(a:int);\nprint a",
        f"let since = datetime(2026-13-01);\n{ROWS} | where TimeGenerated > since",
    ],
)
def test_what_has_no_time_at_its_head_stays_as_it_is(text):
    assert lifted(text) == (text, {})


def test_another_moment_needs_no_other_translation(engine, connection):
    found = [
        engine.query(connection, since(minutes), now=NOW).tables[0].rows[0][0]
        for minutes in (5, 10, 60)
    ]

    assert found == [5, 10, 60]
    assert len(engine.plans) == 1


ASKED = (
    *(kql.bind(kql.named(name), {}) for name in kql.names()),
    *(
        since(50, text)
        for text in (
            f"{ROWS} | summarize count() by bin_at(TimeGenerated, 7m, since)\n"
            "| order by TimeGenerated asc",
            f"{ROWS} | make-series n = count() on TimeGenerated from since to "
            "(since + 10m) step 5m",
            "range at from since to since + 1h step 10m",
            "print startofday(since), tostring(since), since < ago(1m)",
            f"let after = () {{ {ROWS} | where TimeGenerated > since }};\n"
            "after() | count",
            f"{ROWS} | extend since = now() | where since > ago(1m) | count",
            "print since + since",
            "let f = (since:datetime) { print since };\nf(now())",
            f"{ROWS}\n| where TimeGenerated > since | where Nope == 1",
        )
    ),
)


@pytest.mark.parametrize("text", [each for each in ASKED if lifted(each)[1]])
def test_it_is_answered_or_refused_as_with_its_times_in_it(
    engine, connection, monkeypatch, text
):
    found = told(engine, connection, text)
    monkeypatch.setattr("ops.localcloud.kql.engine.lifted", lambda text: (text, {}))

    plain = Engine(TABLES)

    assert told(plain, connection, text) == found
    plain.close()


def told(engine, connection, text):
    try:
        table = engine.query(connection, text, now=NOW).tables[0]
    except QueryError as refused:
        return vars(refused)
    return table.columns, json.dumps(table.rows)
