"""What the language's own documentation says of each function, held one by one.

A case of tests/kql/truth/ is a query with the answer that its page gives: `is` for the
only value, `rows`, `columns` with their types, or `refused` with words of the refusal.
Pages lie below https://learn.microsoft.com/kusto/query/.
"""

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import yaml
from duckdb_kql.translate.functions import AGGREGATE_FUNCTIONS, SCALAR_FUNCTIONS

from ops.localcloud.kql import Engine, QueryError, functions, harden
from tests.kql import data

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
FIELDS = {"query", "is", "rows", "columns", "refused", "page"}


def cases():
    for path in sorted((Path(__file__).parent / "kql/truth").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text()):
            assert set(case) <= FIELDS, case
            assert case["page"], case
            yield pytest.param(case, id=f"{path.stem}: {case['query']}")


@pytest.fixture(scope="module")
def ask():
    connection = duckdb.connect()
    harden(connection)
    engine = Engine(data.SCHEMA)
    yield lambda kql: engine.query(connection, kql, now=NOW).tables[0]
    engine.close()
    connection.close()


@pytest.mark.parametrize("case", list(cases()))
def test_it_answers_as_documented(case, ask):
    if "refused" in case:
        with pytest.raises(QueryError) as refused:
            ask(case["query"])
        assert case["refused"] in str(refused.value)
        return
    table = ask(case["query"])
    if "columns" in case:
        found = {name: kind for name, _, kind in map(column, table.columns)}
        assert found == case["columns"]
    if "is" in case:
        ((value,),) = table.rows
        assert same(value, case["is"]), value
    if "rows" in case:
        assert len(table.rows) == len(case["rows"]), table.rows
        for row, expected in zip(table.rows, case["rows"], strict=True):
            assert len(row) == len(expected)
            assert all(map(same, row, expected)), row


def test_every_function_that_is_accepted_has_a_case():
    functions.register()
    known = {*SCALAR_FUNCTIONS, *AGGREGATE_FUNCTIONS}
    folder = Path(__file__).parent / "kql/truth"
    cases = " ".join(path.read_text() for path in folder.glob("*.yaml"))

    assert not [
        name
        for name in sorted(known)
        if not name.startswith("__") and not re.search(rf"\b{name}\s*\(", cases)
    ]


ODD = ("real(nan)", "long(null)", "''", "dynamic([])", "dynamic(null)", "'text'")


@pytest.mark.parametrize("value", ODD)
def test_an_odd_value_is_answered_or_refused_by_every_function(ask, value):
    """Never an error of DuckDB's, of Python's, or of no name."""
    functions.register()
    codes: dict[str, str] = {}
    for name, spec in sorted(SCALAR_FUNCTIONS.items()):
        if name.startswith("__") or not spec.arities:
            continue
        call = f"{name}({', '.join([value] * min(spec.arities))})"
        try:
            ((_,),) = ask(f"print {call}").rows
        except QueryError as refusal:
            codes[call] = refusal.inner_code
    known = ("SEM", "LOCAL", "SYN")
    assert not {
        call: code for call, code in codes.items() if not code.startswith(known)
    }


def test_a_sample_is_of_any_rows_and_not_the_first(ask):
    rows = ask("range i from 1 to 100000 step 1 | sample 5").rows

    assert sorted(rows) != [[1], [2], [3], [4], [5]]


def column(found):
    name, kind = found[0], found[-1]
    return name, "", kind


def same(value, expected):
    """Whether a value of the wire is the one that YAML spells."""
    if isinstance(expected, list | dict):
        return json.loads(value) == expected
    if isinstance(expected, float) and math.isnan(expected):
        return value == "NaN"
    if isinstance(expected, float):
        return isinstance(value, float) and math.isclose(value, expected)
    if isinstance(expected, int) and isinstance(value, str):
        return value == str(expected)  # of a dynamic value
    return type(value) is type(expected) and value == expected
