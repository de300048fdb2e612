"""The query of a log rule with its aggregation behind it, and what its rows say.

The log engine aggregates, so that a query that returns a million rows returns one for
each combination here. Azure: scheduledQueryRules, timeAggregation, metricMeasureColumn.
"""

import math
from collections.abc import Sequence
from typing import Any

from ops.localcloud.alerting.readings import Values
from ops.localcloud.alerting.rules import Condition, Dimensions
from ops.localcloud.kql.results import Table

VALUE, ROWS = "aml_value", "aml_rows"  # columns that no query of a rule has
FUNCTIONS = {"Average": "avg", "Minimum": "min", "Maximum": "max", "Total": "sum"}


def summarized(condition: Condition) -> str:
    """The query, aggregated by the columns that the rule splits by."""
    query = condition.query.rstrip().rstrip(";")
    by = ", ".join(map(_spelled, condition.columns))
    grouped = f" by {by}" if by else ""
    if condition.aggregation == "Count" or not condition.measure:
        return f"{query}\n| summarize {ROWS} = count(){grouped}"
    function = FUNCTIONS[condition.aggregation]
    return (
        f"{query}\n"
        # A value that is not a number must not make one of all the others.
        f"| extend {VALUE} = todouble({_spelled(condition.measure)})\n"
        f"| where isnotnull({VALUE}) and not(isnan({VALUE}))\n"
        f"| summarize {VALUE} = {function}({VALUE}), {ROWS} = count(){grouped}"
    )


def _spelled(column: str) -> str:
    """A column's name as KQL spells it, whatever it is made of."""
    escaped = column.replace("\\", "\\\\").replace("'", "\\'")
    return column if column.isidentifier() else f"['{escaped}']"


def values(condition: Condition, table: Table) -> Values:
    """What the aggregated query has found: a value by combination.

    Of no rows at all there are none: a count of 0, and no average.
    """
    names = [name for name, _ in table.columns]
    found: dict[Dimensions, float | None] = {}
    for row in table.rows:
        told = dict(zip(names, row, strict=True))
        dimensions = tuple((name, _text(told[name])) for name in condition.columns)
        if VALUE not in told:
            found[dimensions] = float(told[ROWS])
        else:
            found[dimensions] = _number(told[VALUE]) if told[ROWS] else None
    return found


def unmeasurable(condition: Condition, columns: Sequence[tuple[str, str]]) -> str:
    """Why a query with these columns can't be measured so; "" where it can."""
    kinds = dict(columns)
    there = ", ".join(f"{name}:{kind}" for name, kind in columns)
    for name in condition.columns:
        if name not in kinds:
            return f"the query has no column {name} to split by (it has {there})"
    if not condition.measure or condition.aggregation == "Count":
        return ""
    if condition.measure not in kinds:
        return f"the query has no column {condition.measure} (it has {there})"
    kind = kinds[condition.measure]
    if kind not in ("int", "long", "real", "decimal"):
        return f"the column {condition.measure} is a {kind}, not a number"
    return ""


def _number(value: Any) -> float | None:
    """Infinity travels as a word in JSON; what is no number can't be compared."""
    number = float(value)
    return None if math.isnan(number) else number


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
