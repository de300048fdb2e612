"""Intervals of shares, against published values and by what they promise."""

import random

import pytest

from ops import proportions


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_as_published(count, of, low, high):
    found = proportions.wilson(count, of)

    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),  # Newcombe 1998, table II, method 10
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 10), 0.6075, 1.0),
        ((0, 10), (0, 20), -0.1611, 0.2775),
    ],
)
def test_newcombes_interval_as_published(one, other, low, high):
    found = proportions.difference(one, other)

    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_nothing_counted_is_nothing_known():
    assert proportions.wilson(0, 0).holds(0)
    assert proportions.wilson(0, 0).holds(1)


def test_a_true_split_is_rarely_called_off():
    draw = random.Random(7).random
    counts = [sum(draw() < 0.2 for _ in range(200)) for _ in range(2000)]

    very = [proportions.wilson(n, 200, proportions.VERY_SURE) for n in counts]
    ordinary = [proportions.wilson(n, 200) for n in counts]

    assert sum(not each.holds(0.2) for each in very) <= 8  # 2 expected
    assert 60 <= sum(not each.holds(0.2) for each in ordinary) <= 150  # 100 expected
