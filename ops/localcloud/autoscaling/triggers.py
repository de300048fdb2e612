"""From metric points to one number, and from the number to yes or no.

Azure: autoscale-best-practices, "Choose the appropriate statistic": the statistic
combines what was measured within each grain, the time aggregation the grains.
"""

import operator
from collections.abc import Callable, Mapping, Sequence

from ops.localcloud.autoscaling.settings import Trigger

Point = Mapping[str, float]  # average, minimum, maximum, total, count of a grain

STATISTICS = {
    "Average": "average",
    "Min": "minimum",
    "Max": "maximum",
    "Sum": "total",
    "Count": "count",
}
AGGREGATIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
    "Total": sum,
    "Count": len,
    "Last": lambda values: values[-1],
}
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}
SIGNS = dict(zip(OPERATORS, ("=", "!=", ">", ">=", "<", "<="), strict=True))


def value(
    trigger: Trigger, points: Sequence[Point | None], instances: int
) -> float | None:
    """The number of a window's points, oldest first; None when nothing was measured.

    A grain without data is left out: that what is missing is zero nobody knows.
    """
    name = STATISTICS[trigger.statistic]
    values = [point[name] for point in points if point is not None]
    if not values:
        return None
    found = AGGREGATIONS[trigger.aggregation](values)
    return found / max(instances, 1) if trigger.per_instance else found


def fires(trigger: Trigger, value: float) -> bool:
    return OPERATORS[trigger.operator](value, trigger.threshold)
