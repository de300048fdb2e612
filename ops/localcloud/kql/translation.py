"""One piece of KQL as one SQL statement, and what it asks to be bound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ops.localcloud.kql import escapes, functions, mending, weights
from ops.localcloud.kql.errors import QueryError, syntax_error
from ops.localcloud.kql.tables import Schema

if TYPE_CHECKING:
    from duckdb_kql.params import ParameterDeclaration

# Stands for now() while a query is translated; the time of the run is bound later.
SOME_TIME = datetime(2000, 1, 1)  # noqa: DTZ001 - DuckDB's timestamps have no zone
CLOCK = "kqlnow"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """SQL, the names it asks values for, and a clock that the text itself set."""

    sql: str
    slots: frozenset[str] = frozenset()
    declarations: tuple[ParameterDeclaration, ...] = ()
    pinned: datetime | None = field(default=None)


def check_syntax(kql: str) -> None:
    """Raise QueryError for text that Microsoft's grammar can't parse."""
    import duckdb_kql

    with mapped():
        diagnostics = duckdb_kql.validate(kql)
    if diagnostics:
        first = diagnostics[0]
        raise at_token(kql, first.span.line, first.span.column)


def at_token(kql: str, line: int, column: int) -> QueryError:
    lines = kql.split("\n")
    rest = lines[line - 1][column:] if line <= len(lines) else ""
    word = re.match(r"\w+|.", rest)
    return syntax_error(line, column, word.group() if word else "<EOF>")


def translate(kql: str, schema: Schema) -> Statement:
    """Lower, mend and render; every failure is a QueryError."""
    functions.register()
    from duckdb_kql.lower import lower
    from duckdb_kql.translate import clock, to_sql

    with mapped(), clock(SOME_TIME) as active:
        lowered = lower(escapes.spelled_out(kql))
        weights.check(lowered)
        query = mending.mended(lowered, schema)
        result = to_sql(query, {name: list(table) for name, table in schema.items()})
    slots = set(result.slots) | ({CLOCK} if active.used else set())
    pinned = active.moment if active.moment != SOME_TIME else None
    return Statement(
        sql=str(result),
        slots=frozenset(slots),
        declarations=tuple(query.parameters),
        pinned=pinned,
    )


@contextmanager
def mapped() -> Iterator[None]:
    """Whatever the translator raises becomes a refusal in Azure's terms."""
    from duckdb_kql import KqlSchemaError, KqlSyntaxError, KqlUnsupportedError

    try:
        yield
    except KqlSyntaxError as error:
        first = error.diagnostics[0].span if error.diagnostics else None
        line, column = (first.line, first.column) if first else (1, 0)
        raise syntax_error(line, column, "") from None
    except KqlUnsupportedError as error:
        raise unsupported(error.construct, error.hint) from None
    except KqlSchemaError as error:
        raise QueryError(
            f"Failed to resolve '{error.name}'"
            + (f": {error.hint}" if error.hint else ""),
            inner_code="SEM0100",
            token=error.name,
        ) from None
    except RecursionError:
        raise QueryError(
            "The query is nested too deeply.",
            code="SyntaxError",
            inner_code="SYN0003",
        ) from None
    except ValueError as error:
        raise wrong_arguments(str(error)) from None
    except (AssertionError, AttributeError, IndexError, KeyError, TypeError):
        # The translator is pre-alpha: what it stumbles over is refused, not shown.
        raise QueryError(
            "The query uses a form that localcloud can't translate.",
            inner_code="LOCAL001",
        ) from None


def wrong_arguments(message: str) -> QueryError:
    """The registry's own complaint about the number of arguments."""
    found = re.match(r"(\w+)\(\) takes", message)
    if not found:
        return QueryError(
            "The query holds a value that can't be read.", inner_code="SEM0001"
        )
    return QueryError(
        f"{found.group(1)}(): function expects another number of arguments",
        inner_code="SEM0219",
        token=found.group(1),
    )


def unsupported(construct: str, hint: str | None) -> QueryError:
    """A construct the translator names, as Azure or as localcloud would put it."""
    kind, _, name = construct.partition(":")
    if kind == "function" and "argument" in (hint or ""):
        return wrong_arguments(f"{name}() takes")
    if kind == "function" and name not in AZURE_FUNCTIONS:
        return QueryError(
            f"Unknown function: '{name}'.", inner_code="SEM0260", token=name
        )
    if (hint or "").startswith("expects ("):
        name = name or kind
        return QueryError(
            f"{name}(): function {hint}", inner_code="SEM0219", token=name
        )
    what = spelled(name or construct)
    return QueryError(
        f"'{what}' is not supported by localcloud" + because(hint),
        inner_code="LOCAL001",
        token=what.split("-")[0],
    )


def spelled(name: str) -> str:
    """The grammar's TopNestedOperatorPart as KQL has it: top-nested."""
    if not re.fullmatch(r"([A-Z][a-z]+)+", name):
        return name
    short = re.sub(r"(Operator|Expression|Part|Statement)+$", "", name)
    return re.sub(r"(?<!^)(?=[A-Z])", "-", short).lower()


def because(hint: str | None) -> str:
    if not hint or "wave" in hint.lower() or ".py" in hint:
        return "."
    return f": {hint}"


# Real functions that localcloud lacks: refused as missing here, not as unknown.
AZURE_NAMES = """
    series_stats series_fit_line series_fit_2lines series_outliers series_fill_linear
    series_fill_const series_fill_forward series_fill_backward series_iir series_fir
    series_decompose series_decompose_forecast series_decompose_anomalies
    series_periods_detect series_seasonal series_add series_subtract series_multiply
    series_divide series_greater series_less hll hll_merge hll_if tdigest
    tdigest_merge dcount_hll percentile_tdigest rank_tdigest percentilesw percentilew
    percentiles_array percentilesw_array format_timespan format_bytes parse_csv
    parse_version parse_xml parse_command_line ipv4_is_match ipv4_is_in_range
    ipv4_is_private ipv4_compare ipv6_compare set_union set_intersect set_difference
    set_has_element jaccard_index array_rotate_left array_shift_left array_sum
    array_split dynamic_to_json treepath extract_json bag_remove_keys bag_set_key
    bag_zip geo_distance_2points row_rank_dense row_rank_min row_window_session
    range repeat buildschema make_list_with_nulls covariance cursor_after has_ipv4
"""
AZURE_FUNCTIONS = frozenset(AZURE_NAMES.split())
