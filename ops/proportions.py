"""How sure a share of counted requests is.

Wilson's interval for one share and Newcombe's for the difference of two: both hold for
few requests and for shares near nothing. (Newcombe 1998, methods 3 and 10.)
"""

from dataclasses import dataclass
from math import sqrt

SURE = 1.959964  # standard deviations of a 95 % interval
VERY_SURE = 3.290527  # of a 99.9 % interval: for what is warned of or refused


@dataclass(frozen=True, kw_only=True)
class Interval:
    """From `low` to `high`, ratios."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(count: int, of: int, z: float = SURE) -> Interval:
    """The interval of a share that was counted; all of 0..1 where nothing was."""
    if not of:
        return Interval(low=0.0, high=1.0)
    ratio, square = count / of, z * z
    centre = ratio + square / (2 * of)
    half = z * sqrt(ratio * (1 - ratio) / of + square / (4 * of * of))
    whole = 1 + square / of
    # At the ends the exact bound is 0 or 1; rounding must not step over it.
    low = 0.0 if count == 0 else max(0.0, (centre - half) / whole)
    high = 1.0 if count == of else min(1.0, (centre + half) / whole)
    return Interval(low=low, high=high)


def difference(
    one: tuple[int, int], other: tuple[int, int], z: float = SURE
) -> Interval:
    """The interval of how much the first share exceeds the second; (count, of)."""
    first, second = wilson(*one, z), wilson(*other, z)
    p, q = (count / of if of else 0.5 for count, of in (one, other))
    below = sqrt((p - first.low) ** 2 + (second.high - q) ** 2)
    above = sqrt((first.high - p) ** 2 + (q - second.low) ** 2)
    return Interval(low=p - q - below, high=p - q + above)
