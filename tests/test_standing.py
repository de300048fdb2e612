"""What the tags say of a rollout is what was written, and fits Azure's limit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops import tags
from ops.rollouts import standing
from ops.rollouts.standing import ENDED, PAUSED, Standing
from ops.weights import Weights

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HERE = Standing(
    id="20261125-120000-ab12",
    canary="green",
    stable="blue",
    step=2,
    state=PAUSED,
    since=NOON,
    by="kim@laptop",
    run=3,
    released=True,
    heartbeat=NOON + timedelta(seconds=30),
    limit_seconds=180,
    safe=Weights(traffic={"blue": 100}),
)


def test_what_is_written_is_read_again():
    assert standing.read(standing.written(HERE)) == HERE


@pytest.mark.parametrize("state", ENDED)
def test_one_that_has_ended_leaves_no_heartbeat_and_keeps_what_it_was_promoted_over(
    state,
):
    found = standing.written(replace(HERE, state=state))

    assert found[tags.HEARTBEAT] is None
    kept = tags.written(HERE.safe) if state == standing.PROMOTED else None
    assert found[tags.SAFE] == kept
    assert not standing.read({tags.ROLLOUT: found[tags.ROLLOUT]}).active


def test_the_longest_names_fit_a_tag():
    longest = replace(HERE, canary="g" * 32, stable="b" * 32, by="k|" * 60, step=999)

    values = standing.written(longest).values()

    assert max(len(value) for value in values) <= tags.MOST
    assert standing.read(standing.written(longest)).by.startswith("k/k/")


@pytest.mark.parametrize("text", ["", "nonsense", "a|b|c|x|running|never|d|1|"])
def test_a_tag_that_says_nothing_is_no_rollout(text):
    assert standing.read({tags.ROLLOUT: text}) is None


def test_a_runner_is_dead_when_it_was_silent_for_longer_than_its_limit():
    assert not HERE.silent(NOON + timedelta(seconds=210))
    assert HERE.silent(NOON + timedelta(seconds=211))
    assert replace(HERE, heartbeat=None).silent(NOON)
    assert not replace(HERE, heartbeat=None, state="promoted").silent(NOON)
