"""No value of a parameter can change the query it goes into."""

import random
from datetime import UTC, datetime

import duckdb
import pytest

from ops import kql, literals
from ops.errors import NotFound, ServiceError, UsageError
from ops.localcloud.kql import TABLES, Engine, create_table, harden

NASTY = (
    '"',
    "'",
    "\\",
    '\\"',
    '"; print 1; //',
    '" | take 0 | union AmlOnlineEndpointEventLog //',
    "a|b",
    "line\nbreak\r\n\ttab",
    "// comment",
    "/* */ ;",
    '"""',
    "```",
    "é ☃ 𝄞 \u2028 \u0085",
    "{[(<>)]}",
    "@'x'",
    "\\u0022",
    "%s {0} $x",
)


@pytest.fixture(scope="module")
def engine():
    connection = duckdb.connect()
    for name, columns in TABLES.items():
        connection.execute(create_table(name, columns))
    harden(connection)
    engine = Engine(TABLES)
    yield (
        lambda text: (
            engine.query(connection, text, now=datetime.now(UTC)).tables[0].rows
        )
    )
    engine.close()
    connection.close()


def query(kind, text="print value"):
    return kql.read("q", f"// title: T\n// param value: {kind} = 1 -- about\n{text}")


@pytest.mark.parametrize("value", NASTY)
def test_a_string_arrives_as_it_was_typed(engine, value):
    bound = kql.bind(query("string"), {"value": value})

    assert engine(bound) == [[value]]


def test_random_texts_of_dangerous_characters_arrive_whole(engine):
    dice = random.Random(7)
    alphabet = "\"'\\|;\n\r\t/*`{}()[]<>@ntxu0 "
    for _ in range(60):
        value = "".join(dice.choices(alphabet, k=dice.randint(0, 30)))
        bound = kql.bind(query("string"), {"value": value})
        assert engine(bound) == [[value]], repr(value)


@pytest.mark.parametrize("value", ["a,b", 'x",y', "a\\, b|c", ""])
def test_a_list_of_strings_arrives_item_by_item(engine, value):
    items = [part.strip() for part in value.split(",")] if value else []
    bound = kql.bind(query("strings", "print array_length(value)"), {"value": value})

    assert engine(bound) == [[len(items)]]


@pytest.mark.parametrize(
    ("kind", "text", "literal"),
    [
        ("int", "-5", "int(-5)"),
        ("long", "9223372036854775807", "long(9223372036854775807)"),
        ("real", "1e-7", "real(1e-07)"),
        ("bool", "True", "true"),
        ("timespan", "1d2h500ms", "timespan(1.02:00:00.500000)"),
        ("datetime", "2026-01-02T03:04:05", "datetime(2026-01-02T03:04:05.000000Z)"),
        ("count", "0010", "10"),
    ],
)
def test_a_typed_value_is_spelled_by_its_type(kind, text, literal):
    assert literals.literal(kind, text, "--param value") == literal


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *[("int", text) for text in ("", "1.0", "2147483648", "1;", "1 or 1", "²")],
        *[("real", text) for text in ("nan", "inf", "1|2", "")],
        *[("bool", text) for text in ("yes", "1", "true;")],
        *[("timespan", text) for text in ("2", "1h;", "-1h", "0s", "99999999w")],
        *[("datetime", text) for text in ("now", "2026-13-01", "x)")],
        *[("guid", text) for text in ("x", "74be27de); print 1")],
        *[("count", text) for text in ("0", "-1", "500001", "1 | take 2")],
        *[("string", text) for text in ("\x00", "\x1b[2J", "\ud800")],
    ],
)
def test_what_a_type_cannot_hold_is_a_usage_error(kind, text):
    with pytest.raises(UsageError) as refusal:
        kql.bind(query(kind), {"value": text})

    assert "--param value" in str(refusal.value)


def test_a_parameter_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"no parameter 'valeu' \(it takes: value\)"):
        kql.bind(query("int"), {"valeu": "1"})


def test_a_query_that_is_not_there_is_refused():
    with pytest.raises(NotFound, match="no query named"):
        kql.named("../kql")


@pytest.mark.parametrize("name", kql.names())
def test_every_shipped_query_runs_on_its_defaults(engine, name):
    found = kql.named(name)

    assert found.title != name
    assert engine(kql.bind(found, {})) is not None


def test_the_mark_stands_under_the_place():
    error = ServiceError(
        "bad", innermost={"line": 2, "pos": 8, "token": "Nope", "message": "no Nope"}
    )

    said = str(kql._explained(error, "T\n| where Nope == 1"))

    assert said == "no Nope\n  | where Nope == 1\n          ^^^^"


def test_a_refusal_without_a_place_says_what_lies_innermost():
    error = ServiceError(
        "GatewayTimeout: Query timed out",
        http_status=504,
        innermost={"message": "Query was terminated after 180 seconds."},
    )

    said = kql._explained(error, "T | count")

    assert str(said) == "Query was terminated after 180 seconds."
    assert said.http_status == 504
