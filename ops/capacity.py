"""How many instances a share of the traffic needs, and whether they are there.

By Little's law: rate times latency is how many requests are in work at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from ops.endpoints import Endpoint
from ops.flow import Flow
from ops.weights import Weights, gains

UTILIZATION = 0.7  # of what the instances can have in work; the rest is for peaks


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one deployment needs for its share, beside what it has."""

    deployment: str
    percent: int
    rate_per_second: float  # of the endpoint
    latency_seconds: float
    latency_of: str  # whose latency it is: its own, or that of what serves now
    needed: int
    instances: int

    @property
    def short(self) -> bool:
        return self.needed > self.instances

    def __str__(self) -> str:
        whose = "" if self.latency_of == self.deployment else f" ({self.latency_of}'s)"
        has = "1 instance" if self.instances == 1 else f"{self.instances} instances"
        return (
            f"{self.deployment} has {has}, but {self.percent}% of "
            f"{self.rate_per_second:.3g} requests/s at "
            f"{1000 * self.latency_seconds:.0f} ms{whose} needs {self.needed}"
        )


def needed(
    rate_per_second: float,
    latency_seconds: float,
    max_concurrent: int,
    utilization: float = UTILIZATION,
) -> int:
    """The instances that keep up with a rate; at least one."""
    at_a_time = rate_per_second * latency_seconds
    return max(1, ceil(round(at_a_time / (utilization * max_concurrent), 9)))


def needs(
    endpoint: Endpoint, after: Weights, flows: Mapping[str, Flow], rate: float
) -> list[Need]:
    """What each deployment that gains live traffic needs for its new share.

    Its latency is its own where it has served lately, else the slowest of the others;
    without any there is nothing to say.
    """
    found = []
    for name, percent in gains(endpoint.traffic, after.traffic).items():
        deployment = endpoint.deployments[name]
        timed = {each: flow.mean_ms for each, flow in flows.items()}
        whose = name if name in timed else max(timed, key=timed.__getitem__, default="")
        if not whose:
            continue
        seconds = timed[whose] / 1000
        share = rate * percent / 100
        found.append(
            Need(
                deployment=name,
                percent=percent,
                rate_per_second=rate,
                latency_seconds=seconds,
                latency_of=whose,
                needed=needed(share, seconds, deployment.max_concurrent),
                instances=deployment.instances,
            )
        )
    return found
