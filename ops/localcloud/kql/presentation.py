"""The render operator: how Azure tells a client to draw a result."""

from __future__ import annotations

from typing import Any

from ops.localcloud.kql import lexer
from ops.localcloud.kql.lexer import Token

DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("title", "xTitle", "yTitle", "xAxis", "yAxis", "xColumn")),
    **dict.fromkeys(("series", "yColumns", "anomalyColumns", "ySplit", "legend")),
    "kind": None,
    "accumulate": False,
    "isQuerySorted": False,
    "yMin": "NaN",
    "yMax": "NaN",
    "xMin": None,
    "xMax": None,
}
NAMES = {name.lower(): name for name in DEFAULTS}


def taken(text: str, words: list[Token]) -> tuple[list[Token], dict[str, Any] | None]:
    """The query's words without a last `| render ...`, and that as Azure's object."""
    runs = list(lexer.split(words, "|"))
    last = runs[-1]
    if len(runs) < 2 or len(last) < 2 or last[0].text != "render":
        return words, None
    kept = words[: len(words) - len(last) - 1]
    return kept, {"visualization": last[1].text, **DEFAULTS, **options(text, last[2:])}


def options(text: str, words: list[Token]) -> dict[str, Any]:
    """`with (title="...", ycolumns=a, b)`, or the older `title="..."` bare."""
    if len(words) > 2 and words[0].text == "with" and words[1].text == "(":
        words = words[2:-1]
    found: dict[str, Any] = {}
    name = ""
    for run in lexer.split(words, ","):
        if len(run) > 2 and run[1].text == "=":
            name = NAMES.get(run[0].text.lower(), run[0].text)
            found[name] = value(text, run[2:])
        elif run and isinstance(found.get(name), list | str):
            found[name] = [*as_list(found[name]), lexer.span(text, run)]
    for name in ("series", "yColumns", "anomalyColumns"):
        if name in found:
            found[name] = as_list(found[name])
    return found


def as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


def value(text: str, words: list[Token]) -> Any:
    word = words[0]
    if word.kind == "string":
        return word.text.strip("@hH").strip("\"'")
    if word.text in ("true", "false"):
        return word.text == "true"
    return lexer.span(text, words)
