"""Every pair of tests/kql: a query and what it must answer."""

import json
import math
from datetime import UTC
from pathlib import Path

import duckdb
import pytest

from ops.localcloud.kql import Engine, harden
from tests.kql import data, truth

QUERIES = sorted((Path(__file__).parent / "kql").glob("*.kql"))
ORDERING = ("order by", "sort by", "top ", "top-nested", "print", "range ")


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Run KQL over the generated logs."""
    connection = duckdb.connect()
    data.load(connection, tmp_path_factory.mktemp("rows"))
    harden(connection)
    engine = Engine(data.SCHEMA)
    now = data.NOW.replace(tzinfo=UTC)
    yield lambda kql: engine.query(connection, kql, now=now).tables[0]
    engine.close()
    connection.close()


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_answers_as_computed_independently(path, ask):
    expected = json.loads(path.with_suffix(".expected").read_text())

    table = ask(path.read_text())

    assert [list(column) for column in table.columns] == expected["columns"]
    ordered = any(word in path.read_text() for word in ORDERING)
    assert_same(table.rows, expected["rows"], ordered=ordered)


def test_expected_files_are_what_the_independent_computation_says():
    for name in truth.ANSWERS:
        path = Path(truth.__file__).parent / f"{name}.expected"

        assert_same(
            json.loads(path.read_text())["rows"], truth.rows_of(name), ordered=True
        )


def test_every_query_has_an_answer_and_every_answer_a_query():
    names = {path.stem for path in QUERIES}

    assert names == {path.stem for path in QUERIES[0].parent.glob("*.expected")}
    assert names >= set(truth.ANSWERS)


def assert_same(found, expected, *, ordered):
    if not ordered:
        found, expected = sorted(found, key=repr), sorted(expected, key=repr)
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert len(row) == len(wanted)
        assert all(map(same, row, wanted)), (row, wanted)


def same(value, wanted):
    if isinstance(value, float) and isinstance(wanted, int | float):
        return math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-9)
    return type(value) is type(wanted) and value == wanted
