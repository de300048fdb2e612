"""That no query fills the machine's memory, and what a range holds."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import duckdb
import pytest

from ops.localcloud.kql import Engine, QueryError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def ask():
    """The rows that a query answers."""
    connection = duckdb.connect(config={"memory_limit": "256MB"})
    engine = Engine({})
    yield lambda kql: engine.query(connection, kql, now=NOW).tables[0].rows
    engine.close()
    connection.close()


# Run by a process that may hold 3 GB at the most, with the control plane's store.
BOUNDED = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from datetime import UTC, datetime
from ops.localcloud.kql import TABLES, Engine, Limits, QueryError
from ops.localcloud.logstore import LogStore
store = LogStore(__import__("pathlib").Path(sys.argv[1]), tenant="t")
connection, engine = store.open(), Engine(TABLES, limits=Limits(seconds=4))
said = {}
for kql in json.load(sys.stdin):
    try:
        found = engine.query(connection, kql, now=datetime(2026, 1, 1, tzinfo=UTC))
        said[kql] = found.tables[0].rows
    except QueryError as error:
        said[kql] = error.code
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps([said, most]))
"""
HUGE = {
    "range x from 1 to 3000000000 step 1 | summarize dcount(x)": "ResourceLimit",
    "let n = 3000000000; range x from 1 to n step 1 | count": "ResourceLimit",
    "let n = toscalar(print 3000000000); range x from 1 to n step 1": "ResourceLimit",
    "range x from 0 to 1e12 step 1.5 | count": "ResourceLimit",
    "range x from 3000000000 to 1 step -1 | count": "ResourceLimit",
    "range x from ago(9000d) to now() step 1s | count": "ResourceLimit",
    "range x from 1s to 9000d step 1s | count": "ResourceLimit",
    "print x = toscalar(range x from 1 to 3000000000 step 1 | count)": "ResourceLimit",
    "print x = 1 | join (range x from 1 to 3000000000 step 1) on x": "ResourceLimit",
    "union (print x = 1), (range x from 1 to 3000000000 step 1)": "ResourceLimit",
    "print t = 1 | make-series count() on t from 0 to 3000000000 step 1": (
        "ResourceLimit"
    ),
    "print t = now() | make-series count() on t from ago(9000d) to now() step 1s": (
        "ResourceLimit"
    ),
    "print x = range(1, 3000000000)": "SemanticError",
    "print x = 1 | mv-expand y = range(1, 3000000000)": "SemanticError",
    "print x = repeat(1, 3000000000)": "SemanticError",
    "print x = strrep('x', 900000000)": "ResourceLimit",
    "range x from 1 to 10000000 step 1 | count": [[10_000_000]],
}
# Within every limit on their own: memory or time ends them, whichever is first.
HEAVY = [
    "range x from 1 to 10000000 step 1 | summarize make_set(tostring(x))",
    "range x from 1 to 10000000 step 1 | extend k = 1 | join kind=inner (range y from "
    "1 to 10000000 step 1 | extend k = 1) on k | summarize dcount(x * y)",
]


def test_no_query_fills_the_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(tmp_path / "logs.duckdb")],
        input=json.dumps([*HUGE, *HEAVY]),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    said, megabytes = json.loads(done.stdout)
    assert {said.pop(kql) for kql in HEAVY} <= {"ResourceLimit", "QueryTimeout"}
    assert said == HUGE
    assert megabytes < 800


def test_a_range_that_is_too_long_is_refused_in_words(ask):
    with pytest.raises(QueryError, match="more than 10,000,000 values") as caught:
        ask("range x from 1 to 3000000000 step 1")

    assert caught.value.inner_code == "LOCAL003"


RANGES = {
    "from 1 to 5 step 2": [1, 3, 5],
    "from 5 to 2 step -2": [5, 3],
    "from 5 to 6 step -2": [],
    "from 1 to 5 step 0": [],
    "from 0 to 0.3 step 0.1": [0.0, 0.1, 0.2, pytest.approx(0.3)],
    "from 1h to 2h step 30m": ["01:00:00", "01:30:00", "02:00:00"],
    "from ago(1h) to now() step 1h": ["2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z"],
    "from toscalar(print now()) to toscalar(print now()) + 1h step 1h": [
        "2026-11-22T12:00:00Z",
        "2026-11-22T13:00:00Z",
    ],
}


@pytest.mark.parametrize("kql", RANGES)
def test_a_range_holds_both_its_ends(ask, kql):
    assert [row[0] for row in ask(f"range x {kql}")] == RANGES[kql]


def test_the_moments_of_a_range_are_known_as_such(ask):
    kql = (
        "range t from datetime(2007-01-01) to datetime(2007-01-09) step 4d"
        " | summarize by bin(t, 7d)"
    )

    assert ask(kql) == [["2007-01-01T00:00:00Z"], ["2007-01-08T00:00:00Z"]]
