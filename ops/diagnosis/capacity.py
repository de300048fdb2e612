"""How much a deployment takes: in flight, a second, and the instances a rate needs."""

from math import ceil

from ops.diagnosis.facts import Facts, total
from ops.endpoints import Deployment
from ops.measures import enough

UTILISATION = 0.7  # of what instances can take, so that a burst finds room


def in_flight(deployment: Deployment) -> int:
    """How many requests it holds before it answers 429.

    Azure: how-to-troubleshoot-online-endpoints: 2 x
    max_concurrent_requests_per_instance x instance_count.
    """
    return 2 * deployment.max_concurrent * deployment.instances


def instances_for(facts: Facts, deployment: Deployment) -> int:
    """How many instances would hold what came: rate x latency / concurrency.

    0 where too few requests were served to know their latency.
    """
    median = _median(facts, deployment)
    if median is None:
        return 0
    a_second = total(facts.of(deployment.name)) / (facts.window.minutes * 60)
    busy = a_second * median / 1000
    return ceil(busy / (UTILISATION * deployment.max_concurrent))


def throughput(facts: Facts, deployment: Deployment) -> str:
    """`; at a median of 20 ms it serves at most 50 requests a second`, if known."""
    median = _median(facts, deployment)
    if not median:
        return ""
    at_once = deployment.max_concurrent * deployment.instances
    return (
        f"; at a median of {median:.0f} ms it serves at most "
        f"{at_once * 1000 / median:,.0f} requests a second"
    )


def _median(facts: Facts, deployment: Deployment) -> float | None:
    return enough(facts.latencies.get(deployment.name)).get(50)
