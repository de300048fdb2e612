"""When a promotion goes back, and what it keeps in the tags to be resumed."""

from datetime import timedelta

import pytest
from endpoint_rig import NOW, endpoint

from ops import promote
from ops.errors import Unhealthy
from ops.flow import Flow
from ops.promote import Promotion
from ops.weights import Weights


def flow(errors, of, ms=5.0):
    return Flow(requests=of, live=of, errors=errors, mean_ms=ms)


@pytest.mark.parametrize(
    ("seen", "base", "why"),
    [
        (flow(60, 1000), flow(2, 1000), "60 of 1,000 requests failed, where it was 2"),
        (flow(60, 1000), flow(55, 1000), ""),  # as sick as blue was
        (flow(12, 1000), flow(0, 1000), ""),  # not for sure a point worse
        (flow(20, 60), flow(0, 0), "20 of 60 requests failed"),
        (flow(1, 2), flow(0, 0), ""),
        (flow(0, 0), flow(0, 1000), ""),
        (flow(0, 200, ms=40), flow(0, 1000, ms=10), "it takes 40 ms, 10 ms before"),
        (flow(0, 50, ms=40), flow(0, 1000, ms=10), ""),  # too few to tell
    ],
)
def test_the_canary_is_sick_when_chance_cannot_explain_it(seen, base, why):
    found = promote.sick("Succeeded", seen, base)

    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_a_failed_canary_is_sick_without_any_request():
    assert promote.sick("Failed", flow(0, 0), flow(0, 0)) == "it is Failed"


@pytest.mark.parametrize(
    ("traffic", "back"),
    [
        ({"blue": 80, "green": 20}, {"blue": 100}),
        ({"blue": 100}, {"blue": 100}),
        ({"a": 30, "b": 30, "c": 30, "green": 10}, {"a": 34, "b": 33, "c": 33}),
    ],
)
def test_it_goes_back_to_what_served_before_without_the_canary(traffic, back):
    assert promote.without(traffic, "green") == back


def test_it_is_resumed_from_the_tags():
    kept = Promotion(
        canary="green",
        began=NOW,
        until=NOW + timedelta(minutes=30),
        then="delete",
        back=Weights(traffic={"blue": 100}),
        base=flow(3, 1200),
    )
    known = {promote.TAG: promote.encoded(kept)}

    assert promote.under_way(endpoint({"green": 100}, kept=known)) == kept
    assert promote.under_way(endpoint({"blue": 100}, kept=known)) is None
    assert promote.decoded("by|hand") is None
    assert kept.old == ("blue",)


@pytest.mark.parametrize("then", promote.THEN)
def test_what_served_before_is_not_retired_upon_no_knowledge(then):
    promotion = Promotion(
        canary="green",
        began=NOW,
        until=NOW,
        then=then,
        back=Weights(traffic={"blue": 100}),
        base=flow(0, 100),
    )

    promote.require_known("iris", promotion, "")
    if then == "keep":
        promote.require_known("iris", promotion, "no log store")
    else:
        with pytest.raises(Unhealthy, match="How green of iris does is not known: no"):
            promote.require_known("iris", promotion, "no log store")
