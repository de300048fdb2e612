"""The judge of rollouts beside the rules that others use, on simulated traffic.

`python -m benchmarks.rollouts --rollouts 20000 --caught 1000 --seed 1`. This judge is
the real policy and the real decisions, with the guardrails of specs/iris/rollout.yaml.
All judge for an hour, the others once a minute, this one every 15 s where it is timed:

five bad minutes   the canary's success ratio was under 99 % in five of the minutes
z-test             two proportions, one-sided 1 %, on all requests so far, at each look
"""

import argparse
import math
from dataclasses import replace

import numpy

from ops.rollouts import policyfile, rehearsal, simulation
from ops.rollouts.policy import Judge, Promote, Step
from ops.rollouts.simtraffic import Traffic

LOOKS = 60
WEIGHTS = (5, 10, 20, 50, 80)
RATES = (30, 600, 6000)
Z = 2.326348  # one-sided 1 %
WORSE = (  # title, weight, traffic
    ("all requests fail", 5, Traffic(per_minute=30, canary_error_ratio=1.0)),
    ("errors 20%", 10, Traffic(per_minute=30, canary_error_ratio=0.2)),
    ("errors 5%", 10, Traffic(per_minute=120, canary_error_ratio=0.05)),
    ("errors 2%", 10, Traffic(per_minute=600, canary_error_ratio=0.02)),
    ("errors 5%", 10, Traffic(per_minute=600, canary_error_ratio=0.05)),
    ("errors 1%", 10, Traffic(per_minute=6000, canary_error_ratio=0.01)),
    ("errors 2%", 10, Traffic(per_minute=6000, canary_error_ratio=0.02)),
    ("50% slower", 10, Traffic(per_minute=120, slower=1.5)),
    ("20% slower", 10, Traffic(per_minute=600, slower=1.2)),
    ("3 times as slow", 10, Traffic(per_minute=600, slower=3.0)),
    ("10% slower", 10, Traffic(per_minute=6000, slower=1.1)),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=20_000)
    parser.add_argument("--caught", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    healthy(options.rollouts, options.seed)
    worse(options.caught, options.seed)


def healthy(rollouts, seed):
    print("| a canary as good, rolled back | this judge | five bad minutes | z-test |")
    print("|---|---|---|---|")
    for tries in (1, 3):
        for rate in RATES:
            traffic = Traffic(per_minute=rate, tries=tries, counted_once=tries == 1)
            count = rollouts if tries == 1 else max(rollouts // 4, 1)
            found = [
                sum(map(math.isfinite, times))
                for times in raced(traffic, count, seed, WEIGHTS, look_seconds=60.0)
            ]
            cells = [f"{100 * each / count:.2f}%" for each in found]
            cells[0] += f" (at most {100 * rehearsal.at_most(found[0], count):.2f}%)"
            counted = ", each failure counted 3 times" if tries > 1 else ""
            print(f"| {rate:,} a minute{counted} | {' | '.join(cells)} |", flush=True)
    weights = ", ".join(map(str, WEIGHTS))
    print(
        f"\n{rollouts:,} rollouts a row (the last three: a quarter), {LOOKS} looks, "
        f"weights {weights} %, errors 0.5 %\non both sides, seed {seed}; `at most` is "
        "the 99 % upper bound (Clopper-Pearson). The last three are callers\nwho send "
        "what fails three times, to the same deployment, without a client request id.\n"
        "With one, each request is counted once, as in the first three.\n"
    )


def worse(rollouts, seed):
    print("| a worse canary, minutes | this judge | five bad minutes | z-test |")
    print("|---|---|---|---|")
    for title, weight, traffic in WORSE:
        times = raced(traffic, rollouts, seed, (weight,), look_seconds=15.0)
        cells = [shown(each) for each in times]
        if traffic.canary_error_ratio is None:
            cells[1:] = ["is not looked at"] * 2
        where = f"{weight} % of {traffic.per_minute:,.0f} a minute"
        print(f"| {title}, {where} | {' | '.join(cells)} |", flush=True)
    print(
        f"\nUntil half / 95 % of {rollouts:,} rollouts were rolled back, and how many "
        "were not within the hour; errors 0.5 % and durations lognormal otherwise."
    )


def raced(traffic, rollouts, seed, weights, look_seconds):
    """Minutes until each rule rolled each rollout back; inf where it never did."""
    counts = drawn(traffic, rollouts, seed, weights)
    found = ours(traffic, rollouts, seed, weights, look_seconds)
    return [found, bad_minutes(*counts), z(*counts)]


def ours(traffic, rollouts, seed, weights, look_seconds):
    bake = LOOKS * 60 / len(weights)
    steps = [
        Step(weight_percent=each, bake_seconds=bake, requests=0) for each in weights
    ]
    policy = replace(
        policyfile.load("iris"),
        steps=tuple(steps),
        look_seconds=look_seconds,
        judge=Judge(),
        promote=Promote(when="bake"),
    )
    batches = simulation.simulate(
        policy, traffic, rollouts=rollouts, seed=seed, hours=LOOKS / 60, processes=0
    )
    return [
        each.seconds / 60 if each.action == "roll_back" else math.inf
        for batch in batches
        for each in batch
    ]


def drawn(traffic, rollouts, seed, weights):
    """Requests and errors of canary and stable, by rollout and minute."""
    generator = numpy.random.default_rng([seed, 1_000_000])
    share = numpy.repeat(weights, LOOKS // len(weights)) / 100
    ratio = traffic.canary_error_ratio
    counts = []
    for part, errors in (
        (share, traffic.error_ratio if ratio is None else ratio),
        (1 - share, traffic.error_ratio),
    ):
        sent = generator.poisson(traffic.per_minute * part, (rollouts, LOOKS))
        failed = generator.binomial(sent, errors)
        again = 1 if traffic.counted_once else traffic.tries
        counts += [sent + failed * (again - 1), failed * again]
    return counts


def bad_minutes(sent, failed, *_):
    bad = numpy.cumsum(failed > 0.01 * sent, axis=1) >= 5
    return first(bad)


def z(*counts):
    sent, failed, others, theirs = (numpy.cumsum(each, axis=1) for each in counts)
    pooled = (failed + theirs) / numpy.maximum(sent + others, 1)
    spread = pooled * (1 - pooled) * (1 / numpy.maximum(sent, 1) + 1 / others)
    gap = failed / numpy.maximum(sent, 1) - theirs / others
    return first(gap > Z * numpy.sqrt(spread))


def first(reached):
    """The minute at which something was reached first, for each rollout."""
    return [
        float(at + 1) if row[at] else math.inf
        for row, at in zip(reached, reached.argmax(axis=1).tolist(), strict=True)
    ]


def shown(times):
    ordered = sorted(times)
    half, most = (ordered[math.ceil(len(ordered) * p) - 1] for p in (0.5, 0.95))
    missed = sum(map(math.isinf, times)) / len(times)
    text = " / ".join(
        "-" if math.isinf(each) else f"{each:.3g}" for each in (half, most)
    )
    return f"{text}, missed {100 * missed:.2g}%" if missed else text


if __name__ == "__main__":
    main()
