"""What evidence amounts to, computed a second time from the formula alone."""

import itertools
import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from ops.rollouts import evidence
from ops.rollouts.evidence import (
    ERROR_ODDS,
    PROOF_ODDS,
    Bin,
    Evidence,
    Proof,
    Side,
    Stakes,
    Terms,
)

START = datetime(2026, 11, 22, 14, tzinfo=UTC)


def row(canary, stable, minute=1):
    """A bin of (requests, errors) on each side."""
    sides = [Side(requests=n, errors=e) for n, e in (canary, stable)]
    at = START + timedelta(minutes=minute)
    return Bin(at=at, canary=sides[0], stable=sides[1])


def many(count, canary, stable):
    return [row(canary, stable, minute) for minute in range(1, count + 1)]


def by_hand(bins):
    """The mean over odds, and over the bins that a stake begins at."""

    def grown(odds, from_):
        return math.prod(
            odds**bin.canary.errors
            / (1 - q + odds * q) ** (bin.canary.errors + bin.stable.errors)
            for bin in bins[from_:]
            for q in [bin.canary.requests / (bin.canary.requests + bin.stable.requests)]
        )

    begun = sum(
        sum(grown(odds, k - 1) for odds in ERROR_ODDS) / 7 / (k * (k + 1))
        for k in range(1, len(bins) + 1)
    )
    return begun + 1 / (len(bins) + 1)


def binomial(n, k, p):
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


def expected(value, canary, stable):
    """The mean of value(errors of the canary, of stable), over all that may happen."""
    (n, p), (m, r) = canary, stable
    return sum(
        binomial(n, a, p) * binomial(m, b, r) * value(a, b)
        for a, b in itertools.product(range(n + 1), range(m + 1))
    )


def test_evidence_is_what_the_formula_says():
    draw = random.Random(4).randint
    bins = [row((50, draw(0, 5)), (draw(90, 400), draw(1, 9))) for _ in range(12)]

    assert evidence.of(bins).errors.evidence == pytest.approx(by_hand(bins), rel=1e-9)


def test_each_failure_at_equal_shares_gains_98_percent_at_odds_of_100():
    (log,) = evidence.growth((100.0,), 1, 1, 0.5)

    assert math.exp(log) == pytest.approx(1.98, abs=0.001)


def test_nine_failures_of_nine_probes_decide():
    found = Evidence()
    for second in range(1, 10):
        assert found.errors.evidence < 100
        found = found.add(row((1, 1), (1, 0), second / 60))

    assert found.errors.evidence >= 100


@pytest.mark.parametrize("ratio", [0.001, 0.05, 0.5, 0.95])
@pytest.mark.parametrize(("canary", "stable"), [(3, 27), (15, 15), (25, 5)])
def test_a_canary_as_good_gains_nothing_on_average(ratio, canary, stable):
    def value(a, b):
        stakes = Stakes(odds=ERROR_ODDS)
        return stakes.add(a, a + b, canary / (canary + stable)).evidence

    assert expected(value, (canary, ratio), (stable, ratio)) <= 1 + 1e-12
    assert expected(value, (canary, ratio / 2), (stable, ratio)) <= 1 + 1e-12
    if ratio < 0.1:
        assert expected(value, (canary, ratio * 5), (stable, ratio)) > 1


@pytest.mark.parametrize("margin", [1.25, 2.0, 5.0])
@pytest.mark.parametrize("ratio", [0.001, 0.05, 0.18])
def test_a_canary_worse_by_the_margin_gains_no_proof_on_average(ratio, margin):
    def value(a, b):
        return Proof(margin=margin).add(a, a + b, 0.3).evidence

    assert expected(value, (9, ratio * margin), (21, ratio)) <= 1 + 1e-12
    assert expected(value, (9, ratio), (21, ratio)) > 1


def test_a_canary_far_worse_than_a_small_margin_gains_no_proof_either():
    def value(a, b):
        return Proof(margin=1.1).add(a, a + b, 0.3).evidence

    assert expected(value, (9, 0.3), (21, 0.1)) < 1


def test_a_proof_is_what_the_formula_says():
    bins = many(30, (300, 1), (300, 2))
    q, m, errors, of = 0.5, 2.0, 30, 90
    by_hand = [
        (odds / m) ** errors * ((1 - q + m * q) / (1 - q + odds * q)) ** of
        for odds in PROOF_ODDS
    ]

    found = evidence.of(bins).errors_proof.evidence

    assert found == pytest.approx(sum(by_hand) / len(by_hand), rel=1e-9)


def test_changing_weights_make_no_evidence():
    steps = [(5, 95), (10, 90), (20, 80), (50, 50), (80, 20)]
    bins = [row((c * 100, c), (s * 100, s)) for c, s in steps for _ in range(10)]

    found = evidence.of(bins)

    assert found.errors.evidence < 1
    assert found.stable_errors.evidence < 1


def test_millions_of_requests_neither_overflow_nor_bury_what_comes_late():
    quiet = many(200, (5_000_000, 25_000), (45_000_000, 225_000))
    found = evidence.of(quiet)
    assert 0 < found.errors.evidence < 1

    found = found.add(row((5_000_000, 5_000_000), (45_000_000, 225_000)))

    assert 1e6 < found.errors.evidence < math.inf


def test_a_failure_after_ten_good_hours_is_found_in_minutes():
    found = evidence.of(many(600, (60, 0), (540, 3)))

    for minute in range(1, 11):
        found = found.add(row((60, 3), (540, 3), 600 + minute))

    assert found.errors.evidence > 100


def test_the_sicker_stable_is_found_as_a_sicker_canary_would_be():
    canary, stable = (100, 1), (100, 9)

    found = evidence.of(many(5, canary, stable))
    swapped = evidence.of(many(5, stable, canary))

    assert found.stable_errors.evidence == pytest.approx(swapped.errors.evidence)
    assert found.stable_errors.evidence > 100 > 1 > found.errors.evidence


def test_slow_requests_are_judged_against_each_threshold():
    slow = Side(requests=100, slow=(50, 30, 1))
    usual = Side(requests=900, slow=(450, 90, 9))
    found = evidence.of([Bin(at=START, canary=slow, stable=usual)] * 2)

    p50, p90, p99 = (stakes.evidence for stakes in found.slow)

    assert p90 > 100 > 1 > max(p50, p99)


def test_a_limit_is_judged_without_stable():
    terms = Terms(errors_ratio=0.05, over_ratio=0.05)
    sides = {
        "canary": Side(requests=400, errors=60, over=4),
        "stable": Side(requests=400, errors=60, over=80),
    }

    found = evidence.of([Bin(at=START, **sides)], terms)
    beyond = {key: stakes.evidence > 100 for key, stakes in found.limits.items()}

    assert beyond == {
        ("canary", "errors"): True,
        ("canary", "over"): False,
        ("stable", "errors"): True,
        ("stable", "over"): True,
    }


def test_a_bin_without_one_of_the_sides_tells_nothing():
    found = evidence.of([row((10, 10), (0, 0)), row((0, 0), (10, 10), 2)])

    assert found.errors.evidence == found.stable_errors.evidence == 1
    assert found.canary.errors == 10


def test_what_is_counted_while_warming_up_is_not_judged():
    terms = Terms(since=START + timedelta(minutes=2))
    bad, good = row((50, 50), (50, 0), 2), row((50, 0), (50, 0), 3)

    found = evidence.of([bad, good], terms)

    assert found.bins == (bad, good)
    assert found.judged == (good,)
    assert (found.canary.errors, found.errors.evidence) == (0, 1)


def test_other_terms_give_what_they_would_have_given_from_the_start():
    bins = many(20, (60, 4), (540, 3))
    terms = Terms(errors_ratio=0.02, margin=3)

    assert evidence.of(bins).under(terms) == evidence.of(bins, terms)


def test_seven_of_ten_bad_points_are_enough():
    """Where the Mann-Whitney test of Kayenta lets the canary pass (spinnaker#6278)."""
    stable = [1] * 10
    for bad, passes in ((7, True), (8, False)):
        canary = [100] * bad + [1] * (10 - bad)
        assert mann_whitney_passes(canary, stable) is passes

    bins = [row((1000, c), (1000, s)) for c, s in zip(canary, stable, strict=True)]
    assert evidence.of(bins[:1]).errors.evidence > 100


def mann_whitney_passes(canary, stable, tolerance=0.25):
    """Whether the lower end of the 98 % interval of the shift is within tolerance."""
    shifts = sorted(c - s for c in canary for s in stable)
    pooled, n = [*canary, *stable], len(canary) + len(stable)
    ties = sum(pooled.count(each) ** 3 - pooled.count(each) for each in set(pooled))
    spread = math.sqrt(len(shifts) / 12 * (n + 1 - ties / (n * (n - 1))))
    lower = shifts[math.floor(len(shifts) / 2 - 2.326 * spread)]
    middle = (shifts[49] + shifts[50]) / 2
    return lower < tolerance * middle
