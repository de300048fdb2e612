"""What a change of weights is checked for, and what goes with it in the tags."""

from datetime import timedelta

import pytest
from endpoint_rig import NOW, change, endpoint, ring

from ops import tags, traffic, writing
from ops.errors import Conflict, Refused
from ops.flow import Flow, Recent
from ops.tags import Rollout
from ops.traffic import How
from ops.weights import Weights

BLUE, SOME = {"blue": 100}, {"blue": 80, "green": 20}
ROLLOUT = Rollout(
    id="r1",
    state="running",
    canary="green",
    stable="blue",
    step=2,
    since=NOW,
    by="mara@desk",
)


def plan(live, after, how=traffic.ORDINARY, recent=None):
    recent = recent or Recent()
    return traffic.checked(live, Weights(**after), "shift-traffic", how, recent, NOW)


def busy(ms=100.0):
    flow = Flow(requests=6000, live=6000, errors=0, mean_ms=ms)
    return Recent(flows={"blue": flow, "green": flow}, per_second=50)


def test_what_gains_needs_the_instances_for_its_share():
    with pytest.raises(
        Refused, match=r"green has 1 instance, but 20% of 50"
    ) as refusal:
        plan(endpoint(BLUE), {"traffic": SOME}, recent=busy())

    assert "invoke scale --deployment green --instances 2" in str(refusal.value)


def test_what_loses_may_have_too_few():
    live = endpoint({"blue": 80, "green": 20}, green="Failed", blue="Succeeded")

    assert plan(live, {"traffic": {}}, recent=busy()).after.traffic == {}


def test_force_goes_on_and_says_so():
    found = plan(endpoint(BLUE), {"traffic": SOME}, How(force=True), busy())

    assert found.notes[0].endswith("needs 2; forced")


def test_what_could_not_be_checked_is_said():
    unread = Recent(unknown="Log Analytics gave no answer in 5 s")

    (note,) = plan(endpoint(BLUE), {"traffic": SOME}, recent=unread).notes

    assert "not checked: Log Analytics gave no answer" in note


def test_a_rollout_keeps_others_off_but_not_a_rollback():
    live = endpoint(BLUE, kept={tags.ROLLOUT: tags.rolling(ROLLOUT)})

    with pytest.raises(Refused, match="rollout of green on iris is running, begun"):
        plan(live, {"traffic": SOME})
    plan(live, {"traffic": SOME}, How(rollout="r1"))
    back = plan(live, {"traffic": SOME}, How(urgent=True))

    kept = traffic.kept(live, back, How(urgent=True))
    assert tags.rollout(kept).state == "aborted"


def test_mirror_traffic_has_an_end_if_nobody_says_when():
    live = endpoint(BLUE)
    ten = {"traffic": BLUE, "mirror": {"green": 10}}

    assert plan(live, ten).mirror_until == NOW + timedelta(hours=1)
    longer = plan(live, ten, How(mirror_for=timedelta(hours=5)))
    assert longer.mirror_until == NOW + timedelta(hours=5)


def test_what_is_mirrored_on_keeps_its_end():
    kept = {tags.MIRROR_UNTIL: tags.stamp(NOW + timedelta(minutes=3))}
    live = endpoint({"blue": 50, "red": 50}, {"green": 10}, kept)
    live.deployments["red"] = live.deployments["blue"]
    same = {"traffic": {"blue": 60, "red": 40}, "mirror": {"green": 10}}

    shift = plan(live, same)

    assert shift.mirror_until == NOW + timedelta(minutes=3)
    assert tags.MIRROR_UNTIL not in traffic.kept(live, shift, traffic.ORDINARY)


def test_the_end_goes_with_the_mirror():
    kept = {tags.MIRROR_UNTIL: tags.stamp(NOW)}
    live = endpoint(BLUE, {"green": 10}, kept)

    off = plan(live, {"traffic": BLUE})

    assert traffic.kept(live, off, traffic.ORDINARY) == {tags.MIRROR_UNTIL: None}


def test_a_plan_is_not_carried_out_on_other_weights():
    before = plan(endpoint(BLUE), {"traffic": SOME})
    since = endpoint({"green": 100}, kept=ring(change(7, BLUE, {"green": 100})))

    with pytest.raises(Conflict, match=r"by mara@desk \(shift-traffic\) at 14:02:00"):
        traffic.require_same(before, since)
    with pytest.raises(Conflict, match="outside of the toolkit"):
        traffic.require_same(before, endpoint({"green": 100}))


def test_the_put_changes_nothing_but_the_weights():
    body = {
        "location": "eastus",
        "tags": {"team": "ml"},
        "kind": "Managed",
        "identity": {
            "type": "UserAssigned",
            "principalId": "p",
            "userAssignedIdentities": {"/id/one": {"clientId": "c"}},
        },
        "properties": {
            "authMode": "Key",
            "description": "keep me",
            "traffic": {"blue": 100},
            "scoringUri": "https://x",
            "provisioningState": "Succeeded",
        },
    }

    put = writing.with_weights(
        body, Weights(traffic={"blue": 80, "green": 20}), {"a": "b"}
    )

    assert put == {
        "location": "eastus",
        "tags": {"a": "b"},
        "kind": "Managed",
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {"/id/one": {}},
        },
        "properties": {
            "authMode": "Key",
            "description": "keep me",
            "traffic": {"blue": 80, "green": 20},
            "mirrorTraffic": {},
        },
    }
