"""What became of a change that was cut off, by what the endpoint shows."""

import pytest
from endpoint_rig import NOW, change, endpoint, ring

from ops import tags, unfinished
from ops.journal import Entry

BLUE, SOME = {"blue": 100}, {"blue": 80, "green": 20}


def entry(verb, wanted, **facts):
    return Entry(
        id="000000000007",
        verb=verb,
        stage="local",
        endpoint="iris",
        at=NOW,
        who="mara@desk",
        reason="",
        wanted=wanted,
        **facts,
    )


SHIFT = entry("shift-traffic", {"traffic": SOME}, fence=7)


@pytest.mark.parametrize(
    ("live", "outcome"),
    [
        (endpoint(SOME, kept=ring(change(7, BLUE, SOME))), "done"),
        # Changed again since: what counts is that it was done.
        (
            endpoint(BLUE, kept=ring(change(7, BLUE, SOME), change(8, SOME, BLUE))),
            "done",
        ),
        (endpoint(BLUE, kept=ring(change(6, SOME, BLUE))), "not done"),
        # Somebody else's write led to the same weights.
        (endpoint(SOME, kept=ring(change(8, BLUE, SOME))), "not done"),
        (
            endpoint(BLUE, kept=ring(*(change(n, SOME, BLUE) for n in range(8, 18)))),
            "not known",
        ),
        (None, "not known"),
    ],
)
def test_a_shift_is_known_by_its_record(live, outcome):
    assert unfinished.became(SHIFT, live)[0] == outcome


@pytest.mark.parametrize(
    ("verb", "wanted", "live", "outcome"),
    [
        ("scale", {"blue": 3}, endpoint(BLUE, instances=3), "done"),
        ("scale", {"blue": 3}, endpoint(BLUE, instances=1), "not done"),
        (
            "delete-deployment",
            {"green": None},
            endpoint(BLUE, blue="Succeeded"),
            "done",
        ),
        ("delete-deployment", {"green": None}, endpoint(BLUE), "not done"),
        ("delete-endpoint", None, None, "done"),
        ("delete-endpoint", None, endpoint(BLUE), "not done"),
        ("freeze", {"freeze": "x"}, endpoint(BLUE, kept={tags.FREEZE: "x"}), "done"),
        ("unfreeze", {"freeze": None}, endpoint(BLUE), "done"),
        (
            "unfreeze",
            {"freeze": None},
            endpoint(BLUE, kept={tags.FREEZE: "x"}),
            "not done",
        ),
        ("keys.rotate", None, endpoint(BLUE), "not known"),
        ("deploy", None, endpoint(BLUE), "not known"),
    ],
)
def test_other_changes_are_known_by_what_they_leave(verb, wanted, live, outcome):
    assert unfinished.became(entry(verb, wanted), live)[0] == outcome
