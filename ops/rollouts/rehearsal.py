"""What simulated rollouts came to, and how sure that is."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops import times
from ops.errors import UsageError
from ops.rollouts import policyfile, simulation
from ops.rollouts.policy import Policy
from ops.rollouts.simtraffic import Traffic
from ops.rollouts.simulation import Ending
from ops.settings import shown

CONFIDENCE = 0.99
MOST_ROLLOUTS = 1_000_000
LONGEST_HOURS = 100.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The flags of `rollout.simulate`, as they were typed."""

    rate: str
    errors: str
    canary_errors: str | None
    slower: str
    begins: str | None
    tries: str
    count_tries: bool
    swing: str
    rollouts: str
    hours: str | None
    seed: str
    policy: str | None


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is simulated."""

    policy: Policy
    where: str  # the policy's file
    traffic: Traffic
    rollouts: int
    hours: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How rollouts ended. Bounds are one-sided ones of 99 % (Clopper and Pearson)."""

    where: str
    traffic: Traffic
    seed: int
    rollouts: int
    ended: Mapping[str, int]  # by action: promote, roll_back, pause, hold
    rules: Mapping[str, int]  # by the rule that ended it
    rolled_back_at_most: float  # of all rollouts, a ratio
    promoted_at_most: float
    found_seconds: float | None  # until half were rolled back, since it began
    found_seconds_p95: float | None  # until 95 % were; None: so many never were
    promoted_seconds: float | None  # the median


def trial(endpoint: str, asked: Asked) -> Trial:
    """What the flags mean; raise UsageError, NotFound or InvalidSpec."""
    path = Path(asked.policy) if asked.policy else policyfile.path_of(endpoint)
    policy = policyfile.load(endpoint, path)
    begins = times.duration(asked.begins, "--begins") if asked.begins else None
    worse = asked.canary_errors
    traffic = Traffic(
        per_minute=number(asked.rate, "--rate", 0.01, 1e6),
        error_ratio=number(asked.errors, "--errors", 0, 100) / 100,
        canary_error_ratio=number(worse, "--canary-errors", 0, 100) / 100
        if worse is not None
        else None,
        slower=number(asked.slower, "--slower", 0.01, 100),
        begins_seconds=begins.total_seconds() if begins else 0.0,
        tries=int(number(asked.tries, "--tries", 1, 100)),
        counted_once=not asked.count_tries,
        daily_swing=number(asked.swing, "--swing", 0, 100) / 100,
    )
    own = simulation.longest_hours(policy)
    hours = number(asked.hours, "--hours", 0.01, LONGEST_HOURS) if asked.hours else own
    return Trial(
        policy=policy,
        where=shown(path),
        traffic=traffic,
        rollouts=int(number(asked.rollouts, "--rollouts", 1, MOST_ROLLOUTS)),
        hours=hours,
        seed=int(number(asked.seed, "--seed", 0, 2**32)),
    )


def run(trial: Trial) -> Iterator[Summary]:
    """What has been found so far, after each batch."""
    endings: list[Ending] = []
    for batch in simulation.simulate(
        trial.policy,
        trial.traffic,
        rollouts=trial.rollouts,
        seed=trial.seed,
        hours=trial.hours,
        processes=0,
    ):
        endings += batch
        yield summary(trial, endings)


def summary(trial: Trial, endings: list[Ending]) -> Summary:
    ended = Counter(each.action for each in endings)
    begins = trial.traffic.begins_seconds
    back = [each.seconds - begins for each in endings if each.action == "roll_back"]
    promoted = [each.seconds for each in endings if each.action == "promote"]
    return Summary(
        where=trial.where,
        traffic=trial.traffic,
        seed=trial.seed,
        rollouts=len(endings),
        ended=dict(ended),
        rules=dict(Counter(each.rule for each in endings if each.rule)),
        rolled_back_at_most=at_most(ended["roll_back"], len(endings)),
        promoted_at_most=at_most(ended["promote"], len(endings)),
        found_seconds=simulation.reached(back, len(endings), 0.5),
        found_seconds_p95=simulation.reached(back, len(endings), 0.95),
        promoted_seconds=simulation.reached(promoted, len(promoted), 0.5),
    )


def at_most(count: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The upper bound of the probability of what happened so often (Clopper-Pearson):
    the one at which so few, or fewer, would be a chance of one in a hundred."""
    low, high = count / of, 1.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        if _at_most_so_many(count, of, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most_so_many(count: int, of: int, ratio: float) -> float:
    """The probability of no more than `count` of so many."""
    if not 0 < ratio < 1:
        return float(ratio <= 0)
    term = of * math.log1p(-ratio)
    step = math.log(ratio) - math.log1p(-ratio)
    total = math.exp(term)
    for number in range(1, count + 1):
        term += math.log((of - number + 1) / number) + step
        total += math.exp(term)
    return total


def number(text: str, flag: str, least: float, most: float) -> float:
    """A number that a flag takes; raise UsageError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise UsageError(
            f"{flag} takes a number from {least:g} to {most:g}, not {text!r}."
        )
    return value
