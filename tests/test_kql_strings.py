"""What the escapes in a string stand for."""

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


STRINGS = {
    r"'a\u0041\x42b'": "aABb",
    r'"\u00e9\x0a"': "é\n",
    r"'\ud83d\ude00\U0001F600'": "😀😀",
    r"'\u0027\x5c\x22'": "'\\\"",
    r"'\\u0041'": r"\u0041",
    r"'\\\u0041'": r"\A",
    r"'\a\101\n\t'": "\aA\n\t",
    r"@'\u0041'": r"\u0041",
    r"h'\u0041'": "A",
    r"strcat('|', '\x7c', 'x')": "||x",
    r"""tostring(dynamic({"k": "\u0041\x22"}).k)""": 'A"',
}


@pytest.mark.parametrize("kql", STRINGS)
def test_an_escape_stands_for_its_character(ask, kql):
    assert ask(f"print x = {kql}") == [[STRINGS[kql]]]


@pytest.mark.parametrize("escape", [r"\ud83d", r"\u0000", r"\x00", r"\UFFFFFFFF"])
def test_an_escape_that_is_no_character_is_refused_by_name(ask, escape):
    with pytest.raises(QueryError) as caught:
        ask(f"print x = 'a{escape}'")

    assert f"'{escape}'" in caught.value.message
    assert caught.value.token == escape
    assert (caught.value.line, caught.value.position) == (1, 12)
