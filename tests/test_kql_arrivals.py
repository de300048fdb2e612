"""ingestion_time(): when the store took a row in, whatever time the row has."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from ops.localcloud.kql import Engine, QueryError, create_table
from ops.localcloud.logstore import Batch, LogStore, naive

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TABLES = {
    "T": {"TimeGenerated": "datetime", "A": "string", "_ResourceId": "string"},
    "U": {"TimeGenerated": "datetime", "A": "string", "_ResourceId": "string"},
}
# A row that came a minute later, one that came three hours late, and one that was
# stored before anybody noted when.
ROWS = """('2026-11-22 12:00', 'a', '/e', '2026-11-22 12:01'),
    ('2026-11-22 09:00', 'b', '/e', '2026-11-22 12:02'),
    ('2026-11-22 11:00', 'a', '/f', NULL)"""


@pytest.fixture(scope="module")
def ask():
    connection = duckdb.connect()
    for name, table in TABLES.items():
        connection.execute(create_table(name, table))
    connection.execute(f"INSERT INTO T VALUES {ROWS}")
    engine = Engine(TABLES)

    def ask(kql, **options):
        now = NOON + timedelta(hours=1)
        return engine.query(connection, kql, now=now, **options).tables[0]

    yield ask
    engine.close()
    connection.close()


def letters(table):
    return [row[[name for name, _ in table.columns].index("A")] for row in table.rows]


ANSWERS = {
    "T | where ingestion_time() > datetime(2026-11-22 12:01:30)": ["b"],
    "T | where ingestion_time() < now() | project A": ["a", "b"],
    "T | where isnull(ingestion_time())": ["a"],
    "T | order by ingestion_time() desc": ["b", "a", "a"],
    "T | top 1 by ingestion_time()": ["b"],
    "T | project A | where ingestion_time() > datetime(2026-11-22 12:01:30)": ["b"],
    "T | summarize A = max(ingestion_time() - TimeGenerated)": ["03:02:00"],
    "T | summarize at = max(ingestion_time()) by A | order by at desc": ["b", "a"],
    "T | summarize arg_max(ingestion_time(), *) by A | project A": ["a", "b"],
    "T | distinct A | where isnotnull(ingestion_time())": [],
    "T | summarize arg_max(TimeGenerated, *) by A | where isnull(ingestion_time())": [
        *("a", "b")
    ],
    "print A = ingestion_time()": [None],
    "let late = T | where ingestion_time() - TimeGenerated > 1h; late": ["b"],
    "let f = (x: string) { T | where A == x | where isnotnull(ingestion_time()) };"
    'f("a")': ["a"],
    "T | join kind=inner (T | where isnull(ingestion_time())) on A | project A": [
        *("a", "a")
    ],
    "let cut = toscalar(T | summarize max(ingestion_time()));"
    " T | where ingestion_time() == cut": ["b"],
}


@pytest.mark.parametrize("kql", ANSWERS)
def test_a_row_knows_when_it_was_taken_in(ask, kql):
    assert sorted(map(str, letters(ask(kql)))) == sorted(map(str, ANSWERS[kql]))


@pytest.mark.parametrize(
    ("kql", "columns"),
    [
        ("T", [*TABLES["T"]]),
        ("T | where isnotnull(ingestion_time())", [*TABLES["T"]]),
        ("T | project A, ingestion_time()", ["A", "$IngestionTime"]),
        ("T | extend ingestion_time()", [*TABLES["T"], "$IngestionTime"]),
        ("T | summarize max(ingestion_time())", ["max_$IngestionTime"]),
        (
            "T | summarize count() by bin(ingestion_time(), 5m)",
            ["$IngestionTime", "count_"],
        ),
        (
            "T | summarize arg_max(TimeGenerated, *) by A | extend i=ingestion_time()",
            ["A", "TimeGenerated", "_ResourceId", "i"],
        ),
        ("T | distinct * | extend i = ingestion_time()", [*TABLES["T"], "i"]),
    ],
)
def test_its_columns_are_those_that_microsoft_derives(ask, kql, columns):
    assert [name for name, _ in ask(kql).columns] == columns


def test_what_a_query_may_see_is_what_it_could_see_before(ask):
    seen = ask("T | where isnotnull(ingestion_time()) | project A", scope="/e")
    since = ask(
        "T | extend at = ingestion_time()",
        timespan=(NOON - timedelta(hours=1), None),
    )

    assert letters(seen) == ["a", "b"]
    assert letters(since) == ["a", "a"]


@pytest.mark.parametrize(
    "kql",
    [
        "union T, U | where ingestion_time() > ago(1h)",
        "let t = T | where A == 'a'; t | where ingestion_time() > ago(1h)",
        "T | where ingestion_time(1) > ago(1h)",
    ],
)
def test_where_it_cannot_be_told_it_is_refused(ask, kql):
    with pytest.raises(QueryError, match="ingestion_time") as refused:
        ask(kql)

    assert refused.value.position == kql.index("ingestion_time")


def test_the_store_notes_when_it_took_a_row_in(tmp_path):
    now = [NOON]
    store = LogStore(tmp_path / "logs.duckdb", "t", lambda: now[0])
    for hours in (0, 3):
        now[0] = NOON + timedelta(hours=hours)
        batch = Batch()
        batch.add("AppTraces", [{"TimeGenerated": naive(NOON), "Message": "m"}])
        store.append(batch)

    kql = "AppTraces | project n = (ingestion_time() - TimeGenerated) / 1h"
    found = store.query(kql, now=NOON).tables[0]
    store.close()

    assert found.rows == [[0.0], [3.0]]


def test_a_file_of_an_earlier_version_goes_on(tmp_path):
    path = tmp_path / "logs.duckdb"
    columns = LogStore(path, "t")
    columns.open()
    columns.close()
    with duckdb.connect(str(path)) as old:
        old.execute('ALTER TABLE "AppTraces" DROP COLUMN "$IngestionTime"')
        old.execute("INSERT INTO AppTraces (Message) VALUES ('old')")

    store = LogStore(path, "t", lambda: NOON)
    batch = Batch()
    batch.add("AppTraces", [{"TimeGenerated": naive(NOON), "Message": "new"}])
    store.append(batch)

    kql = "AppTraces | project Message, ingestion_time()"
    assert store.query(kql, now=NOON).tables[0].rows == [
        ["old", None],
        ["new", "2026-11-22T12:00:00Z"],
    ]
    store.close()
