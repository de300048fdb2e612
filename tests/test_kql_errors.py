"""What a query is refused with: Azure's code, and where in the text."""

from datetime import UTC, datetime

import duckdb
import pytest

from ops.localcloud.kql import (
    TABLES,
    Engine,
    Limits,
    QueryError,
    create_table,
    harden,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TRAFFIC = "AmlOnlineEndpointTrafficLog"


@pytest.fixture(scope="module")
def connection():
    connection = duckdb.connect(config={"memory_limit": "256MB"})
    for name, table in TABLES.items():
        connection.execute(create_table(name, table))
    harden(connection)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def engine():
    engine = Engine(TABLES, limits=Limits(seconds=20))
    yield engine
    engine.close()


def refusal(engine, connection, kql, **options):
    with pytest.raises(QueryError) as caught:
        engine.query(connection, kql, now=NOW, **options)
    return caught.value


REFUSED = {
    "an unknown column": (
        f"{TRAFFIC}\n| where Nope == 1",
        ("SemanticError", "SEM0100", 2, 8, "Nope"),
        "'where' operator: Failed to resolve column or scalar expression named 'Nope'",
    ),
    "an unknown table": (
        "NoSuchTable | count",
        ("SemanticError", "SEM0100", 1, 0, "NoSuchTable"),
        "Failed to resolve table or column expression named 'NoSuchTable'",
    ),
    "text where a number is": (
        f"{TRAFFIC}\n| summarize n = count() by Path\n| where n > 'x'",
        ("SemanticError", "SEM0064", 3, 10, ">"),
        "'where' operator: Cannot compare values of types long and string. Try",
    ),
    "an order of texts": (
        f"{TRAFFIC} | where ResponseCode == 200 and Path < 'a'",
        ("SemanticError", "SEM0064", 1, 65, "<"),
        "Cannot compare values of types string and string. Try adding explicit casts.",
    ),
    "a condition that is text": (
        f"{TRAFFIC} | where ResponseCode == 200 or Path",
        ("SemanticError", "SEM0064", 1, 59, "Path"),
        "The expression must have the type bool, not string.",
    ),
    "a condition of a function that is a number": (
        f"{TRAFFIC} | extend a = iff(ResponseCode, 1, 2)",
        ("SemanticError", "SEM0064", 1, 45, "ResponseCode"),
        "'extend' operator: The expression must have the type bool, not int.",
    ),
    "a function with too few arguments": (
        f"{TRAFFIC} | extend a = substring(Path)",
        ("SemanticError", "SEM0219", 1, 41, "substring"),
        "substring(): function expects (source, start)",
    ),
    "a window that would reach another row's elements": (
        "print a = dynamic([1, 2]) | mv-apply a on (extend b = prev(a))",
        ("SemanticError", "LOCAL001", 1, 54, "prev"),
        "'prev' within mv-apply is not supported by localcloud; it would read another"
        " row's elements.",
    ),
    "an operator nobody has": (
        f"{TRAFFIC}\n| wherex ResponseCode == 200",
        ("SyntaxError", "SYN0002", 2, 0, "|"),
        "Query could not be parsed at '|' on line [2,0]",
    ),
    "a bracket left open": (
        f"{TRAFFIC} | where (ResponseCode == 200",
        ("SyntaxError", "SYN0002", 1, 36, "("),
        "Query could not be parsed at '('",
    ),
    "a function nobody has": (
        "print x = frobnicate(1)",
        ("SemanticError", "SEM0260", 1, 10, "frobnicate"),
        "Unknown function: 'frobnicate'.",
    ),
    "a wrong number of arguments": (
        "print x = strlen('a', 'b')",
        ("SemanticError", "SEM0219", 1, 10, "strlen"),
        "strlen(): function expects another number of arguments",
    ),
    "a function that only Azure has": (
        f"{TRAFFIC} | extend a = series_decompose_anomalies(dynamic([1]))",
        ("SemanticError", "LOCAL001", 1, 41, "series_decompose_anomalies"),
        "'series_decompose_anomalies' is Azure-only",
    ),
    "a file from the network": (
        "let x = externaldata(a:string) ['https://example.com/a.csv']; x",
        ("SemanticError", "LOCAL001", 1, 8, "externaldata"),
        "'externaldata' is Azure-only",
    ),
    "a sketch of Azure's own": (
        f"{TRAFFIC} | summarize hll(XRequestId)",
        ("SemanticError", "LOCAL001", 1, 40, "hll"),
        "'hll' is Azure-only",
    ),
    "a plugin that is missing": (
        f"{TRAFFIC} | evaluate basket_case(1)",
        ("SemanticError", "LOCAL001", 1, 39, "basket_case"),
        "The plugin 'basket_case' is not supported by localcloud",
    ),
    "an order by a dynamic": (
        "AppRequests | order by Properties.x",
        ("SemanticError", "SEM0116", 1, 14, "order"),
        "key can't be of dynamic type",
    ),
    "the greatest of a dynamic": (
        "AppRequests | summarize max(Properties.x)",
        ("SemanticError", "SEM0206", 1, 24, "max"),
        "max(): the argument can't be of dynamic type",
    ),
    "arithmetic on a dynamic": (
        "AppRequests | extend y = Properties.x * 2",
        ("SemanticError", "SEM0064", 1, 38, "*"),
        "convert dynamic values first",
    ),
    "a sum in the second of three columns": (
        "AppRequests | extend a = ItemCount * 2, b = Name * 2, c = ItemCount * 3",
        ("SemanticError", "SEM0064", 1, 49, "*"),
        "The operator '*' is not defined for the operand types string and long.",
    ),
    "a comparison within a join": (
        "AppRequests | where ItemCount > 4\n"
        "| join (AppTraces | where Message > 5) on OperationId",
        ("SemanticError", "SEM0064", 2, 34, ">"),
        "'where' operator",
    ),
    "a comparison within a let": (
        "let t = AppRequests | where Name > 5; t | where ItemCount > 2",
        ("SemanticError", "SEM0064", 1, 33, ">"),
        "'where' operator",
    ),
    "a column that was there before a project": (
        "AppRequests | extend u = Url | project Name | where Url == 'Url'",
        ("SemanticError", "SEM0100", 1, 52, "Url"),
        "'where' operator: Failed to resolve column or scalar expression named 'Url'",
    ),
    "a key that isn't there": (
        "AppRequests | where Name == 'Nope' | summarize count() by Nope",
        ("SemanticError", "SEM0100", 1, 58, "Nope"),
        "'summarize' operator: Failed to resolve",
    ),
    "one name of two types in a union": (
        "union (print a = 1), (print b = 1, a = 'x')",
        ("SemanticError", "LOCAL001", 1, 35, "a"),
        "Azure would split it into two columns",
    ),
    "a control command": (
        ".set-or-replace X <| print 1",
        ("SyntaxError", "SYN0002", 1, 0, "."),
        "could not be parsed at '.'",
    ),
    "nothing at all": (
        "  // only a comment",
        ("SyntaxError", "SYN0002", 1, 0, ""),
        "could not be parsed",
    ),
    "a function that calls itself": (
        "let f = () { f() | take 1 }; f()",
        ("SemanticError", "SEM0108", 1, 29, "f"),
        "calls itself",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_query_is_refused_as_azure_would(case, engine, connection):
    kql, (code, inner_code, line, position, token), message = REFUSED[case]

    error = refusal(engine, connection, kql)

    assert (error.code, error.inner_code) == (code, inner_code)
    assert message in error.message
    if line is not None:
        assert (error.line, error.position, error.token) == (line, position, token)


HOSTILE = {
    "deep brackets": "print " + "(" * 5000 + "1" + ")" * 5000,
    "brackets the limit lets through": "print " + "(" * 99 + "1" + ")" * 99,
    "deep nots": f"{TRAFFIC} | where " + "not(" * 90 + "true" + ")" * 90,
    "a long text": "print '" + "x" * 200_000 + "'",
    "a zero byte": "print 'a\0b'",
    "an open string": 'print "abc',
    "closing brackets": "print 1 ))))",
    "SQL for breakfast": "'; DROP TABLE AppRequests; --",
    "nested conversions": "print " + "tostring(toint(" * 12 + "'1'" + "))" * 12,
    "pipes": "|" * 2000,
    "a lone surrogate": "print '\ud800'",
    "emoji": "🔥 | 🔥",
    "only semicolons": ";;;;",
    "only lets": "let x = 1;",
    "an empty pipe": f"{TRAFFIC} | | count",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_text_ends_in_a_clean_refusal(case, engine, connection):
    error = refusal(engine, connection, HOSTILE[case])

    assert error.message.encode("utf-8", "replace")
    assert "SELECT" not in error.message
    assert "duckdb" not in error.message.lower()


WRITES = [
    ".set-or-replace AppRequests <| print 1",
    ".drop table AppRequests",
    ".create database x",
    "print 1 | COPY AppRequests TO '/tmp/x'",
    "read_csv('/etc/passwd')",
    "union read_csv_auto('/etc/passwd')",
    "['/etc/passwd']",
    "print x = read_text('/etc/passwd')",
    "print x = getenv('HOME')",
    "database('other').AppRequests",
    "cluster('c').database('d').T",
    "duckdb_settings",
    "['information_schema'].['tables']",
]


@pytest.mark.parametrize("kql", WRITES)
def test_a_query_can_neither_write_nor_reach_out(kql, engine, connection):
    assert refusal(engine, connection, kql).message
    count = connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()
    assert count == [(len(TABLES),)]


def test_a_hardened_connection_reads_no_file(connection):
    with pytest.raises(duckdb.Error):
        connection.execute("SELECT * FROM read_text('/etc/hostname')")
    with pytest.raises(duckdb.Error):
        connection.execute("SET enable_external_access = true")


def test_a_parameter_is_bound_and_never_part_of_the_query(engine, connection):
    kql = "declare query_parameters(name:string); print n = name"
    value = "x'; DROP TABLE AppRequests; --\" | take 0"

    result = engine.query(connection, kql, now=NOW, parameters={"name": value})

    assert result.tables[0].rows == [[value]]


def test_a_parameter_without_value_or_declaration_is_refused(engine, connection):
    kql = "declare query_parameters(name:string); print n = name"

    assert "'name' has no value" in refusal(engine, connection, kql).message
    unknown = refusal(engine, connection, "print 1", parameters={"other": 1})
    assert unknown.inner_code == "SEM0100"
