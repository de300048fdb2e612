"""The rules of traffic, as pure functions of what is live."""

import pytest

from ops import weights
from ops.endpoints import to_deployment, to_endpoint
from ops.errors import NotFound, Refused, UsageError
from ops.weights import Weights


def endpoint(traffic=None, mirror=None, **states):
    deployments = {
        name: to_deployment({"name": name, "properties": {"provisioningState": state}})
        for name, state in states.items()
    }
    properties = {"traffic": traffic or {}, "mirrorTraffic": mirror or {}}
    return to_endpoint({"name": "iris", "properties": properties}, deployments)


@pytest.mark.parametrize(
    ("green", "pairs", "split"),
    [
        ("20", None, {"blue": 80, "green": 20}),
        ("20%", None, {"blue": 80, "green": 20}),
        ("0", None, {"blue": 100, "green": 0}),
        (None, "a=10,b=90", {"a": 10, "b": 90}),
        (None, " a=10 , b=90 ", {"a": 10, "b": 90}),
    ],
)
def test_a_split_is_read_from_the_flags(green, pairs, split):
    assert weights.percentages(green, pairs) == split


@pytest.mark.parametrize(
    ("green", "pairs"),
    [
        *[(text, None) for text in ("lots", "-5", "101", "2.5", "", "²", "1e1")],
        (None, None),
        ("20", "a=1"),
        *[(None, text) for text in ("a", "a=1,a=2", "=5", "a=b", "a=-1", "a=101")],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(green, pairs):
    with pytest.raises(UsageError) as refusal:
        weights.percentages(green, pairs)

    assert refusal.value.code == 2


@pytest.mark.parametrize("state", ["Failed", "Creating", "Deleting"])
def test_green_gets_no_traffic_before_it_is_ready(state):
    live = endpoint({"blue": 100}, blue="Succeeded", green=state)

    with pytest.raises(Refused, match=f"green is {state}"):
        weights.check_split(live, {"blue": 80, "green": 20})


def test_rollback_does_not_need_green_to_be_ready():
    live = endpoint({"blue": 80, "green": 20}, blue="Succeeded", green="Failed")

    assert weights.check_split(live, {"blue": 100, "green": 0}) == {"blue": 100}


def test_rollback_works_after_green_is_gone():
    live = endpoint({"blue": 100}, blue="Succeeded")

    assert weights.check_split(live, {"blue": 100, "green": 0}) == {"blue": 100}


def test_all_traffic_may_be_taken_away():
    live = endpoint({"blue": 100}, blue="Succeeded")

    assert weights.check_split(live, {"blue": 0}) == {}


@pytest.mark.parametrize("split", [{"blue": 50}, {"blue": 90, "green": 20}])
def test_percentages_sum_to_100(split):
    live = endpoint({"blue": 100}, blue="Succeeded", green="Succeeded")

    with pytest.raises(Refused, match="must sum to 100"):
        weights.check_split(live, split)


def test_a_deployment_that_is_not_there_is_named():
    live = endpoint({"blue": 100}, blue="Succeeded")

    with pytest.raises(NotFound, match=r"no deployment 'gren' \(there are: blue\)"):
        weights.check_split(live, {"blue": 80, "gren": 20})


def test_live_and_mirror_traffic_exclude_each_other():
    live = endpoint({"blue": 100}, {"green": 10}, blue="Succeeded", green="Succeeded")

    with pytest.raises(Refused, match="not both"):
        weights.check(
            live, Weights(traffic={"blue": 80, "green": 20}, mirror={"green": 10})
        )
    with pytest.raises(Refused, match="not both"):
        weights.check(live, Weights(traffic={"blue": 100}, mirror={"blue": 10}))


def test_what_is_mirrored_already_may_stay_though_it_is_broken():
    live = endpoint({"blue": 100}, {"green": 10}, blue="Succeeded", green="Failed")

    kept = Weights(traffic={"blue": 100}, mirror={"green": 10})

    assert weights.check(live, kept) == kept


def test_no_percentage_is_negative():
    live = endpoint({"blue": 100}, blue="Succeeded", green="Succeeded")

    with pytest.raises(Refused, match="negative"):
        weights.check(live, Weights(traffic={"blue": 105, "green": -5}))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"green": 60}, "at most 50%"),
        ({"green": 10, "other": 10}, "one deployment"),
        ({"broken": 10}, "broken is Failed"),
    ],
)
def test_mirror_follows_azures_rules(asked, reason):
    states = {"green": "Succeeded", "other": "Succeeded", "broken": "Failed"}
    live = endpoint({"blue": 100}, blue="Succeeded", **states)

    with pytest.raises(Refused, match=reason):
        weights.check(live, Weights(traffic={"blue": 100}, mirror=asked))


def test_there_is_nothing_to_mirror_without_traffic():
    with pytest.raises(Refused, match="no live traffic"):
        weights.check(
            endpoint(green="Succeeded"), Weights(traffic={}, mirror={"green": 10})
        )
