"""KQL functions that duckdb-kql has no row for, added to its registries.

Its registries are plain tables of SQL templates; names that start with `__` are
this package's own and stand for what a query's tree is rewritten to.
"""

from functools import cache

from ops.localcloud.kql import percentiles, ranges

ORIGIN = 62_135_596_800_000_000  # microseconds from 0001-01-01 to 1970-01-01
ROW = '"__kql_row"'  # the hidden column that holds a serialized row's place

NUMBER = (
    "CASE WHEN json_type({0}) IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE') "
    "THEN TRY_CAST(({0} ->> '$') AS DOUBLE) END"
)
JSON = "TRY_CAST({0} AS JSON)"  # costs nothing where it is JSON, as to_json() would
BLANKS = "chr(9) || chr(10) || chr(13) || ' '"
# What stands between the brackets of an array; trim() is dear and seldom needed.
WITHIN = (
    f"CASE WHEN CAST({JSON} AS VARCHAR) LIKE '[%]' THEN CAST({JSON} AS VARCHAR)[2:-2] "
    f"ELSE trim(CAST({JSON} AS VARCHAR), {BLANKS})[2:-2] END"
)
BAGS = "list({0}) FILTER (WHERE json_type({0}) = 'OBJECT' AND {1})"
LISTED = "list({0}) FILTER (WHERE {0} IS NOT NULL AND {1})"
# A set of arrays is a set of their members (duckdb-kql: make_set).
MEMBERS = (
    "list(CASE WHEN json_type({0}) = 'ARRAY' THEN CAST({0} AS JSON[]) ELSE [{0}] END) "
    "FILTER (WHERE json_type({0}) <> 'NULL' AND {1})"
)
# An array in the order of its numbers, then of its texts.
ORDERED = (
    "to_json(list_transform(list_sort(list_transform(CAST(to_json({0}) AS JSON[]), "
    "lambda x: {{'n': TRY_CAST(x AS DOUBLE), 't': x ->> '$', 'x': x}}), "
    "'{1}', 'NULLS LAST'), lambda e: e.x))"
)
MERGED = "coalesce(list_reduce(%s, lambda a, b: json_merge_patch(a, b)), '{{}}'::JSON)"
# A bag with its first keys alone.
MOST_KEYS = (
    "list_transform([{0}], lambda kql_bag: to_json(map_from_entries(list_transform("
    "json_keys(kql_bag)[1:{2}], "
    "lambda kql_key: {{'k': kql_key, 'v': json_extract(kql_bag, "
    "'$.\"' || replace(kql_key, '\"', '\\\"') || '\"')}}))))[1]"
)
DAY = "[A-Za-z]+, *"
# Kusto: datetime data type, RFC 822 and RFC 850, without the name of the day.
MAIL_TIMES = (
    "["
    + ", ".join(
        f"'%d{mark}%b{mark}{year} {clock}{zone}'"
        for mark in (" ", "-")
        for year in ("%y", "%Y")
        for clock in ("%H:%M:%S", "%H:%M")
        for zone in ("", " GMT")
    )
    + "]"
)
SECONDS = {"seconds": 1e6, "milliseconds": 1e3, "microseconds": 1, "nanoseconds": 1e-3}

SCALARS: list[tuple[str, str, tuple[int, ...]]] = [
    ("__plain", "{0}", (1,)),
    ("__element", "{0}[{1}]", (2,)),
    ("__number", NUMBER, (1,)),
    (
        "__real_of",
        # A text that a cast can't read is looked at again: most values are numbers.
        "coalesce(TRY_CAST({0} AS DOUBLE), CASE json_type({0}) WHEN 'VARCHAR' "
        "THEN TRY_CAST(trim({0} ->> '$') AS DOUBLE) END)",
        (1,),
    ),
    ("__nan", "isnan({0})", (1,)),
    ("__number_at_all", "NOT isnan({0})", (1,)),
    ("__iso", "strftime({0}, '%Y-%m-%dT%H:%M:%S.%f') || '0Z'", (1,)),
    ("__json", "to_json({0})", (1,)),
    ("__dynamic", "CASE WHEN json_type({0}) <> 'NULL' THEN {0} END", (1,)),
    (
        "__parsed",
        "coalesce(TRY_CAST({0} AS JSON), to_json(nullif(CAST({0} AS VARCHAR), '')))",
        (1,),
    ),
    ("__array_sort_asc", ORDERED.replace("{1}", "ASC"), (1,)),
    ("__array_sort_desc", ORDERED.replace("{1}", "DESC"), (1,)),
    ("__texts", "concat_ws(chr(10), {})", ()),
    ("__int", "CAST({0} AS INTEGER)", (1,)),
    ("__long", "CAST({0} AS BIGINT)", (1,)),
    (
        "__bin_time",
        f"make_timestamp((epoch_us({{0}}) + {ORIGIN}) // epoch_us({{1}})"
        f" * epoch_us({{1}}) - {ORIGIN})",
        (2,),
    ),
    (
        "__bin_time_at",
        "make_timestamp(epoch_us({2}) + CAST(floor((epoch_us({0}) - epoch_us({2}))"
        " / CAST(epoch_us({1}) AS DOUBLE)) AS BIGINT) * epoch_us({1}))",
        (3,),
    ),
    ("bin_at", "({2} + floor(({0} - {2}) / CAST({1} AS DOUBLE)) * {1})", (3,)),
    ("row_number", f"(row_number() OVER (ORDER BY {ROW}) + {{0}} - 1)", (1,)),
    (
        "__row_number_in",
        f"(row_number() OVER (PARTITION BY {{1}} ORDER BY {ROW}) + {{0}} - 1)",
        (2,),
    ),
    ("prev", f"lag({{0}}, {{1}}, {{2}}) OVER (ORDER BY {ROW})", (3,)),
    ("next", f"lead({{0}}, {{1}}, {{2}}) OVER (ORDER BY {ROW})", (3,)),
    (
        "__run",
        f"count(*) FILTER (WHERE {{0}}) OVER (ORDER BY {ROW} ROWS UNBOUNDED PRECEDING)",
        (1,),
    ),
    (
        "row_cumsum",
        f"sum({{0}}) OVER (ORDER BY {ROW} ROWS UNBOUNDED PRECEDING)",
        (1,),
    ),
    (
        "__row_cumsum_in",
        f"sum({{0}}) OVER (PARTITION BY {{1}} ORDER BY {ROW} ROWS UNBOUNDED PRECEDING)",
        (2,),
    ),
    ("__items", f"CASE WHEN json_array_length({JSON}) > 0 THEN {WITHIN} END", (1,)),
    ("__array_of", "CAST('[' || concat_ws(',', {}) || ']' AS JSON)", ()),
    (
        "__property",
        """json_extract({0}, '$."' || replace({1}, '"', '\\"') || '"')""",
        (2,),
    ),
    (
        "bag_keys",
        "CASE WHEN json_type({0}) = 'OBJECT' THEN to_json(json_keys({0})) END",
        (1,),
    ),
    ("bag_merge", "json_merge_patch({1}, {0})", (2,)),
    (
        "bag_has_key",
        "coalesce(list_contains(json_keys({0}), {1}), FALSE) OR (starts_with({1}, '$') "
        "AND length({1}) > 1 AND coalesce(TRY(json_exists({0}, {1})), FALSE))",
        (2,),
    ),
    ("loggamma", "lgamma({0})", (1,)),
    ("tohex", "lower(hex({0}))", (1,)),
    ("url_decode", "url_decode({0})", (1,)),
    (
        "url_encode_component",
        "array_to_string(list_transform(string_split(url_encode({0}), '%'), "
        "lambda p, i: CASE WHEN i > 1 THEN lower(p[1:2]) || p[3:] ELSE p END), '%')",
        (1,),
    ),
    ("__try", "TRY({0})", (1,)),
    ("__decoded", "coalesce(TRY(decode(from_base64({0}))), '')", (1,)),
    (
        "__bin_span",
        "to_microseconds(CAST(floor(epoch_us({0}) / CAST(epoch_us({1}) AS DOUBLE)) "
        "AS BIGINT) * epoch_us({1}))",
        (2,),
    ),
    (
        "__todatetime",
        # Times as mails have them; everything else is told by its first letters.
        f"CASE WHEN regexp_matches({{0}}, '^ *({DAY})?[0-9]{{{{1,2}}}}[- ][A-Za-z]') "
        f"THEN try_strptime(regexp_replace(trim({{0}}), '^{DAY}', ''), {MAIL_TIMES}) "
        "ELSE {1} END",
        (2,),
    ),
    ("new_guid", "uuid()", (0,)),
    ("rand", "random()", (0,)),
    *(
        (
            f"unixtime_{unit}_todatetime",
            f"make_timestamp(CAST(round({{0}} * {scale}) AS BIGINT))",
            (1,),
        )
        for unit, scale in SECONDS.items()
    ),
]

# name, template, arities, prefix of the column's name
AGGREGATES: list[tuple[str, str, tuple[int, ...], str | None]] = [
    ("make_bag", MERGED % BAGS.replace(" AND {1}", ""), (1,), "bag"),
    ("make_bag_if", MERGED % BAGS, (2,), "bag"),
    ("__bag", MOST_KEYS.replace("{0}", MERGED % BAGS), (3,), "bag"),
    ("__list", f"coalesce({LISTED}, [])[1:{{2}}]", (3,), "list"),
    ("__list_of_dynamics", f"to_json(coalesce({LISTED}, [])[1:{{2}}])", (3,), "list"),
    ("__set", f"coalesce(list_distinct({LISTED}), [])[1:{{2}}]", (3,), "set"),
    (
        "__set_of_dynamics",
        f"to_json(coalesce(list_distinct(flatten({MEMBERS})), [])[1:{{2}}])",
        (3,),
        "set",
    ),
    (
        "__sum_span",
        "to_microseconds(CAST(coalesce(sum(epoch_us({0})), 0) AS BIGINT))",
        (1,),
        "sum",
    ),
    (
        "__avg_span",
        "to_microseconds(CAST(avg(epoch_us({0})) AS BIGINT))",
        (1,),
        "avg",
    ),
    ("maxif", "max({0}) FILTER (WHERE {1})", (2,), None),
    ("minif", "min({0}) FILTER (WHERE {1})", (2,), None),
    ("count_distinct", "count(DISTINCT {0})", (1,), None),
    ("count_distinctif", "count(DISTINCT {0}) FILTER (WHERE {1})", (2,), None),
    ("make_list_with_nulls", "coalesce(list({0}), [])", (1,), "list"),
    ("stdevp", "coalesce(stddev_pop({0}), 0.0)", (1,), None),
    ("variancep", "coalesce(var_pop({0}), 0.0)", (1,), None),
]


@cache
def register() -> None:
    """Add the rows, once in a process; duckdb-kql's own rows are left alone."""
    from duckdb_kql.translate.functions import (
        AGGREGATE_FUNCTIONS,
        SCALAR_FUNCTIONS,
        AggregateSpec,
        FunctionSpec,
    )

    for name, template, arities in (*SCALARS, *ranges.SCALARS):
        row = FunctionSpec(name, "template", template, arities)
        SCALAR_FUNCTIONS.setdefault(name, row)
    SCALAR_FUNCTIONS.setdefault(
        "notempty",
        FunctionSpec(
            "notempty", "template", SCALAR_FUNCTIONS["isnotempty"].template, (1,)
        ),
    )
    AGGREGATE_FUNCTIONS.setdefault(
        "take_anyif",
        AggregateSpec(
            "take_anyif",
            "any_value({0}) FILTER (WHERE {1})",
            (2,),
            name_is_argument=True,
        ),
    )
    for name, template, arities, prefix in (*AGGREGATES, *percentiles.AGGREGATES):
        AGGREGATE_FUNCTIONS.setdefault(
            name, AggregateSpec(name, template, arities, name_prefix=prefix)
        )
