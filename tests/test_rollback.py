"""Where a rollback leads, and what it refuses to lead to."""

import pytest
from endpoint_rig import NOW, change, endpoint, ring

from ops import rollback
from ops.errors import NotFound, Refused
from ops.flow import Flow, Recent
from ops.rollouts import standing
from ops.rollouts.standing import Standing
from ops.weights import Weights

BLUE = {"blue": 100}
SOME = {"blue": 80, "green": 20}
HALF = {"blue": 50, "green": 50}


def under_way(state):
    return Standing(
        id="20261125-140200-6cc0",
        canary="green",
        stable="blue",
        step=1,
        state=state,
        since=NOW,
        by="mara@desk",
        heartbeat=NOW,
        limit_seconds=180,
        safe=Weights(traffic=BLUE),
    )


def before_last(traffic, *changes):
    return rollback.before_last(endpoint(traffic, kept=ring(*changes))).traffic


def test_it_goes_to_the_weights_before_the_last_change():
    shifts = change(1, BLUE, SOME), change(2, SOME, HALF)

    assert before_last(HALF, *shifts) == SOME


def test_twice_is_not_forward_again():
    back = change(1, BLUE, SOME), change(2, SOME, BLUE, verb="rollback")

    assert before_last(BLUE, *back) == BLUE


@pytest.mark.parametrize(
    ("verb", "reason"),
    [("rollout.abort", ""), ("watchdog", ""), ("promote-green", "back: it got slow")],
)
def test_what_gave_traffic_back_is_not_gone_forward_from(verb, reason):
    back = change(2, SOME, BLUE, verb=verb, reason=reason)

    assert before_last(BLUE, change(1, BLUE, SOME), back) == BLUE


@pytest.mark.parametrize(
    ("state", "leads_to"), [("rolled back", BLUE), ("promoted", SOME)]
)
def test_a_rollout_that_ended_badly_has_gone_back(state, leads_to):
    last = change(2, SOME, BLUE, verb="rollout")
    ended = standing.written(under_way(state)).items()
    kept = ring(last) | {name: text for name, text in ended if text}

    found = rollback.before_last(endpoint(BLUE, kept=kept))

    assert found.traffic == leads_to


def test_in_the_middle_of_a_rollout_it_goes_to_where_that_began():
    steps = change(1, BLUE, SOME, verb="rollout"), change(2, SOME, HALF, verb="rollout")
    kept = ring(*steps) | standing.written(under_way("running"))

    assert rollback.before_last(endpoint(HALF, kept=kept)).traffic == BLUE


def test_an_outside_edit_is_the_last_change():
    assert before_last({"green": 100}, change(1, BLUE, SOME)) == SOME


def test_a_mirror_that_ended_by_itself_is_no_change_to_go_back_from():
    ended = change(2, SOME, SOME, verb="mirror-limit")

    assert before_last(SOME, change(1, BLUE, SOME), ended) == BLUE


def test_without_any_record_there_is_nothing_to_go_back_to():
    with pytest.raises(Refused, match="no record"):
        before_last(SOME)


def test_weights_too_long_for_the_tags_are_not_guessed():
    with pytest.raises(Refused, match="too many deployments"):
        before_last(SOME, change(1, None, SOME))


def test_a_mirror_that_cannot_be_does_not_stand_in_the_way():
    wanted = Weights(traffic=BLUE, mirror={"green": 10})

    assert rollback.possible(endpoint(SOME), wanted) == wanted
    for live in (endpoint(BLUE, blue="Succeeded"), endpoint(BLUE, green="Failed")):
        assert rollback.possible(live, wanted) == Weights(traffic=BLUE)


def recent(**flows):
    return Recent(
        flows={
            name: Flow(requests=of, live=of, errors=errors, mean_ms=5.0)
            for name, (errors, of) in flows.items()
        }
    )


def healthier(after, seen, before=SOME):
    return rollback.require_healthier(
        Weights(traffic=before), Weights(traffic=after), seen
    )


def test_it_does_not_go_back_to_what_is_sicker():
    seen = recent(blue=(60, 800), green=(0, 200))

    with pytest.raises(Refused, match=r"blue is sicker.*7.5% of 800.*green 0.0% of"):
        healthier(BLUE, seen)


@pytest.mark.parametrize(
    "seen",
    [
        recent(blue=(0, 800), green=(60, 200)),
        recent(blue=(8, 800), green=(0, 200)),  # chance alone explains it
        recent(blue=(60, 800)),  # green was never asked: nothing to compare
        Recent(unknown="diagnostics are off"),
    ],
)
def test_what_may_be_as_healthy_is_gone_back_to(seen):
    assert healthier(BLUE, seen) == []


def test_what_is_not_known_is_said():
    (said,) = healthier(BLUE, recent(green=(3, 200)))

    assert "blue has served nothing lately" in said


def test_it_does_not_take_everything_away():
    with pytest.raises(Refused, match="everyone would get 404"):
        healthier({}, recent(), before=BLUE)


def test_to_a_number_of_history():
    kept = ring(change(3, BLUE, SOME), change(5, SOME, HALF))
    rows = rollback.history.merged([], rollback.tags.changes(kept), [], "iris")

    assert rollback.history.numbered(rows, 3).traffic == SOME
    with pytest.raises(NotFound, match=r"there are: #5, #3"):
        rollback.history.numbered(rows, 4)
