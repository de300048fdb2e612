"""What is kept in an endpoint's tags comes back as it was, or not at all."""

from datetime import UTC, datetime, timedelta

import pytest

from ops import tags
from ops.tags import Change, Freeze, Heartbeat, Rollout
from ops.weights import Weights

AT = datetime(2026, 11, 25, 14, 2, 11, 123000, tzinfo=UTC)


def change(fence=7, **facts):
    return Change(
        **{
            "fence": fence,
            "id": "0123456789ab",
            "verb": "shift-traffic",
            "who": "mara@desk",
            "at": AT,
            "before": Weights(traffic={"blue": 100}, mirror={"green": 10}),
            "after": Weights(traffic={"blue": 80, "green": 20}),
            "reason": "a first look",
            **facts,
        }
    )


def test_a_change_comes_back_as_it_was():
    assert tags.decode(tags.encode(change())) == change()


def test_no_live_traffic_is_not_the_same_as_unknown():
    nothing = change(before=Weights(traffic={}), after=None)

    assert tags.decode(tags.encode(nothing)) == nothing


def test_a_reason_may_hold_anything():
    odd = change(reason="50% | «why» | ~blue:1,\n?")

    assert tags.decode(tags.encode(odd)) == odd


@pytest.mark.parametrize("count", [1, 3, 4, 20])
def test_a_value_never_exceeds_azures_limit(count):
    names = [f"{'deployment-with-a-long-name'}-{n:03}" for n in range(count)]
    many = Weights(traffic={name: 100 // count for name in names})

    text = tags.encode(change(before=many, after=many, reason="x" * 300))

    assert len(text) <= 256
    kept = tags.decode(text)
    assert kept.after in (many, None)  # never a part of it
    assert (kept.after == many) == (count <= 4)


def test_a_long_reason_is_cut_and_nothing_else():
    kept = tags.decode(tags.encode(change(reason="x" * 300)))

    assert kept.reason.endswith("x…")
    assert (kept.before, kept.after) == (change().before, change().after)


@pytest.mark.parametrize(
    "text",
    ["", "by hand", "1|2|3|4|5|6|7|8", tags.encode(change()).replace(":80", ":many")],
)
def test_what_was_edited_by_hand_is_left_out(text):
    assert tags.decode(text) is None
    assert tags.changes({tags.slot(0): text}) == []


def test_the_ring_keeps_the_latest_changes_newest_first():
    kept = {}
    for number in range(1, 15):
        kept |= tags.recorded(change(number), kept)

    assert [each.fence for each in tags.changes(kept)] == list(range(14, 4, -1))
    assert tags.fence(kept) == 14
    assert len(kept) == tags.RING + 1


def test_a_freeze_comes_back_as_it_was():
    freeze = Freeze(until=AT, who="mara@desk", reason="Black Friday | all of it")

    assert tags.freeze({tags.FREEZE: tags.frozen(freeze)}) == freeze
    assert tags.freeze({}) is None


def test_a_rollout_comes_back_as_it_was():
    rollout = Rollout(
        id="r1",
        state="running",
        canary="green",
        stable="blue",
        step=2,
        since=AT,
        by="m",
    )
    beat = Heartbeat(at=AT, limit_seconds=60)
    kept = {
        tags.ROLLOUT: tags.rolling(rollout),
        tags.HEARTBEAT: tags.beating(beat),
        tags.SAFE: tags.written(Weights(traffic={"blue": 100})),
    }

    assert tags.rollout(kept) == rollout
    assert tags.heartbeat(kept) == beat
    assert tags.safe(kept) == Weights(traffic={"blue": 100})
    assert (tags.rollout({}), tags.heartbeat({}), tags.safe({})) == (None,) * 3


def test_times_without_a_zone_are_no_times():
    until = tags.stamp(AT + timedelta(hours=1))

    assert tags.mirror_until({tags.MIRROR_UNTIL: until}) == AT + timedelta(hours=1)
    assert tags.mirror_until({tags.MIRROR_UNTIL: "2026-11-25T14:00"}) is None


def test_our_tags_are_told_from_others():
    assert tags.ours({"aml-ops.fence": "1", "team": "ml"}) == {"aml-ops.fence": "1"}
    assert tags.merged({"a": "1", "b": "2"}, {"a": None, "c": "3"}) == {
        "b": "2",
        "c": "3",
    }
