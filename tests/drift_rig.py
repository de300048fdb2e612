"""Lines of a scoring script in a log engine, and drift computed anew with NumPy."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np

from model import train
from ops.drifting import asking
from ops.drifting.baseline import read
from ops.localcloud.kql import TABLES, Engine, create_table, harden

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAMES = ("length", "width")
CLASSES = ("a", "b", "c")
CONSOLE = "AmlOnlineEndpointConsoleLog"


def baseline(folder, rows=150, seed=1):
    """A baseline of normal columns, written and read as training does."""
    random = np.random.default_rng(seed)
    values = random.normal(0, 1, (rows, 2)).round(3)
    scores = random.dirichlet(np.ones(3), rows).round(6)
    counts = np.bincount(scores.argmax(1), minlength=3).tolist()
    document = {
        "model": "m",
        "version": "2",
        "features": _profiles(NAMES, values),
        "scores": _profiles(CLASSES, scores),
        "predictions": dict(zip(CLASSES, counts, strict=True)),
    }
    path = Path(folder) / "baseline.json"
    path.write_text(json.dumps(document))
    return read(path)


def _profiles(names, values):
    return {
        name: {"std": float(column.std(ddof=1)), "cells": train.cells(column)}
        for name, column in zip(names, values.T, strict=True)
    }


def line(rows, *, version="2", id="", scores=None, labels=None, **more):
    """What a scoring script prints for a request."""
    count = len(rows)
    event = {
        "event": "score",
        "client_request_id": id,
        "model_version": version,
        "features": rows,
        "predictions": labels or ["a"] * count,
        "probabilities": scores or [[0.5, 0.3, 0.2]] * count,
        **more,
    }
    return json.dumps(event)


ENGINE = Engine({CONSOLE: TABLES[CONSOLE]})  # remembers what it has translated


class Log:
    """A log engine with lines in it."""

    def __init__(self):
        self.connection = duckdb.connect()
        self.connection.execute(create_table(CONSOLE, TABLES[CONSOLE]))
        harden(self.connection)

    def write(self, lines, *, deployment="green", at=NOW, before=timedelta(hours=1)):
        self.connection.execute(
            f'INSERT INTO "{CONSOLE}" (TimeGenerated, DeploymentName, Message) '
            "SELECT ?, ?, unnest(?)",
            [(at - before).replace(tzinfo=None), deployment, list(lines)],
        )

    def records(self, text):
        """The rows of a query, as dictionaries with aware times."""
        table = ENGINE.query(self.connection, text, now=NOW).tables[0]
        names = [name for name, _ in table.columns]
        return [dict(zip(names, row, strict=True)) for row in table.rows]

    def measured(self, question):
        columns = {each.name: each for each in question.baseline.columns}
        rows = self.records(asking.text(question))
        for row in rows:
            row["Day"] = datetime.fromisoformat(row["Day"])
        return [
            asking.to_measured(row, columns.get(row["Column"]), question.against)
            for row in rows
        ]


def metrics(values, column, batch=1):
    """The five metrics of one column by NumPy and SciPy, from the values themselves."""
    from scipy.spatial.distance import jensenshannon
    from scipy.special import kolmogorov
    from scipy.stats import chi2

    edges = np.array(column.edges)
    place = np.searchsorted(edges, values)
    a = np.bincount(place, minlength=len(edges) + 1)
    b = np.array(column.counts)
    n, m, cells = a.sum(), b.sum(), len(b)
    at = np.array(column.means)
    for outer in (0, cells - 1):
        if column.ordered and a[outer]:
            at[outer] = np.mean(np.asarray(values)[place == outer])
    p, q = (a + 1) / (n + cells), (b + 1) / (m + cells)
    apart = np.cumsum(a) / n - np.cumsum(b) / m
    pooled = math.sqrt(n / batch * m / (n / batch + m))
    table = np.array([a / batch, b])[:, a + b > 0]
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    statistic = ((table - expected) ** 2 / expected).sum()
    moved = (np.abs(apart[:-1]) * np.diff(at)).sum() / max(column.deviation, 0.001)
    lower = (pooled + 0.12 + 0.11 / pooled) * np.abs(apart).max()
    found = {
        "PopulationStabilityIndex": ((p - q) * np.log(p / q)).sum(),
        "JensenShannonDistance": jensenshannon(a / n, b / m, base=2),
        "PearsonsChiSquaredTest": chi2.sf(statistic, table.shape[1] - 1),
    }
    if column.ordered:
        found["NormalizedWassersteinDistance"] = moved
        found["TwoSampleKolmogorovSmirnovTest"] = kolmogorov(lower)
    return found


def evidence(values, column, batch=1):
    """-log10 of Fisher's exact p-value, the least of all cells and splits."""
    from scipy.stats import hypergeom

    place = np.searchsorted(np.array(column.edges), values)
    a = np.bincount(place, minlength=len(column.edges) + 1)
    b = np.array(column.counts)
    n, m = int(a.sum() // batch), int(b.sum())
    least = 1.0
    splits = [(a, b), (np.cumsum(a), np.cumsum(b))] if column.ordered else [(a, b)]
    for ours, theirs in splits:
        for x, y in zip(ours // batch, theirs, strict=True):
            x, y = int(x), int(y)
            high = (x, n, y) if x / n >= y / m else (y, m, x)
            chance = hypergeom.sf(high[0] - 1, n + m, high[0] + high[2], high[1])
            least = min(least, chance)
    return max(0.0, -math.log10(min(1.0, least * 2 * len(splits) * len(a))))
