"""JSON that comes from outside: what can't be kept and given back is refused.

Python's parser takes more than JSON is: NaN, 1e999, half a character, and nesting that
its writer then fails at. All of that is told from what is said in RFC 8259.
"""

import json
import math
from typing import Any

MAX_DEPTH = 200  # of arrays and objects; Azure's own documents have about 20


def parse(content: bytes) -> Any:
    """The JSON value in a request; ValueError says what is wrong with it."""
    try:
        # Not by json.loads itself, which lets half of a surrogate pair pass.
        text = content.decode(json.detect_encoding(content))
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        check(value)
    except RecursionError:
        raise _too_deep() from None
    if "\\u" in text and not _is_text(value):
        raise ValueError("it holds half of a surrogate pair")
    return value


def check(value: object) -> None:
    """Raise ValueError for what is nested too deep, or a number that is no double."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        for each in level:
            if isinstance(each, int):
                _double(each)
        level = [inner for each in level for inner in _inner(each)]
        if not level:
            return
    raise _too_deep()


def _inner(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _double(number: int) -> None:
    try:
        float(number)
    except OverflowError:
        raise ValueError("it holds a number that is too large") from None


def _too_deep() -> ValueError:
    return ValueError(f"it is nested more than {MAX_DEPTH} levels deep")


def _no_number(name: str) -> None:
    raise ValueError(f"it holds {name}, which is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("it holds a number that is too large")
    return number


def _is_text(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
