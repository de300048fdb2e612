"""How rules are read from autoscale.yaml, and what can be wrong with each."""

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ops import fields
from ops.autoscaling.rules import LATENCIES, METRICS, MINUTE, Rule, iso
from ops.fields import Known, Mistake

STATISTICS = {s.lower(): s for s in ("Average", "Min", "Max", "Sum", "Count")}
AGGREGATIONS = {
    name.lower(): name
    for name in ("Average", "Minimum", "Maximum", "Total", "Count", "Last")
}
HOUR, DAY = 3600.0, 86_400.0
GRAINS = (MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, 12 * HOUR)
WHEN = re.compile(r"\s*(>=|<=|!=|>|<|=)\s*(-?\d+(?:\.\d+)?)\s*")
CHANGE = re.compile(r"([+-])(\d+)(%?)|([+-])(?:=(\d+)|(next))")


def rules(data: Any, at: str, mistakes: list[Mistake]) -> tuple[Rule, ...]:
    """The rules of a list in the full form; those that are right."""
    if not isinstance(data, list):
        text = 'must be a list of rules, such as {metric: ..., when: "> 70", do: "+1"}'
        mistakes.append(Mistake(field=at, text=text))
        return ()
    found = (_rule(each, f"{at}[{i}]", mistakes) for i, each in enumerate(data))
    return tuple(rule for rule in found if rule)


def _rule(data: Any, at: str, mistakes: list[Mistake]) -> Rule | None:
    before = len(mistakes)
    values = fields.read(data, at, FULL, mistakes)
    if len(mistakes) > before:
        return None
    for key, attribute in (("metric", "metric"), ("when", "sign"), ("do", "up")):
        if attribute not in {
            **values,
            **values.get("do", {}),
            **values.get("when", {}),
        }:
            mistakes.append(Mistake(field=at, text=f"needs a {key}"))
    if len(mistakes) > before:
        return None
    rule = Rule(**values.pop("when"), **values.pop("do"), **values)
    mistakes += [Mistake(field=f"{at}{f}", text=text) for f, text in _wrong(rule)]
    return rule if len(mistakes) == before else None


def _wrong(rule: Rule) -> Iterator[tuple[str, str]]:
    known = METRICS.get(rule.of)
    if known is not None and rule.metric not in known:
        other = "endpoint" if rule.of == "deployment" else "deployment"
        near = difflib.get_close_matches(rule.metric, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        if rule.metric in METRICS[other]:
            hint = f"it is one of the {other}: say of: {other}"
        yield ".metric", f"{rule.metric!r} is no metric of a {rule.of} ({hint})"
    elif known is not None:
        allowed = {each.lower() for each in known[rule.metric]}
        for name, _, _ in rule.dimensions:
            if name.lower() not in allowed:
                there = ", ".join(known[rule.metric]) or "none"
                yield ".dimensions", f"{rule.metric} has no {name} (it has: {there})"
    if rule.window_seconds < rule.grain_seconds:
        yield (
            ".window",
            f"must not be shorter than the grain ({iso(rule.grain_seconds)})",
        )


def _when(value: Any) -> dict[str, Any]:
    found = WHEN.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError('must be a comparison, such as "> 70" or "<= 0.5"')
    return {"sign": found[1], "limit": float(found[2])}


def _do(value: Any) -> dict[str, Any]:
    found = CHANGE.fullmatch(value) if isinstance(value, str) else None
    amount = int((found[2] or found[5] or 1) if found else 0)
    if not found or amount < 1:
        raise ValueError(
            'must be "+1", "-1", "+20%", "-50%", "+=4", "-=4" (exactly) or "+next"'
        )
    kind = "PercentChangeCount" if found[3] else "ChangeCount"
    kind = "ExactCount" if found[5] else kind
    kind = "ServiceAllowedNextValue" if found[6] else kind
    return {"up": value[0] == "+", "kind": kind, "amount": amount}


def _of(value: Any) -> str:
    if value in METRICS or (isinstance(value, str) and value.startswith("/subscrip")):
        return str(value)
    raise ValueError("must be deployment, endpoint or the id of a resource on Azure")


def _dimensions(value: Any) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """{deployment: blue, statusCode: [500, 503]}; a name with a ! behind excludes."""
    if not isinstance(value, dict) or not value:
        raise ValueError("must map dimensions to values, such as {deployment: blue}")
    found = []
    for name, wanted in value.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        how = "NotEquals" if str(name).endswith("!") else "Equals"
        found.append((str(name).rstrip("!"), how, tuple(str(v) for v in values)))
    return tuple(found)


def _length(least: float, most: float, value: Any) -> float:
    seconds: float = fields.seconds(value)
    if not least <= seconds <= most:
        raise ValueError(f"must be from {_plain(least)} to {_plain(most)}")
    return seconds


def _plain(seconds: float) -> str:
    for unit, length in (("d", DAY), ("h", HOUR)):
        if seconds >= length:
            return f"{seconds / length:g}{unit}"
    return f"{seconds / MINUTE:g}m"


def _grain(value: Any) -> float:
    seconds: float = fields.seconds(value)
    if seconds not in GRAINS:
        raise ValueError(f"must be one of: {', '.join(map(_plain, GRAINS))}")
    return seconds


def _worded(words: Mapping[str, str]) -> Any:
    read = fields.choice(*words)
    return lambda value: words[read(value)]


def _milliseconds(value: Any) -> float:
    return 1000 * float(fields.seconds(value))


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be the name of a metric")
    return value


WINDOW = ("window_seconds", partial(_length, 5 * MINUTE, 12 * HOUR))
COOLDOWN = ("cooldown_seconds", partial(_length, MINUTE, 7 * DAY))
FULL: Known = {
    "metric": ("metric", _name),
    "of": ("of", _of),
    "when": ("when", _when),
    "do": ("do", _do),
    "window": WINDOW,
    "grain": ("grain_seconds", _grain),
    "cooldown": COOLDOWN,
    "statistic": ("statistic", _worded(STATISTICS)),
    "aggregation": ("aggregation", _worded(AGGREGATIONS)),
    "per_instance": ("per_instance", fields.flag),
    "dimensions": ("dimensions", _dimensions),
}


def short_fields(key: str) -> Known:
    """The keys of a short form that says more than its number."""
    size: Any = fields.number(1, 99)
    if key == "requests":
        size = fields.number(1, 1_000_000)
    elif key in LATENCIES:
        size = _milliseconds
    limits = {"over": ("over", size)}
    if key not in LATENCIES:
        limits["under"] = ("under", size)
    step = {"step": ("step", fields.whole(1, 50))}
    return {**limits, **step, "window": WINDOW, "cooldown": COOLDOWN}
