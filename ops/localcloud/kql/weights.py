"""How large a query's SQL would grow, judged before it is written.

duckdb-kql writes a converted value's text many times over, once a type it may have,
so that nested conversions grow ninefold a level: five deep is already megabytes.
"""

import dataclasses
from typing import Any

from ops.localcloud.kql.errors import QueryError

# About the logarithm, to base nine, of how often an argument is repeated.
REPEATS = {
    **dict.fromkeys(("toint", "tolong", "totimespan", "gettype"), 2.0),
    **dict.fromkeys(("tostring", "strcat", "strcat_delim", "tobool"), 1.0),
    **dict.fromkeys(("toupper", "tolower", "strlen", "indexof", "todatetime"), 0.5),
    **dict.fromkeys(("substring", "isempty", "isnotempty", "coalesce", "split"), 0.5),
    **dict.fromkeys(("bin", "bag_pack", "reverse", "trim", "countof"), 0.5),
}
MOST_WEIGHT = 5.0
MOST_NODES = 20_000


def check(query: Any) -> None:
    """Raise QueryError for a tree whose SQL would be far beyond any limit."""
    weight, nodes = measured(query, {})
    if weight > MOST_WEIGHT or nodes > MOST_NODES:
        raise too_complex()


def too_complex() -> QueryError:
    return QueryError(
        "The query is too complex to translate: split nested conversions and strcat() "
        "calls into let statements or tables of their own.",
        code="ResourceLimit",
        inner_code="LOCAL003",
    )


def measured(node: Any, known: dict[int, tuple[float, int]]) -> tuple[float, int]:
    """Weight of the heaviest path and number of nodes, each shared part once."""
    if isinstance(node, tuple | list):
        parts = [measured(item, known) for item in node]
    elif not dataclasses.is_dataclass(node) or isinstance(node, type):
        return 0.0, 0
    elif id(node) in known:
        return known[id(node)]
    else:
        fields = dataclasses.fields(node)
        parts = [measured(getattr(node, field.name), known) for field in fields]
    weight = max((part[0] for part in parts), default=0.0)
    nodes = 1 + sum(part[1] for part in parts)
    if type(node).__name__ == "FunctionCall":
        weight += REPEATS.get(node.name.lower(), 0.0)
    if dataclasses.is_dataclass(node):
        known[id(node)] = weight, nodes
    return weight, nodes
