"""How far a query may go, what it sees, and that threads don't meet."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from ops.localcloud.kql import TABLES, Engine, Limits, QueryError, create_table, harden
from ops.localcloud.kql.deadlines import Deadlines

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TRAFFIC = "AmlOnlineEndpointTrafficLog"
ENDPOINT = "/subscriptions/s/resourceGroups/g/onlineEndpoints/iris"


@pytest.fixture
def connection():
    connection = duckdb.connect(config={"memory_limit": "512MB"})
    for name, table in TABLES.items():
        connection.execute(create_table(name, table))
    connection.execute(
        f"INSERT INTO {TRAFFIC} (TimeGenerated, ResponseCode, _ResourceId) "
        "SELECT TIMESTAMP '2026-11-22' + to_minutes(i), 200 + i % 2, "
        "CASE i % 3 WHEN 0 THEN ? WHEN 1 THEN upper(?) || '/deployments/blue' "
        "ELSE ? || '-other' END FROM range(720) t(i)",
        [ENDPOINT] * 3,
    )
    harden(connection)
    yield connection
    connection.close()


@pytest.fixture
def engine():
    engine = Engine(TABLES, limits=Limits(rows=1000, bytes=100_000, cached_queries=3))
    yield engine
    engine.close()


def count(engine, connection, **options):
    result = engine.query(connection, f"{TRAFFIC} | count", now=NOW, **options)
    return result.tables[0].rows[0][0]


def test_a_timespan_hides_rows_outside_it(engine, connection):
    start = datetime(2026, 11, 22, 1, tzinfo=UTC)

    assert count(engine, connection, timespan=(start, None)) == 660
    assert count(engine, connection, timespan=(None, start)) == 60
    assert count(engine, connection, timespan=(start, start + timedelta(hours=1))) == 60
    assert count(engine, connection) == 720


def test_a_timespan_is_intersected_with_the_query(engine, connection):
    kql = f"{TRAFFIC} | where TimeGenerated < datetime(2026-11-22T01:00:00Z) | count"
    start = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)

    result = engine.query(connection, kql, now=NOW, timespan=(start, None))

    assert result.tables[0].rows == [[30]]


def test_a_scope_shows_a_resource_and_what_is_beneath_it(engine, connection):
    assert count(engine, connection, scope=ENDPOINT) == 480
    assert count(engine, connection, scope=ENDPOINT.upper() + "/") == 480
    assert count(engine, connection, scope=ENDPOINT + "/deployments/blue") == 240
    assert count(engine, connection, scope="/subscriptions/other") == 0


def test_a_let_can_not_see_past_the_timespan_or_the_scope(engine, connection):
    kql = f"let all = () {{ {TRAFFIC} }}; union (all()), {TRAFFIC} | count"
    start = datetime(2026, 11, 22, 11, tzinfo=UTC)

    result = engine.query(
        connection, kql, now=NOW, timespan=(start, NOW), scope=ENDPOINT
    )

    assert result.tables[0].rows == [[80]]


def test_now_is_the_callers(engine, connection):
    kql = f"{TRAFFIC} | where TimeGenerated > ago(1h) | count | extend at = now()"

    first = engine.query(connection, kql, now=NOW).tables[0].rows
    later = engine.query(connection, kql, now=NOW + timedelta(minutes=30))

    assert first == [[59, "2026-11-22T12:00:00Z"]]
    assert later.tables[0].rows == [[29, "2026-11-22T12:30:00Z"]]


def test_too_many_rows_are_a_partial_result(engine, connection):
    result = engine.query(connection, "range i from 1 to 5000 step 1", now=NOW)

    assert len(result.tables[0].rows) == 1000
    detail = result.partial_error["details"][0]["innererror"]
    assert result.partial_error["code"] == "PartialError"
    assert detail["code"] == "E_QUERY_RESULT_SET_TOO_LARGE"


def test_too_many_bytes_are_a_partial_result(engine, connection):
    kql = "range i from 1 to 900 step 1 | extend s = strrep('x', 2000)"

    result = engine.query(connection, kql, now=NOW)

    assert 0 < len(result.tables[0].rows) < 100
    assert result.partial_error["code"] == "PartialError"


def test_ten_megabytes_of_result_come_whole(connection):
    engine = Engine(TABLES)
    kql = "range i from 1 to 10000 step 1 | extend s = strrep('x', 1024)"

    result = engine.query(connection, kql, now=NOW)

    assert result.partial_error is None
    assert sum(len(row[1]) for row in result.tables[0].rows) == 10_240_000
    engine.close()


def test_a_long_query_is_ended_at_its_time(engine, connection):
    kql = (
        "range i from 1 to 2000000 step 1 | extend k = 1"
        " | join kind=inner (range j from 1 to 2000000 step 1 | extend k = 1) on k"
        " | summarize sum(i * j)"
    )
    began = time.monotonic()

    with pytest.raises(QueryError) as caught:
        engine.query(connection, kql, now=NOW, seconds=0.5)

    assert caught.value.code == "QueryTimeout"
    assert time.monotonic() - began < 10
    assert count(engine, connection) == 720


def test_a_deadline_strikes_again_until_it_is_forgotten():
    deadlines, strikes = Deadlines(), []
    thrice = threading.Event()

    def end():
        strikes.append(1)
        if len(strikes) == 3:  # the first two may have met no statement
            thrice.set()

    deadlines.set(end, 0.01)
    struck = thrice.wait(10)
    deadlines.forget(end)

    assert struck


def test_a_string_is_never_null(engine, connection):
    kql = f"{TRAFFIC} | project Method, ModelStatusCode | take 1"

    assert engine.query(connection, kql, now=NOW).tables[0].rows == [["", None]]


def test_a_translation_that_would_explode_is_refused(engine, connection):
    kql = "print x = 1 | extend y = " + "tostring(toint(" * 4 + "x" + "))" * 4

    with pytest.raises(QueryError) as caught:
        engine.query(connection, kql, now=NOW)

    assert (caught.value.code, caught.value.inner_code) == ("ResourceLimit", "LOCAL003")


def test_lets_that_double_each_other_are_refused(engine, connection):
    lets = [f"let a{i} = strcat(a{i - 1}, a{i - 1});" for i in range(1, 30)]
    kql = "let a0 = 'x';" + "".join(lets) + "print a29"

    with pytest.raises(QueryError):
        engine.query(connection, kql, now=NOW)


@pytest.mark.long
def test_a_pipeline_of_a_thousand_operators_is_refused_in_words(engine, connection):
    with pytest.raises(QueryError) as caught:
        engine.query(connection, TRAFFIC + " | extend a = 1" * 1200, now=NOW)

    assert (caught.value.code, caught.value.inner_code) == ("ResourceLimit", "LOCAL003")


def test_a_store_on_disk_is_seen_through_the_same_views(engine, tmp_path):
    with duckdb.connect(tmp_path / "logs.duckdb") as store:
        store.execute(create_table(TRAFFIC, TABLES[TRAFFIC]))
        store.execute(
            f"INSERT INTO {TRAFFIC} (TimeGenerated) VALUES ('2026-11-22 11:30'),"
            " ('2026-11-22 12:30')"
        )
        harden(store)

        assert count(engine, store, timespan=(None, NOW)) == 1


def test_translations_are_kept_and_the_oldest_let_go(engine, connection):
    for number in range(5):
        engine.query(connection, f"print {number}", now=NOW)

    assert [kql for _, kql in engine.plans] == ["print 2", "print 3", "print 4"]


def test_a_translation_that_read_data_is_not_kept(engine, connection):
    kql = f"{TRAFFIC} | evaluate pivot(ResponseCode, count(), Method)"

    first = engine.query(connection, kql, now=NOW)
    connection.execute(f"UPDATE {TRAFFIC} SET ResponseCode = 500")
    second = engine.query(connection, kql, now=NOW)

    assert [name for name, _ in first.tables[0].columns] == ["Method", "200", "201"]
    assert [name for name, _ in second.tables[0].columns] == ["Method", "500"]


def test_a_new_schema_makes_old_translations_void(engine, connection):
    assert count(engine, connection) == 720

    engine.schema = {"AppTraces": TABLES["AppTraces"]}

    with pytest.raises(QueryError) as caught:
        count(engine, connection)
    assert caught.value.inner_code == "SEM0100"


def test_many_threads_ask_one_engine(engine, connection):
    def ask(number):
        start = datetime(2026, 11, 22, number % 12, tzinfo=UTC)
        span = (start, start + timedelta(hours=1))
        kql = f"{TRAFFIC} | where ResponseCode == {200 + number % 2} | count"
        return engine.query(connection, kql, now=NOW, timespan=span).tables[0].rows

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(60)))

    assert answers == [[[30]]] * 60


def test_rows_can_be_added_while_a_thread_asks(engine, connection):
    def ask(_):
        return count(engine, connection)

    with ThreadPoolExecutor(2) as pool:
        asked = pool.map(ask, range(30))
        for _ in range(30):
            connection.execute(
                f"INSERT INTO {TRAFFIC} (TimeGenerated) VALUES ('2026-11-22 11:59')"
            )
        counts = list(asked)

    assert all(720 <= n <= 750 for n in counts)
    assert count(engine, connection) == 750


def test_a_result_says_what_it_cost_and_how_to_draw_it(engine, connection):
    kql = f'{TRAFFIC} | count | render timechart with (title="n", ycolumns=a, b)'

    result = engine.query(connection, kql, now=NOW)

    assert result.statistics["query"]["executionTime"] > 0
    assert result.render["visualization"] == "timechart"
    assert (result.render["title"], result.render["yColumns"]) == ("n", ["a", "b"])


LINTS = {
    "print 1": [],
    f"{TRAFFIC} | summarize dcount(Method)": [("LINT001", 1, 40)],
    "AppTraces\n| where isnull(parse_json(Message))": [],
    "print decimal(1.5)": [("LINT003", 1, 6)],
    "print endofday(now())": [("LINT004", 1, 6)],
    "print datetime(2026-11-22T10:00:00.1234567Z)": [("LINT004", 1, 6)],
}


@pytest.mark.parametrize("kql", LINTS)
def test_what_azure_answers_otherwise_is_warned_of(kql, engine, connection):
    warnings = engine.query(connection, kql, now=NOW).warnings

    assert [(w.code, w.line, w.position) for w in warnings] == LINTS[kql]


def test_importing_the_engine_imports_neither_duckdb_nor_the_translator():
    code = (
        "import sys, ops.localcloud.kql; "
        "sys.exit(bool({'duckdb', 'duckdb_kql', 'antlr4'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
