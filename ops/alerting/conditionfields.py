"""What log and metric conditions of alert rules have in common: the threshold."""

from collections.abc import Mapping
from typing import Any

from ops import fields
from ops.alerting.rules import OPERATORS
from ops.fields import Mistake

AGGREGATES = {a.lower(): a for a in ("Average", "Maximum", "Minimum", "Total", "Count")}
LIMITS: dict[str, Any] = {
    word: (word, fields.number(-1e15, 1e15)) for word in OPERATORS
}


def threshold(
    data: Any,
    values: Mapping[str, Any],
    at: str,
    mistakes: list[Mistake],
    *others: str,
) -> tuple[str, float]:
    """Azure's operator and the limit; what is wrong with the limit itself is told."""
    said = [word for word in OPERATORS if isinstance(data, dict) and word in data]
    if len(said) == 1:
        return OPERATORS[said[0]], values.get(said[0], 0.0)
    text = f"needs exactly one of {', '.join((*OPERATORS, *others))}"
    if said:
        text += f", not {' and '.join(said)}"
    mistakes.append(Mistake(field=at, text=text))
    return "", 0.0


def written(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value


def spelled(value: Any) -> str:
    """A value as --param takes it: a list is one with commas between."""
    if isinstance(value, list):
        return ",".join(spelled(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def worded(words: Mapping[str, str]) -> fields.Reader:
    read = fields.choice(*words)
    return lambda value: words[read(value)]
