"""Burn rates: how fast an error budget is spent, and what wakes somebody because of it.

A burn rate of 1 spends the whole budget in just the objective's time window. A rule
fires when a long window burns faster than its factor, so that enough was spent to
matter, and a short one does too, so that it ends soon after the errors do.

The windows, the shares of the budget and both reasons are those of the Site Reliability
Workbook, chapter 5 (Alerting on SLOs), tables 5-6 and 5-8; the one over a day is
Sloth's. factor = budget_share * time_window / long.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ops import fields, slo
from ops.errors import InvalidSpec, NotFound
from ops.fields import Known, Mistake

if TYPE_CHECKING:
    from ops.alerting.rules import Expanded

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LONGEST = 2 * DAY  # Azure: a log search alert rule looks back at most so far
ALPHA = 1e-4  # the chance, at most, that errors within the objective look like this
ENOUGH = math.log(1 / ALPHA)
LATE = 5 * MINUTE  # rows of Azure may arrive so much later than their time


@dataclass(frozen=True, kw_only=True)
class Speed:
    """One pair of windows, and which share of the budget is spent when it fires."""

    budget_share: float
    long: timedelta
    short: timedelta
    every: timedelta  # evaluated so often

    def factor(self, time_window: timedelta) -> float:
        """14.4 for 2 % of thirty days' budget in an hour."""
        return self.budget_share * (time_window / self.long)


SPEEDS = {
    "fast": Speed(budget_share=0.02, long=HOUR, short=5 * MINUTE, every=MINUTE),
    "slow": Speed(
        budget_share=0.05, long=6 * HOUR, short=30 * MINUTE, every=5 * MINUTE
    ),
    "day": Speed(budget_share=0.1, long=DAY, short=2 * HOUR, every=15 * MINUTE),
    "three_days": Speed(budget_share=0.1, long=3 * DAY, short=6 * HOUR, every=HOUR),
}
ABSENCE = "absence"
REMEMBERED = 6 * HOUR  # an absence is told against so long, and stands for so long


@dataclass(frozen=True, kw_only=True)
class Burn:
    """A `burn` block."""

    objective: str
    speed: str  # of SPEEDS, or absence
    per: str = "deployment"  # or endpoint
    requests: int = 10  # fewer in the long window tell nothing


def detection_time(
    speed: Speed, time_window: timedelta, budget_ratio: float, error_ratio: float
) -> timedelta | None:
    """How long a constant share of errors lasts until both windows are over the factor.

    None for one that never is. Evaluations come on top: at most `every`.
    """
    limit = speed.factor(time_window) * budget_ratio
    return speed.long * (limit / error_ratio) if error_ratio > limit else None


def reset_time(
    speed: Speed, time_window: timedelta, budget_ratio: float, error_ratio: float
) -> timedelta:
    """How long after the last error the condition holds: until the short window is dry.

    What the service waits before it resolves an alert comes on top.
    """
    limit = speed.factor(time_window) * budget_ratio
    return speed.short * max(0.0, 1 - limit / error_ratio)


def absence_time(
    speed: Speed, time_window: timedelta, budget_ratio: float, late: timedelta = LATE
) -> timedelta:
    """How long silence lasts until it is told: as long as it takes to see all fail."""
    return speed.long * (speed.factor(time_window) * budget_ratio) + late


def surprise(errors: int, requests: int, budget_ratio: float) -> float:
    """How little chance alone explains so many errors: P(Bin(n, b) >= k) <= exp(-this).

    The Chernoff bound of a Poisson count, k ln(k/m) - k + m with m = n b. A binomial
    count's own bound is n KL(k/n || b), which is never smaller, for the part of the
    good ones is at least m - k. So it errs on one side only: towards more errors.
    """
    expected = requests * budget_ratio
    if errors <= expected:
        return 0.0
    return errors * math.log(errors / expected) - errors + expected


def fewest_errors(requests: int, budget_ratio: float) -> int:
    """How many errors it takes, of so many requests, not to be chance."""
    errors = max(1, math.ceil(requests * budget_ratio))
    while surprise(errors, requests, budget_ratio) < ENOUGH:
        errors += 1
    return errors


def check(given: Any, at: str = "burn") -> tuple[Burn | None, list[Mistake]]:
    """What a block means, or all that is wrong with it, whatever the endpoint."""
    mistakes: list[Mistake] = []
    values = fields.read(given, at, BLOCK, mistakes)
    for key in ("objective", "speed"):
        if isinstance(given, dict) and key not in given:
            mistakes.append(Mistake(field=f"{at}.{key}", text="must be given"))
    speed = SPEEDS.get(values.get("speed", ""))
    if speed and speed.long > LONGEST:
        mistakes.append(Mistake(field=f"{at}.speed", text=TOO_LONG))
    if values.get("speed") == ABSENCE:
        text = "is not for absence, which is told of the whole endpoint"
        told = [key for key in ("per", "requests") if key in given]
        mistakes += [Mistake(field=f"{at}.{key}", text=text) for key in told]
    return (None if mistakes else Burn(**values)), mistakes


def expand(endpoint: str, given: Any) -> "Expanded":
    """The query and its condition for one endpoint; raise InvalidSpec or NotFound."""
    burn, mistakes = check(given)
    if burn is None:
        raise InvalidSpec(f"{mistake}" for mistake in mistakes)
    promised = slo.load(endpoint)
    try:
        objective = promised.objective(burn.objective)
    except NotFound as error:
        raise InvalidSpec([f"burn.objective: {error.problem}"]) from None
    if burn.speed == ABSENCE:
        return _absence(promised.time_window, objective)
    speed = SPEEDS[burn.speed]
    factor = speed.factor(promised.time_window)
    if factor * objective.budget_ratio >= 1:
        text = (
            f"burn.speed: {burn.speed} can never fire: {factor:g} times the budget of "
            f"{objective.budget_ratio:.3g} is more than all requests"
        )
        raise InvalidSpec([text])
    return _burning(burn, speed, factor, objective)


def _burning(
    burn: Burn, speed: Speed, factor: float, objective: slo.Objective
) -> "Expanded":
    from ops.alerting.rules import Expanded

    counted = objective.counted_kql
    budget = f"{objective.budget_ratio:.10g}"
    by = "DeploymentName" if burn.per == "deployment" else ""
    share = f"{100 * speed.budget_share:g} % of the error budget"
    return Expanded(
        query=BURNING.format(
            counted=f"| where {counted}\n" if counted else "",
            bad=objective.bad_kql,
            budget=budget,
            short=_kql(speed.short),
            by=f"\n    by {by}" if by else "",
            shown=f"{by}, " if by else "",
            requests=burn.requests,
            enough=f"{ENOUGH:.4f}",
        ),
        measure="BurnRate",
        dimensions=(by,) if by else (),
        operator="GreaterThan",
        threshold=round(factor, 6),
        window=speed.long,
        every=speed.every,
        unit="x",
        notes=(f"fires once {share} is spent within {_kql(speed.long)}",),
    )


def _absence(time_window: timedelta, objective: slo.Objective) -> "Expanded":
    from ops.alerting.rules import Expanded

    silence = absence_time(SPEEDS["fast"], time_window, objective.budget_ratio)
    minutes = math.ceil(silence / MINUTE)
    return Expanded(
        query=SILENT.format(
            silence=f"{minutes}m",
            share=f"{minutes * MINUTE / (REMEMBERED - minutes * MINUTE):.10g}",
        ),
        measure="Missing",
        dimensions=(),
        operator="GreaterThan",
        # Of a Poisson number with this mean none is seen with a chance below ALPHA.
        threshold=round(ENOUGH, 4),
        window=REMEMBERED,
        every=MINUTE,
        unit="missing requests",
        notes=(f"tells silence of {minutes}m, for {_kql(REMEMBERED)} at most",),
    )


def _kql(length: timedelta) -> str:
    hours, rest = divmod(length, HOUR)
    return f"{hours}h" if hours and not rest else f"{length // MINUTE}m"


# What no caller sees is no part of a promise: copies of requests, probes of rollouts.
CALLERS = """AmlOnlineEndpointTrafficLog
| where OperationName !~ "mirror" and UserAgent !startswith "aml-ops-probe"
"""
BURNING = (
    CALLERS
    + """{counted}| extend Bad = {bad}, Recent = TimeGenerated >= ago({short})
| summarize Requests = count(), Errors = countif(Bad),
    RecentRequests = countif(Recent), RecentErrors = countif(Recent and Bad){by}
| extend Allowed = {budget} * Requests, RecentAllowed = {budget} * RecentRequests
| extend LongBurn = iff(Requests == 0, 0.0, Errors / Allowed),
    ShortBurn = iff(RecentRequests == 0, 0.0, RecentErrors / RecentAllowed),
    Surprise = iff(Errors > Allowed, Errors * log(Errors / Allowed) - Errors + Allowed,
        0.0)
| extend Tells = Requests >= {requests} and Surprise >= {enough}
| project {shown}BurnRate = iff(Tells, min_of(LongBurn, ShortBurn), 0.0),
    LongBurn, ShortBurn, Requests, Errors"""
)
SILENT = (
    CALLERS
    + """| summarize Before = countif(TimeGenerated < ago({silence})),
    Lately = countif(TimeGenerated >= ago({silence}))
| project Missing = iff(Lately == 0, {share} * Before, 0.0), Before"""
)
TOO_LONG = (
    "three_days can't be a rule: a log search alert of Azure looks back two days at "
    "most, a metric alert one. day (10 % of the budget in one day) is the slowest that "
    "can; what burns slower is seen on the dashboard's error budget"
)
BLOCK: Known = {
    "objective": ("objective", str),
    "speed": ("speed", fields.choice(*SPEEDS, ABSENCE)),
    "per": ("per", fields.choice("deployment", "endpoint")),
    "requests": ("requests", fields.whole(1, 10**9)),
}
