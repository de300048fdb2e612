"""What Azure refuses of a log rule's query and of the columns that it names.

Azure: alerts-create-log-alert-rule, the limitations of queries and of a frequency of
one minute.
"""

from collections.abc import Callable, Mapping

from ops.localcloud.fields import Problems, Told, objects
from ops.localcloud.kql import lexer
from ops.localcloud.kql.errors import QueryError
from ops.localcloud.kql.lexer import Token

Columns = Callable[[str], Mapping[str, str]]  # of what a query returns; or QueryError

NEVER = ("bag_unpack", "pivot", "narrow")
RESERVED = "AggregatedValue"
TOO_SLOW = ("search", "union", "take", "limit")  # for every minute: operators
UNSEEN = ("ingestion_time", "adx", "arg")  # for every minute: functions
NUMBERS = ("int", "long", "real", "decimal")
MOST_DIMENSIONS = 6


def problems(
    at: str, told: Told, *, every_minute: bool, columns: Columns | None
) -> Problems:
    """What is wrong with the query, the measure and the dimensions of a condition.

    Without `columns` nobody asks what the query returns.
    """
    query = told.get("query")
    if not isinstance(query, str) or not query.strip():
        yield f"{at}.query must be given."
        return
    try:
        refused = list(_words(at, lexer.tokens(query), every_minute=every_minute))
        # What is refused is not asked either: a plugin's columns are in the data.
        found = columns(query) if columns and not refused else None
    except QueryError as error:
        place = f" at [{error.line},{error.position}]" if error.line else ""
        yield f"{at}.query is not valid{place}: {error.message}"
        return
    yield from refused
    yield from _measure(at, told)
    if found is not None:
        yield from _named(at, told, found)


def _words(at: str, words: list[Token], *, every_minute: bool) -> Problems:
    texts = [word.text for word in words]
    for name in NEVER:
        if _calls(texts, name):
            yield f"{at}.query: {name}() is not supported in log search alert rules."
    if RESERVED in texts:
        yield f"{at}.query: {RESERVED} is a reserved word."
    for index, text in enumerate(texts[:-3]):
        literal = words[index + 2].kind in ("number", "moment")
        alone = literal and texts[index + 3] == ")"
        if text == "ago" and texts[index + 1] == "(" and not alone:
            yield f"{at}.query: ago() takes nothing but a timespan literal."
    if not every_minute:
        return
    for name in TOO_SLOW:
        if any(_operates(words, index, name) for index in range(len(words))):
            yield f"{at}.query: {name} is not supported with a frequency of PT1M."
    for name in UNSEEN:
        if _calls(texts, name):
            yield f"{at}.query: {name}() is not supported with a frequency of PT1M."


def _calls(texts: list[str], name: str) -> bool:
    return any(
        text == name and texts[index + 1] == "("
        for index, text in enumerate(texts[:-1])
    )


def _operates(words: list[Token], index: int, name: str) -> bool:
    """Whether this word is the operator, and no column or argument of its name."""
    before = words[index - 1].text if index else "|"
    after = words[index + 1] if index + 1 < len(words) else None
    stands = words[index].text == name and before in ("|", ";", "(", "{", "=")
    goes_on = after is not None and (after.kind != "mark" or after.text in "(*[")
    return stands and goes_on


def _measure(at: str, told: Told) -> Problems:
    name, counted = told.get("metricMeasureColumn"), told.get("timeAggregation")
    if name and counted == "Count":
        yield f"{at}.metricMeasureColumn can't be given with the aggregation Count."
    elif not name and counted != "Count":
        yield f"{at}.metricMeasureColumn must be given, unless rows are counted."


def _named(at: str, told: Told, found: Mapping[str, str]) -> Problems:
    """What is wrong with the columns that a condition names."""
    if name := told.get("metricMeasureColumn"):
        yield from _column(at, "metricMeasureColumn", name, found, NUMBERS)
    if name := told.get("resourceIdColumn"):
        yield from _column(at, "resourceIdColumn", name, found, ("string",))
    for number, each in enumerate(objects(told.get("dimensions")) or ()):
        if isinstance(each.get("name"), str):
            field = f"dimensions[{number}].name"
            yield from _column(at, field, each["name"], found, ("string", *NUMBERS))


def _column(
    at: str, field: str, name: object, found: Mapping[str, str], kinds: tuple[str, ...]
) -> Problems:
    if not isinstance(name, str) or name not in found:
        yield (
            f"{at}.{field} '{name}' is not a column of the query's result, which has "
            f"{', '.join(found)}."
        )
    elif found[name] not in kinds:
        yield (
            f"{at}.{field} '{name}' is of type {found[name]}; it must be "
            f"{' or '.join(kinds)}."
        )
