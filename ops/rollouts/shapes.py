"""What an answer looks like, so that a 200 with garbage in it can be told.

A shape is learned from good answers to one request and is plain JSON, so that it can be
kept: an object is an object of shapes, a list a list of one shape (an empty one of
none), a value its kind. A newer model may say more than the older one, but not less.
"""

import json
import math
from functools import reduce
from typing import Any

ANY = "any"  # null, or a value that was of another kind in another answer
BYTES = "bytes"  # no JSON: all that is known is that there was something
MOST_ELEMENTS = 1000  # of a list; the rest is taken to be like them

Shape = Any


def learned(bodies: list[bytes]) -> Shape | None:
    """The shape that all of some good answers have; None of no answer."""
    shapes = [shape(body) for body in bodies]
    return reduce(_common, shapes) if shapes else None


def shape(body: bytes) -> Shape:
    """The shape of one answer."""
    try:
        return _of(json.loads(body))
    except (ValueError, RecursionError):
        return BYTES


def difference(wanted: Shape | None, body: bytes) -> str:
    """How an answer differs from what is wanted, in a few words; "" if it does not."""
    if wanted is None or wanted == ANY:
        return ""
    if not body.strip():
        return "the answer is empty"
    if wanted == BYTES:
        return ""
    try:
        return _differs(wanted, json.loads(body), "answer")
    except (ValueError, RecursionError):
        return "the answer is not JSON"


def _of(value: Any) -> Shape:
    match value:
        case None:
            return ANY
        case dict():
            return {key: _of(inner) for key, inner in value.items()}
        case list():
            inner = [_of(each) for each in value[:MOST_ELEMENTS]]
            return [reduce(_common, inner)] if inner else []
        case bool():
            return "bool"
        case int() | float():
            # One that is not finite says nothing of what a good answer holds.
            return "number" if math.isfinite(value) else ANY
        case _:
            return "text"


def _common(one: Shape, other: Shape) -> Shape:
    """What two shapes have in common."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _common(one[key], other[key]) for key in one if key in other}
    if isinstance(one, list) and isinstance(other, list):
        both = bool(one and other)
        return [_common(one[0], other[0])] if both else []
    return one if one == other else ANY


def _differs(wanted: Shape, value: Any, where: str) -> str:
    if wanted == ANY:
        return ""
    if isinstance(wanted, dict):
        return _object_differs(wanted, value, where)
    if isinstance(wanted, list):
        return _list_differs(wanted, value, where)
    found = _of(value)
    if found == wanted:
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{where} is {value}, not a finite number"
    return f"{where} is {_kind(found)}, not {_kind(wanted)}"


def _object_differs(wanted: dict[str, Shape], value: Any, where: str) -> str:
    if not isinstance(value, dict):
        return f"{where} is {_kind(_of(value))}, not an object"
    for key, inner in wanted.items():
        if key not in value:
            return f"{where}.{key} is missing"
        if said := _differs(inner, value[key], f"{where}.{key}"):
            return said
    return ""


def _list_differs(wanted: list[Shape], value: Any, where: str) -> str:
    if not isinstance(value, list):
        return f"{where} is {_kind(_of(value))}, not a list"
    if wanted and not value:
        return f"{where} is empty"
    for index, each in enumerate(value[:MOST_ELEMENTS] if wanted else []):
        if said := _differs(wanted[0], each, f"{where}[{index}]"):
            return said
    return ""


def _kind(found: Shape) -> str:
    if isinstance(found, dict):
        return "an object"
    if isinstance(found, list):
        return "a list"
    words = {"number": "a number", "bool": "true or false", ANY: "null"}
    return words.get(found, str(found))
