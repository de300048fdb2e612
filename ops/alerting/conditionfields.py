"""What log and metric conditions of alert rules have in common: the threshold."""

from collections.abc import Mapping
from typing import Any

from ops import fields
from ops.alerting.rules import ELSEWHERE, OPERATORS
from ops.fields import Mistake

AGGREGATES = {a.lower(): a for a in ("Average", "Maximum", "Minimum", "Total", "Count")}
WORDS = {  # in the place of a number
    "slo": "slo is a latency: for a query with unit: ms, or a metric of latency",
    "maximum": "maximum is a count of instances: for ObservedCapacity of autoscale",
}


def _limit(value: Any) -> float:
    if isinstance(value, str) and value in WORDS:
        return ELSEWHERE
    if type(value) not in (int, float) or not -1e15 <= value <= 1e15:
        raise ValueError(f"must be a number, or one of: {', '.join(WORDS)}")
    return float(value)


LIMITS: dict[str, Any] = {word: (word, _limit) for word in OPERATORS}


def threshold(
    data: Any,
    values: Mapping[str, Any],
    at: str,
    mistakes: list[Mistake],
    *others: str,
    allowed: str = "",
) -> tuple[str, float]:
    """Azure's operator and the limit; what is wrong with the limit itself is told."""
    said = [word for word in OPERATORS if isinstance(data, dict) and word in data]
    word = data[said[0]] if said else None
    if isinstance(word, str) and word in WORDS and word != allowed:
        mistakes.append(Mistake(field=f"{at}.{said[0]}", text=WORDS[word]))
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
