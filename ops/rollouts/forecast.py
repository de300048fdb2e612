"""What a rollout would take at today's rate, told before it starts.

It is rehearsed: simulated rollouts under the real policy, of a canary as good as stable
for the times, of worse ones for how soon they are caught.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ops import endpoints, readings
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import Refused, UsageError
from ops.measures import Metrics, window
from ops.rollouts import policyfile, simulation
from ops.rollouts.policy import Policy, Step
from ops.rollouts.simtraffic import Traffic
from ops.rollouts.simulation import Ending
from ops.settings import shown

ROLLOUTS = 100
SEED = 1


@dataclass(frozen=True, kw_only=True)
class Today:
    """How the endpoint does now."""

    endpoint: str
    stable: str
    canary: str
    per_minute: float
    error_ratio: float  # of stable
    instances: Mapping[str, int]  # by deployment
    since: str  # over how long it was read; "" where the rate was given


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """One step as it would go; half of the rollouts leave it sooner, half later."""

    step: Step
    seconds: float | None  # None: most never leave it
    requests: int | None  # of the canary's own
    waits_for: str  # what takes longest: bake, requests, proof


@dataclass(frozen=True, kw_only=True)
class Catch:
    """What becomes of a canary that is worse."""

    what: str
    caught_ratio: float
    seconds: float | None  # until half are caught
    seconds_p95: float | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What there is to know before a rollout starts."""

    today: Today
    where: str  # the policy's file
    stretches: list[Stretch]
    seconds: float | None  # in all, the median of those that were promoted
    promoted_ratio: float
    asked_ratio: float  # so many rollouts would wait for a person: patience over
    instance_minutes: float | None  # of the canary's instances, beside stable's
    probes: int | None
    catches: list[Catch]


def plan(
    workspace: Workspace,
    name: str,
    *,
    deployment: str | None = None,
    policy: str | None = None,
    since: str = "1h",
    rate: str | None = None,
) -> Plan:
    """Rehearse a rollout of the deployment without traffic, or of the one named."""
    path = Path(policy) if policy else policyfile.path_of(name)
    rules = policyfile.load(name, path)
    found = today(workspace, name, deployment, since, rate)
    return rehearse(rules, found, shown(path))


def rehearse(policy: Policy, today: Today, where: str) -> Plan:
    usual = Traffic(per_minute=today.per_minute, error_ratio=today.error_ratio)
    endings = _endings(policy, usual)
    promoted = [each.seconds for each in endings if each.action == "promote"]
    seconds = simulation.reached(promoted, len(promoted), 0.5)
    count = today.instances.get(today.canary, today.instances.get(today.stable, 1))
    return Plan(
        today=today,
        where=where,
        stretches=[
            _stretch(policy, usual, endings, index)
            for index in range(len(policy.steps))
        ],
        seconds=seconds,
        promoted_ratio=len(promoted) / len(endings),
        asked_ratio=sum(each.action == "pause" for each in endings) / len(endings),
        instance_minutes=seconds / 60 * count if seconds else None,
        probes=round(2 * seconds * policy.probes_per_second) if seconds else None,
        catches=[
            _catch(policy, what, worse) for what, worse in regressions(usual).items()
        ],
    )


def regressions(usual: Traffic) -> dict[str, Traffic]:
    """Canaries that are worse than the usual, by what is wrong with them."""
    base = usual.error_ratio
    errors = {"every request fails": 1.0, "5% of requests fail": 0.05}
    if base:
        errors[f"three times the errors ({300 * base:.2g}%)"] = 3 * base
    found = {
        what: replace(usual, canary_error_ratio=ratio)
        for what, ratio in errors.items()
        if base < ratio <= 1
    }
    found["twice as slow"] = replace(usual, slower=2.0)
    found["20% slower"] = replace(usual, slower=1.2)
    return found


def today(
    workspace: Workspace,
    name: str,
    deployment: str | None,
    since: str,
    rate: str | None,
) -> Today:
    """The endpoint's rate and errors as they are now; raise Refused where none are."""
    endpoint = endpoints.get(workspace, name)
    if not endpoint.traffic:
        raise Refused(f"{name} has no live traffic to shift.", "invoke status")
    stable = max(endpoint.traffic, key=lambda each: endpoint.traffic[each])
    span = window(since, "1m", workspace.now())
    flowing = readings.flowing(workspace, name)
    seen = readings.metrics(workspace, endpoint, span, flowing)
    per_minute = sum(each.requests for each in seen.deployments) / span.minutes
    if rate is None and not per_minute:
        raise Refused(
            f"No request reached {name} in the last {since}: nothing to plan by.",
            "invoke rollout.plan --rate 600   # requests a minute",
        )
    return Today(
        endpoint=name,
        stable=stable,
        canary=deployment or _canary(endpoint, stable),
        per_minute=per_minute if rate is None else asked_rate(rate),
        error_ratio=_errors(seen, stable),
        instances={each.name: each.instances for each in endpoint.deployments.values()},
        since=since if rate is None else "",
    )


def asked_rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.01 <= rate <= 1e6:
        raise UsageError(f"--rate takes requests a minute, 0.01 to 1e6, not {text!r}.")
    return rate


def _canary(endpoint: Endpoint, stable: str) -> str:
    others = [each for each in endpoint.deployments if each != stable]
    return others[0] if len(others) == 1 else "a new deployment"


def _errors(seen: Metrics, stable: str) -> float:
    ratios = {each.deployment: each.error_ratio for each in seen.deployments}
    return ratios.get(stable) or 0.0


def _endings(policy: Policy, traffic: Traffic) -> list[Ending]:
    batches = simulation.simulate(
        policy,
        traffic,
        rollouts=ROLLOUTS,
        seed=SEED,
        hours=simulation.longest_hours(policy),
        sparse=True,
    )
    return [ending for batch in batches for ending in batch]


def _stretch(
    policy: Policy, usual: Traffic, endings: list[Ending], index: int
) -> Stretch:
    step = policy.steps[index]
    times = []
    for each in endings:
        marks = (0.0, *each.left)
        if each.action == "promote":
            marks = (*marks, each.seconds)
        if len(marks) > index + 1:
            times.append(marks[index + 1] - marks[index])
    came = sum(len(each.left) >= index for each in endings)
    seconds = simulation.reached(times, max(came, 1), 0.5)
    share = max(step.weight_percent, step.mirror_percent) / 100
    per_second = usual.per_minute / 60 * share
    waits = {"bake": step.bake_seconds, "requests": step.requests / per_second}
    longest = max(waits, key=lambda each: waits[each])
    slack = 2 * policy.look_seconds + waits[longest] / simulation.SPARSE
    if policy.needs_proof(index) and (
        seconds is None or seconds > waits[longest] + slack
    ):
        longest = "proof"
    return Stretch(
        step=step,
        seconds=seconds,
        requests=None if seconds is None else round(per_second * seconds),
        waits_for=longest,
    )


def _catch(policy: Policy, what: str, worse: Traffic) -> Catch:
    endings = _endings(policy, worse)
    back = [each.seconds for each in endings if each.action == "roll_back"]
    return Catch(
        what=what,
        caught_ratio=len(back) / len(endings),
        seconds=simulation.reached(back, len(endings), 0.5),
        seconds_p95=simulation.reached(back, len(endings), 0.95),
    )
