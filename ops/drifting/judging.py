"""What is drift, by a known error rate, and what is too little to tell.

Of each column a p-value is known (drift.kql): the chance of so different a window and
baseline, both of them samples, if every row came from one distribution. It holds at any
number of rows, so that no threshold moves with that. Over columns Benjamini and
Yekutieli's procedure holds the false discovery rate whatever columns have in common;
each daily look may spend its part of a year's, so that over all looks of a year the
expected share of false ones among what is flagged stays below ALPHA.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache

from ops.drifting.asking import Measured
from ops.drifting.baseline import Column

ALPHA = 0.05  # in a year
LOOKS = 365
POWER = 0.8416  # standard deviations: a shift is found four times out of five
MOST_ROWS = 10**9
SHIFTS = (2.0, 1.0, 0.5, 0.25)  # in standard deviations of the baseline


def level(alpha: float = ALPHA, looks: int = LOOKS) -> float:
    """What one look may spend."""
    return alpha / looks


def discoveries(evidence: Mapping[str, float], spend: float) -> set[str]:
    """The names that are flagged (Benjamini and Yekutieli 2001)."""
    ranked = sorted(evidence, key=lambda name: -evidence[name])
    cut = 0
    for rank, name in enumerate(ranked, 1):
        if evidence[name] >= least_evidence(spend, len(ranked), rank):
            cut = rank
    return set(ranked[:cut])


def least_evidence(spend: float, columns: int, rank: int = 1) -> float:
    """-log10 of the p-value that the column of this rank must be below."""
    return -math.log10(spend * rank / (columns * harmonic(columns)))


@cache
def harmonic(count: int) -> float:
    return sum(1 / each for each in range(1, count + 1))


def surprise(high: float, of_high: float, low: float, of_low: float) -> float:
    """-log10 of a bound on Fisher's exact p-value, as drift.kql computes it."""
    if (of_high - high) * low >= (high + 1) * (of_low - low + 1):
        return 0.0
    ratio = (of_high - high) * low / ((high + 1) * (of_low - low + 1))
    chance = _choose(of_high, high) + _choose(of_low, low)
    chance -= _choose(of_high + of_low, high + low)
    return max(0.0, -chance + math.log(1 - ratio)) / math.log(10)


def tests(column: Column) -> int:
    """How many one-sided tests a column's p-value is the least of."""
    return 2 * len(column.counts) * (2 if column.ordered else 1)


def rows_needed(
    shift: float, baseline_rows: float, column_tests: int, evidence: float
) -> int | None:
    """How many rows show a shift of so many standard deviations; None if none can.

    Of a normal column, four times out of five, where the two distributions differ most.
    """
    apart = math.erf(shift / math.sqrt(8))
    wanted = evidence + math.log10(column_tests)

    def enough(rows: int) -> bool:
        spread = math.sqrt(0.25 / rows + 0.25 / baseline_rows)
        found = apart - POWER * spread
        if found <= 0:
            return False
        high, low = 0.5 + found / 2, 0.5 - found / 2
        args = (math.floor(high * rows), rows, low * baseline_rows, baseline_rows)
        return surprise(*args) >= wanted

    if not enough(MOST_ROWS):
        return None
    least, most = 1, MOST_ROWS
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if enough(middle) else (middle + 1, most)
    return most


def first_and_last(
    days: Sequence[Measured],
) -> tuple[Measured | None, Measured | None]:
    """The first and the last day on which a column differs by itself."""
    enough = least_evidence(level(), 1)
    moved = [each for each in days if each.day and each.evidence >= enough]
    if not moved:  # small each day, and plain only together
        most = max((each.evidence for each in days), default=0.0)
        moved = [each for each in days if each.evidence >= max(most / 2, 2.0)]
    return (moved[0], moved[-1]) if moved else (None, None)


def where(column: Column, found: Measured) -> tuple[str, float, float]:
    """The range in which a column differs most plainly, said as what has grown."""
    if found.split >= 0:
        cells = [found.split]
        name = column.cell(found.split)
    else:
        upto = -1 - found.split
        cells, name = list(range(upto + 1)), f"up to {column.edges[upto]:.4g}"
    share, before = _share(found.counts, cells), _share(found.baseline_counts, cells)
    if found.split < 0 and share < before:
        name = name.replace("up to", "above")
        share, before = 1 - share, 1 - before
    return name, share, before


def _share(counts: Sequence[int], cells: Sequence[int]) -> float:
    return sum(counts[index] for index in cells) / max(sum(counts), 1)


def _choose(total: float, chosen: float) -> float:
    return (
        math.lgamma(total + 1)
        - math.lgamma(chosen + 1)
        - math.lgamma(total - chosen + 1)
    )
