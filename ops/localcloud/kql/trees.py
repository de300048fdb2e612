"""Walking and rebuilding duckdb-kql's tree of a query, which is frozen dataclasses."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any


def rebuilt(node: Any, change: Callable[[Any], Any]) -> Any:
    """The same node with each of its direct children replaced by change(child)."""
    if isinstance(node, tuple | list):
        return type(node)(change(item) for item in node)
    if not dataclasses.is_dataclass(node) or isinstance(node, type):
        return node
    changed = {}
    for field in dataclasses.fields(node):
        before = getattr(node, field.name)
        if isinstance(before, tuple | list) or dataclasses.is_dataclass(before):
            after = change(before)
            if after is not before:
                changed[field.name] = after
    return dataclasses.replace(node, **changed) if changed else node


def walk(node: Any) -> Iterator[Any]:
    """Every node beneath a node, itself first."""
    if isinstance(node, tuple | list):
        for item in node:
            yield from walk(item)
    elif dataclasses.is_dataclass(node) and not isinstance(node, type):
        yield node
        for field in dataclasses.fields(node):
            yield from walk(getattr(node, field.name))


def calls(node: Any) -> Iterator[str]:
    """The lower-cased names of all functions called beneath a node."""
    for inner in walk(node):
        if type(inner).__name__ == "FunctionCall":
            yield inner.name.lower()
