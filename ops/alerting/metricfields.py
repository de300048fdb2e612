"""How the `metric` condition of an alert rule is read, and what Azure has of it.

Azure: supported-metrics of Microsoft.MachineLearningServices/workspaces/onlineEndpoints
and .../deployments; alerts-dynamic-thresholds (metrics not supported).
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ops import fields
from ops.alerting.conditionfields import (
    AGGREGATES,
    LIMITS,
    spelled,
    threshold,
    worded,
    written,
)
from ops.alerting.rules import OPERATORS, Dynamic, Metric
from ops.autoscaling import rules as scaling
from ops.autoscaling.rules import LATENCIES, REQUESTS
from ops.fields import Known, Mistake

CAPACITY = "ObservedCapacity"  # what the autoscale engine found at each run
METRICS: dict[str, dict[str, tuple[str, ...]]] = {
    **scaling.METRICS,
    "autoscale": {CAPACITY: ()},
}
ONLY_AVERAGES = {
    *(REQUESTS, CAPACITY, "RequestLatency", *LATENCIES.values()),
    *("ConnectionsActive", "NewConnectionsPerSecond", "NetworkBytes"),
}
NOT_LEARNED = {("endpoint", REQUESTS), ("deployment", "DeploymentCapacity")}
SENSITIVITIES = {s.lower(): s for s in ("High", "Medium", "Low")}
DIRECTIONS = {"over": "GreaterThan", "under": "LessThan", "both": "GreaterOrLessThan"}
PLURALS = {
    "deployment": "deployments",
    "endpoint": "endpoints",
    "autoscale": "autoscale settings",
}
SHORT = {
    "instance": ("instanceid",),
    "status": ("statuscode", "envoy_response_code"),
}


def metric(data: Any, at: str, mistakes: list[Mistake]) -> Metric | None:
    """What a metric block means; None where it is wrong."""
    before = len(mistakes)
    values = fields.read(data, at, METRIC, mistakes)
    if not isinstance(data, dict):
        return None
    operator, limit, dynamic = "", 0.0, None
    if "dynamic" not in data:
        limits = (data, values, at, mistakes, "dynamic")
        operator, limit = threshold(*limits, allowed=_word(data))
    else:
        dynamic = _dynamic(data["dynamic"], f"{at}.dynamic", mistakes)
        if said := [word for word in OPERATORS if word in data]:
            text = f"either dynamic or {said[0]}: a threshold is learned or it is given"
            mistakes.append(Mistake(field=at, text=text))
    if "name" not in data:
        mistakes.append(Mistake(field=at, text="needs the name of a metric"))
    name = values.get("name", "")
    of = values.get("of") or _owner(name)
    if name:
        mistakes += _wrong(name, of, values, dynamic, at)
    if len(mistakes) > before:
        return None
    return Metric(
        name=name,
        of=of,
        aggregate=values.get("aggregate", "Average"),
        operator=operator,
        threshold=limit,
        dynamic=dynamic,
        where=values.get("where", ()),
    )


def _word(data: Mapping[str, Any]) -> str:
    """What may stand in the place of a number."""
    if data.get("of") == "autoscale":
        return "maximum"
    return "slo" if str(data.get("name")).startswith("RequestLatency") else ""


def dimensions(by: Iterable[str], condition: Metric) -> list[str]:
    """The dimensions that the words of `by` mean; raise ValueError for what is none."""
    return [found for word in by if (found := _dimension(word, condition))]


def _dimension(word: str, condition: Metric) -> str:
    """A dimension as Azure spells it; "" where the scope itself is the deployment."""
    if word == "deployment" and condition.of != "endpoint":
        return ""
    wanted = SHORT.get(word, (word.lower(),))
    known = METRICS[condition.of][condition.name]
    for each in known:
        if each.lower() in wanted:
            return each
    there = ", ".join(known) or "none"
    raise ValueError(f"{condition.name} has no dimension {word!r} (it has: {there})")


def _dynamic(data: Any, at: str, mistakes: list[Mistake]) -> Dynamic:
    values = fields.read(data, at, DYNAMIC, mistakes)
    return Dynamic(
        sensitivity=values.get("sensitivity", "Medium"),
        operator=values.get("direction", "GreaterThan"),
    )


def _owner(name: str) -> str:
    return next((each for each in METRICS if name in METRICS[each]), "endpoint")


def _wrong(
    name: str, of: str, values: Mapping[str, Any], dynamic: Dynamic | None, at: str
) -> Iterable[Mistake]:
    known = METRICS[of]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        if owner := next((each for each in METRICS if name in METRICS[each]), ""):
            hint = f"it is one of {PLURALS[owner]}: say of: {owner}"
        text = f"{name!r} is no metric of {PLURALS[of]} ({hint})"
        yield Mistake(field=f"{at}.name", text=text)
        return
    if dynamic and (of, name) in NOT_LEARNED:
        text = f"Azure learns no threshold for this metric of {PLURALS[of]}: give one"
        yield Mistake(field=f"{at}.dynamic", text=text)
    if name in ONLY_AVERAGES and values.get("aggregate", "Average") != "Average":
        text = f"{name} has only an average on Azure"
        yield Mistake(field=f"{at}.aggregate", text=text)
    allowed = {each.lower(): each for each in known[name]}
    for dimension, _, _ in values.get("where", ()):
        if dimension.lower() not in allowed:
            there = ", ".join(known[name]) or "none"
            text = f"{name} has no {dimension} (it has: {there})"
            yield Mistake(field=f"{at}.where", text=text)


def _where(value: Any) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """{statusCodeClass: 5xx}; a name with a ! behind leaves out."""
    if not isinstance(value, dict) or not value:
        raise ValueError("must map dimensions to values, such as {statusCode: 500}")
    found = []
    for name, wanted in value.items():
        given = wanted if isinstance(wanted, list) else [wanted]
        how = "Exclude" if str(name).endswith("!") else "Include"
        found.append((str(name).rstrip("!"), how, tuple(spelled(v) for v in given)))
    return tuple(found)


METRIC: Known = {
    "name": ("name", written),
    "of": ("of", fields.choice(*METRICS)),
    "aggregate": ("aggregate", worded(AGGREGATES)),
    "where": ("where", _where),
    "dynamic": ("dynamic", lambda value: value),
    **LIMITS,
}
DYNAMIC: Known = {
    "sensitivity": ("sensitivity", worded(SENSITIVITIES)),
    "direction": ("direction", worded(DIRECTIONS)),
}
