"""Rules of autoscale.yaml: what fires on which metric, and what it does to the count.

Azure: autoscale-understanding-settings. Metrics: supported-metrics of
Microsoft.MachineLearningServices/workspaces/onlineEndpoints and .../deployments.
"""

import math
import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

MOST_RULES = 10
CPU, MEMORY = "CpuUtilizationPercentage", "CpuMemoryUtilizationPercentage"
GPU, REQUESTS = "GpuUtilizationPercentage", "RequestsPerMinute"
LATENCIES = {f"latency_p{n}": f"RequestLatency_P{n}" for n in (50, 90, 95, 99)}
COLLECTED = {
    "DataCollectionEventsPerMinute": ("deployment", "type"),
    "DataCollectionErrorsPerMinute": ("deployment", "reason", "type"),
}
METRICS: dict[str, dict[str, tuple[str, ...]]] = {  # whose -> metric -> its dimensions
    "deployment": {
        **dict.fromkeys((CPU, MEMORY, GPU), ("instanceId",)),
        "GpuMemoryUtilizationPercentage": ("instanceId",),
        "DiskUtilization": ("instanceId", "disk"),
        "DeploymentCapacity": ("instanceId", "State"),
        REQUESTS: ("envoy_response_code",),
        **dict.fromkeys(LATENCIES.values(), ()),
        "GpuEnergyJoules": ("instanceId",),
        "DataCollectionEventsPerMinute": ("instanceId", "type"),
        "DataCollectionErrorsPerMinute": ("instanceId", "reason", "type"),
    },
    "endpoint": {
        REQUESTS: ("deployment", "statusCode", "statusCodeClass", "modelStatusCode"),
        "RequestLatency": ("deployment",),
        **dict.fromkeys(LATENCIES.values(), ("deployment",)),
        "ConnectionsActive": (),
        "NewConnectionsPerSecond": (),
        "NetworkBytes": (),
        **COLLECTED,
    },
}
OPERATORS = {
    ">": "GreaterThan",
    ">=": "GreaterThanOrEqual",
    "<": "LessThan",
    "<=": "LessThanOrEqual",
    "=": "Equals",
    "!=": "NotEquals",
}
COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
MINUTE = 60.0
SHORT = {
    "cpu": CPU,
    "memory": MEMORY,
    "gpu": GPU,
    "requests": REQUESTS,
    **LATENCIES,
}
TIMES = ("window_seconds", "cooldown_seconds")
MARGIN = 0.9  # of the line that a scale-in must not project to, in the short forms


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of a profile."""

    metric: str
    sign: str
    limit: float
    up: bool
    kind: str = "ChangeCount"
    amount: int = 1
    of: str = "deployment"  # or endpoint, or the id of another resource
    window_seconds: float = 5 * MINUTE
    grain_seconds: float = MINUTE
    cooldown_seconds: float = 5 * MINUTE
    statistic: str = "Average"
    aggregation: str = "Average"
    per_instance: bool = False
    dimensions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    @property
    def shown(self) -> str:
        return f"{self.metric} {self.sign} {self.limit:g}"

    def result(self, count: int) -> int:
        """The count that it asks for, as the engine rounds it."""
        step = self.amount
        if self.kind == "ExactCount":
            return max(count, step) if self.up else min(count, step)
        if self.kind == "PercentChangeCount":
            share = count * step / 100
            step = math.ceil(share) if self.up else max(math.floor(share), 1)
        return count + step if self.up else count - step


def to_wire(rule: Rule, ids: Mapping[str, str]) -> dict[str, Any]:
    """As Azure takes it; `ids` are those of the deployment and of its endpoint."""
    return {
        "metricTrigger": {
            "metricName": rule.metric,
            "metricResourceUri": ids.get(rule.of, rule.of),
            "timeGrain": iso(rule.grain_seconds),
            "statistic": rule.statistic,
            "timeWindow": iso(rule.window_seconds),
            "timeAggregation": rule.aggregation,
            "operator": OPERATORS[rule.sign],
            "threshold": rule.limit,
            "dimensions": [
                {"DimensionName": name, "Operator": how, "Values": list(values)}
                for name, how, values in rule.dimensions
            ],
            "dividePerInstance": rule.per_instance,
        },
        "scaleAction": {
            "direction": "Increase" if rule.up else "Decrease",
            "type": rule.kind,
            "value": str(rule.amount),
            "cooldown": iso(rule.cooldown_seconds),
        },
    }


def iso(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"PT{minutes}M" if not rest else f"PT{round(seconds)}S"


def short(key: str, values: Mapping[str, Any], minimum: int) -> tuple[Rule, ...]:
    """The pair behind `cpu: 60`: out over it, in where one fewer stays well below.

    Latency says nothing about how far one can scale in: it only scales out.
    """
    kept = {name: values[name] for name in TIMES if name in values}
    base = Rule(
        metric=SHORT[key],
        sign=">",
        limit=values["over"],
        up=True,
        amount=values.get("step", 1),
        per_instance=key == "requests",
        **kept,
    )
    if key in LATENCIES:
        return (base,)
    derived = math.floor(MARGIN * base.limit * minimum / (minimum + base.amount))
    under = float(values.get("under", derived))
    return base, replace(base, sign="<", limit=under, up=False)


def crossing(rules: Iterable[Rule]) -> Iterator[str]:
    """Pairs on one metric that would both fire: scale-in at or over scale-out."""
    for out, in_ in pairs(rules):
        if in_.limit >= out.limit:
            yield (
                f"{in_.metric} scales in {in_.sign} {in_.limit:g} and out {out.sign} "
                f"{out.limit:g}: the thresholds cross"
            )


def flaps(rules: Iterable[Rule], minimum: int, maximum: int) -> Iterator[str]:
    """Pairs whose scale-in would cause a scale-out at some count (one a pair).

    The load stays the same, so a metric of an instance becomes n/n' of what it was.
    """
    for out, in_ in pairs(rules):
        if in_.limit >= out.limit:
            continue  # told by crossing()
        for count in range(minimum + 1, maximum + 1):
            fewer = max(in_.result(count), minimum)
            would = in_.limit * count / fewer
            if fewer < count and COMPARE[out.sign](would, out.limit):
                yield (
                    f"{in_.metric} {in_.sign} {in_.limit:g} scales in from {count} to "
                    f"{fewer}, where the same load is up to {would:.4g} ({out.sign} "
                    f"{out.limit:g} scales out again): keep it under "
                    f"{math.floor(out.limit * fewer / count)}"
                )
                break


def pairs(rules: Iterable[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Each scale-out with each scale-in that looks at the same metric."""
    rules = list(rules)
    for out in rules:
        for in_ in rules:
            same = all(
                getattr(out, name) == getattr(in_, name)
                for name in ("metric", "of", "per_instance", "dimensions")
            )
            if same and out.up and not in_.up and out.sign[0] == ">" > in_.sign[0]:
                yield out, in_
