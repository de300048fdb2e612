"""How large a distance gets by chance, at just these numbers of rows.

A fixed limit means another error rate at each number of rows. Here the limit is the
quantile of the distance itself without drift, both samples as large as they are.
"""

from typing import Any

from ops.drifting.asking import Measured
from ops.drifting.baseline import Column

DRAWS = 1000
CHANCE = 0.99  # of the windows without drift have a distance below what is shown


def by_chance(found: Measured, column: Column) -> dict[str, float]:
    """How large each distance gets without drift, at just these numbers of rows.

    Both samples are drawn from what the two have in common: with few rows, here or in
    the baseline, a distance is large by chance alone.
    """
    import numpy as np

    n, m = round(found.effective), round(found.baseline_effective)
    if n < 1 or m < 1:
        return {}
    ours, theirs = np.array(found.counts), np.array(found.baseline_counts)
    pooled = ours / max(ours.sum(), 1) * n + theirs / max(theirs.sum(), 1) * m
    random = np.random.default_rng(0)
    share = pooled / pooled.sum()
    a, b = random.multinomial(n, share, DRAWS), random.multinomial(m, share, DRAWS)
    drawn = distances(a, b, np.array(column.means), column.deviation)
    if not column.ordered:
        del drawn["NormalizedWassersteinDistance"]
    return {name: float(np.quantile(each, CHANCE)) for name, each in drawn.items()}


def distances(a: Any, b: Any, means: Any, deviation: float) -> dict[str, Any]:
    """The three distances between rows of counts, as drift.kql has them."""
    import numpy as np

    a, b, means = (np.atleast_2d(np.asarray(each, float)) for each in (a, b, means))
    n, m, cells = a.sum(1, keepdims=True), b.sum(1, keepdims=True), a.shape[1]
    p, q = (a + 1) / (n + cells), (b + 1) / (m + cells)
    psi = ((p - q) * np.log(p / q)).sum(1)
    p, q = a / np.maximum(n, 1), b / np.maximum(m, 1)
    both = np.where(p + q > 0, p + q, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(p > 0, p * np.log2(2 * p / both), 0)
        right = np.where(q > 0, q * np.log2(2 * q / both), 0)
    apart = np.abs(np.cumsum(p - q, axis=1))[:, :-1]
    moved = (apart * np.diff(means, axis=1)).sum(1) / max(deviation, 0.001)
    return {
        "PopulationStabilityIndex": psi,
        "JensenShannonDistance": np.sqrt(np.maximum((left + right).sum(1) / 2, 0)),
        "NormalizedWassersteinDistance": moved,
    }
