"""False pages and detection times of the burn-rate rules, on simulated requests.

`python -m benchmarks.burnrates --months 1000 --seed 1`. Requests arrive as a Poisson
process and each fails by itself. False pages: at the very share of errors that the
objective allows, a page is each time a rule's condition begins to hold; that ends a
page sooner than Azure's resolve delays do, so there are at least as many as there would
be. At most: the upper end of the exact 95 % interval of a Poisson count.
"""

import argparse
import math
from collections.abc import Iterator
from datetime import timedelta

import numpy

from ops.alerting.burnrates import ENOUGH, MINUTE, SPEEDS, detection_time

MONTH = timedelta(days=30)
BUDGET = 0.001
REQUESTS = 10  # the shipped rules' least number
MONTHS_AT_ONCE = 10
NULL_RATES = ("1/s", 1.0), ("1/min", 1 / 60), ("10/h", 10 / 3600)
RULES = ("fast", "slow", "day")
BURNING = (1.0, 0.15, 0.03, 0.0144)  # shares of errors, at one request a second
STARTS = 200
SAID = """A page is each time that a condition begins to hold; at most is the upper
end of the exact 95 % interval. Goal: at 1/s at most 1 false page a month."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    random = numpy.random.default_rng(asked.seed)
    print(f"{asked.months} months at an error share of {BUDGET:.1%}, the objective's\n")
    print(
        "rate     rule   pages  a month  at most  a month without the low-traffic bound"
    )
    for title, rate in NULL_RATES:
        for line in null(random, asked.months, rate):
            print(f"{title:<9}{line}")
    print("\nminutes until it fires, at 1/s: median (formula)\n")
    print("errors    " + "".join(f"{name:>20}" for name in RULES))
    for share in BURNING:
        cells = (f"{detected(random, name, share):>20}" for name in RULES)
        print(f"{share:>7.2%}   {''.join(cells)}")
    print(f"\n{SAID}")


def null(random: numpy.random.Generator, months: int, rate: float) -> Iterator[str]:
    """A line a rule: how often it begins to hold while the objective is just met."""
    pages, bare = dict.fromkeys(RULES, 0), dict.fromkeys(RULES, 0)
    for done in range(0, months, MONTHS_AT_ONCE):
        count = min(MONTHS_AT_ONCE, months - done)
        requests = random.poisson(rate * 60, count * int(MONTH / MINUTE))
        errors = random.binomial(requests, BUDGET)
        for name in RULES:
            pages[name] += begun(holds(name, requests, errors))
            bare[name] += begun(holds(name, requests, errors, enough=0.0, least=1))
    for name in RULES:
        most = upper(pages[name]) / months
        yield (
            f"{name:<7}{pages[name]:>5}{pages[name] / months:>9.4f}{most:>9.4f}"
            f"{bare[name] / months:>10.3f}"
        )


def holds(
    name: str,
    requests: numpy.ndarray,
    errors: numpy.ndarray,
    *,
    enough: float = ENOUGH,
    least: int = REQUESTS,
) -> numpy.ndarray:
    """At each minute's end, whether a rule's condition does."""
    speed = SPEEDS[name]
    factor = speed.factor(MONTH)
    long, short = int(speed.long / MINUTE), int(speed.short / MINUTE)
    n, k = windowed(requests, long), windowed(errors, long)
    allowed = BUDGET * n
    with numpy.errstate(divide="ignore", invalid="ignore"):
        surprise = numpy.where(k > allowed, k * numpy.log(k / allowed) - k + allowed, 0)
    told = (n >= least) & (surprise >= enough) & (k > factor * allowed)
    recent = windowed(errors, short) > factor * BUDGET * windowed(requests, short)
    every = int(speed.every / MINUTE)
    return (told & recent)[every - 1 :: every]


def windowed(counts: numpy.ndarray, length: int) -> numpy.ndarray:
    """The sum over the last so many minutes."""
    total = numpy.cumsum(counts)
    total[length:] = total[length:] - total[:-length].copy()
    return total


def begun(held: numpy.ndarray) -> int:
    return int(numpy.count_nonzero(held[1:] & ~held[:-1]) + bool(held[0]))


def detected(random: numpy.random.Generator, name: str, share: float) -> str:
    """The median of many outages that begin after a quiet time."""
    speed = SPEEDS[name]
    known = detection_time(speed, MONTH, BUDGET, share)
    if known is None:
        return "never"
    quiet, after = int(speed.long / MINUTE), int(known / MINUTE * 2) + 30
    found = []
    for _ in range(STARTS):
        requests = random.poisson(60, quiet + after)
        shares = numpy.where(numpy.arange(quiet + after) < quiet, 0.0, share)
        held = holds(name, requests, random.binomial(requests, shares))
        every = int(speed.every / MINUTE)
        first = numpy.argmax(held) if held.any() else math.inf
        found.append((first + 1) * every - quiet)
    return f"{numpy.median(found):.0f} ({known / MINUTE:.1f})"


def upper(count: int) -> float:
    """The largest mean under which so few have a chance of 2.5 %."""
    low, high = 0.0, 10.0 + 3 * count
    for _ in range(60):
        mean = (low + high) / 2
        terms = (
            math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
            for k in range(count + 1)
        )
        low, high = (mean, high) if sum(terms) > 0.025 else (low, mean)
    return high


if __name__ == "__main__":
    main()
