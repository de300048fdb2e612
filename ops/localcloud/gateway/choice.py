"""Where a request goes: pure functions of the table, the load and a draw in [0, 1)."""

from collections.abc import Mapping, Sequence

from ops.localcloud.gateway.table import Instance


def choose(traffic: Mapping[str, int], draw: float) -> str | None:
    """The deployment that a draw falls on, each with its share of the weights' sum.

    None when no weight is positive. Whether the deployment is alive plays no part: a
    dead one fails its share of the traffic, as its owner must see, and doesn't shift
    it silently to another version of the model.
    """
    return _at(traffic, draw * sum(traffic.values()))


def mirrored(mirror: Mapping[str, int], draw: float) -> str | None:
    """The deployment that gets a copy, if the draw falls in its percentage."""
    return _at(mirror, draw * 100)


def _at(weights: Mapping[str, int], point: float) -> str | None:
    for name, weight in weights.items():
        if point < weight:
            return name
        point -= weight
    return None


def fewest(
    instances: Sequence[Instance], in_flight: Mapping[str, int], draw: float
) -> Instance:
    """The instance with the least in flight; among equals the one the draw falls on."""
    if len(instances) == 1:
        return instances[0]
    least = min(in_flight.get(instance.id, 0) for instance in instances)
    idle = [item for item in instances if in_flight.get(item.id, 0) == least]
    return idle[int(draw * len(idle))]
