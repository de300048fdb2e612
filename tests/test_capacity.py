"""How many instances a share of the traffic needs."""

import pytest

from ops import capacity
from ops.endpoints import to_deployment, to_endpoint
from ops.flow import Flow
from ops.weights import Weights


def endpoint(traffic, **instances):
    deployments = {
        name: to_deployment(
            {
                "name": name,
                "sku": {"capacity": count},
                "properties": {"provisioningState": "Succeeded"},
            }
        )
        for name, count in instances.items()
    }
    return to_endpoint(
        {"name": "iris", "properties": {"traffic": traffic}}, deployments
    )


def flow(ms):
    return Flow(requests=100, live=100, errors=0, mean_ms=ms)


@pytest.mark.parametrize(
    ("rate", "seconds", "at_a_time", "instances"),
    [
        (0, 0.1, 1, 1),
        (7, 0.1, 1, 1),  # 0.7 in work: just what one may have
        (7.1, 0.1, 1, 2),
        (100, 0.025, 1, 4),
        (100, 0.025, 4, 1),
        (70, 0.1, 1, 10),  # floats must not make it 11
    ],
)
def test_instances_by_littles_law(rate, seconds, at_a_time, instances):
    assert capacity.needed(rate, seconds, at_a_time) == instances


def test_only_what_gains_is_asked_for_its_new_share():
    live = endpoint({"blue": 80, "green": 20}, blue=1, green=1)
    flows = {"blue": flow(100), "green": flow(100)}

    (need,) = capacity.needs(live, Weights(traffic={"green": 100}), flows, 50)

    assert (need.deployment, need.needed, need.short) == ("green", 8, True)
    assert str(need) == (
        "green has 1 instance, but 100% of 50 requests/s at 100 ms needs 8"
    )


def test_what_has_not_served_yet_is_taken_to_be_as_slow_as_the_slowest():
    live = endpoint({"blue": 100}, blue=1, green=2)

    (need,) = capacity.needs(
        live, Weights(traffic={"blue": 80, "green": 20}), {"blue": flow(50)}, 100
    )

    assert (need.needed, need.latency_of) == (2, "blue")
    assert not need.short
    assert "at 50 ms (blue's)" in str(need)


def test_without_any_request_there_is_nothing_to_say():
    live = endpoint({"blue": 100}, blue=1, green=1)

    assert capacity.needs(live, Weights(traffic={"green": 100}), {}, 0) == []
