"""Dynamic thresholds: how far from its own past a metric may be.

Azure learns them with methods that it does not publish; this is a plain model with the
same inputs. The bounds are the median of the last ten days' windows, give or take a
multiple of their robust spread (1.4826 times the median absolute deviation, so that an
outage in the past widens nothing). Windows of the same time of day count alone once
there are enough of them. Azure: alerts-dynamic-thresholds, "Considerations".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from ops.localcloud.alerting.rules import Condition

HISTORY = timedelta(days=10)
LEAST_TIME = timedelta(days=3)
LEAST_SAMPLES = 30
NEAR = timedelta(minutes=30)  # windows so near to the time of day are of the same hour
SPREADS = {"High": 3.0, "Medium": 4.5, "Low": 6.0}
LEAST_SPREAD_RATIO = 0.01  # of the median: a metric that stood still may tremble
SIGMA = 1.4826  # from median absolute deviation to standard deviation
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The range within which a value surprises nobody."""

    lower: float
    upper: float

    def passed(self, operator: str, value: float) -> bool:
        above, below = value > self.upper, value < self.lower
        return {"GreaterThan": above, "LessThan": below}.get(operator, above or below)

    def nearest(self, operator: str, value: float | None) -> float:
        """The threshold to show beside a value."""
        if operator == "LessThan":
            return self.lower
        below = value is not None and value < self.lower
        return self.lower if operator == "GreaterOrLessThan" and below else self.upper


def bounds(
    condition: Condition, past: Sequence[tuple[datetime, float]], at: datetime
) -> Bounds | None:
    """The bounds at a time; None where there is too little of a past."""
    start = at - HISTORY
    if condition.ignore_before is not None:
        start = max(start, condition.ignore_before)
    told = [(end, value) for end, value in past if start < end < at]
    if len(told) < LEAST_SAMPLES or at - told[0][0] < LEAST_TIME:
        return None
    same = [value for end, value in told if _apart(end, at) <= NEAR]
    values = same if len(same) >= LEAST_SAMPLES else [value for _, value in told]
    middle = median(values)
    spread = SIGMA * median([abs(value - middle) for value in values])
    reach = SPREADS[condition.sensitivity.capitalize()] * max(
        spread, LEAST_SPREAD_RATIO * abs(middle)
    )
    lower = middle - reach
    # What was never negative, as a latency, can't become so.
    lower = max(lower, 0.0) if min(values) >= 0 else lower
    return Bounds(lower=lower, upper=middle + reach)


def _apart(one: datetime, other: datetime) -> timedelta:
    """Between two times of day, over midnight where that is shorter."""
    between = (other - one) % DAY
    return min(between, DAY - between)
