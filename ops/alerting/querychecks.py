"""The queries of log rules, tried on the endpoint's own rows before a rule is written.

Azure refuses a rule whose query it can't run; a rule whose column holds no numbers, or
that is split by a column that isn't there, it may take, and then it never fires.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from ops import kql
from ops.alerting.compiling import LOG_RULES
from ops.alerting.steps import CREATE, UPDATE, Step
from ops.errors import InvalidSpec
from ops.kql import Result
from ops.times import Span

if TYPE_CHECKING:
    from ops.clients import Workspace

NUMBERS = ("int", "long", "real", "decimal")
SPLIT = (*NUMBERS, "string", "bool", "guid")
MINUTE = timedelta(minutes=1)  # of rows is enough: only the columns are looked at


def require_sound(workspace: "Workspace", steps: Iterable[Step]) -> None:
    """Raise InvalidSpec with all that is wrong with the queries of these steps."""
    problems = [
        f"{step.endpoint}/{step.rule}: {text}"
        for step in steps
        if step.kind == LOG_RULES and step.action in (CREATE, UPDATE)
        for text in _problems(workspace, step)
    ]
    if problems:
        raise InvalidSpec(problems)


def _problems(workspace: "Workspace", step: Step) -> list[str]:
    criterion = step.body["properties"]["criteria"]["allOf"][0]
    now = workspace.now()
    span = Span(start=now - MINUTE, end=now)
    try:
        found = kql.rows(
            workspace, criterion["query"], span=span, endpoint=step.endpoint
        )
    except kql.QueryRefused as error:
        return [f"query: {error.problem}"]
    names = [each["name"] for each in criterion["dimensions"]]
    return list(wrong(found, criterion.get("metricMeasureColumn"), names))


def wrong(found: Result, measure: str | None, by: Iterable[str]) -> Iterable[str]:
    """What columns a query has not, or of another type than they must be."""
    types = {each.name: each.type for each in found.columns}
    there = ", ".join(f"{name} ({kind})" for name, kind in types.items())
    if measure and measure not in types:
        yield f"measure: the query has no column {measure} (it has: {there})"
    elif measure and types[measure] not in NUMBERS:
        yield f"measure: {measure} is {types[measure]}: only numbers are compared"
    for name in by:
        if name not in types:
            yield f"by: the query has no column {name} (it has: {there})"
        elif types[name] not in SPLIT:
            yield f"by: {name} is {types[name]}: a rule is split by text or numbers"
