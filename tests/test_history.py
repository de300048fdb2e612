"""One history out of three tellers, each change once."""

from datetime import timedelta

import pytest
from endpoint_rig import NOW, change

from ops import activity, history
from ops.errors import UsageError
from ops.journal import Entry
from ops.pipeline import NO_CHANGE, request_id

BLUE, SOME = {"blue": 100}, {"blue": 80, "green": 20}


def entry(id, minutes=0, **facts):
    known = {"verb": "shift-traffic", "who": "mara@desk", "reason": ""}
    return Entry(
        id=id,
        stage="local",
        endpoint="iris",
        at=NOW + timedelta(minutes=minutes),
        **known | facts,
    )


def event(request, minutes=0, **facts):
    known = {"caller": "portal@corp", "resource": "iris", "outcome": "Succeeded"}
    at = NOW + timedelta(minutes=minutes)
    what = "onlineEndpoints/write"
    return activity.Event(at=at, what=what, request_id=request, **known | facts)


def test_a_change_that_two_know_is_told_by_the_journal():
    kept = change(7, BLUE, SOME)
    known = entry(kept.id, fence=7, outcome="done", after={"traffic": SOME})

    (row,) = history.merged([known], [kept], [event(request_id(kept.id))], "iris")

    assert (row.told_by, row.number, row.weights.traffic) == ("journal", 7, SOME)


def test_an_empty_journal_is_made_up_for_by_the_tags():
    (row,) = history.merged([], [change(7, BLUE, SOME)], [], "iris")

    assert (row.told_by, row.before, row.outcome) == ("tags", {"traffic": BLUE}, "done")


def test_outside_edits_stand_among_the_others_newest_first():
    kept = [change(7, BLUE, SOME)]
    edits = [event("11111111-1111", minutes=5), event("", minutes=-5)]

    rows = history.merged([], kept, edits, "iris")

    assert [row.told_by for row in rows] == ["activity log", "tags", "activity log"]
    assert rows[0].who == "portal@corp"
    assert rows[0].reason == "outside of the toolkit"
    assert rows[0].weights is None


def test_a_change_of_another_machine_is_not_called_an_outside_edit():
    elsewhere = event(request_id("0123456789ab"), resource="blue")

    (row,) = history.merged([], [], [elsewhere, elsewhere], "iris")

    assert row.reason == "by the toolkit, elsewhere"
    assert row.verb == "onlineEndpoints/write blue"


def test_signs_of_life_are_no_history():
    assert history.merged([], [], [event(request_id(NO_CHANGE))], "iris") == []


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), ("#12", 12), ("x", 0), ("0", 0), ("-1", 0)]
)
def test_to_takes_the_number_that_history_shows(text, number):
    if number:
        assert history.number(text) == number
    else:
        with pytest.raises(UsageError, match="--to takes the number"):
            history.number(text)


def rows(correlation, *statuses, request="", name="write"):
    return [
        {
            "caller": "portal@corp",
            "correlationId": correlation,
            "eventTimestamp": f"2026-11-25T14:02:0{n}.1234567Z",
            "httpRequest": {"clientRequestId": request},
            "operationName": {
                "value": f"Microsoft.X/workspaces/onlineEndpoints/{name}"
            },
            "resourceId": "/subscriptions/s/onlineEndpoints/iris",
            "status": {"value": status},
        }
        for n, status in enumerate(statuses)
    ]


def test_the_events_of_one_request_are_one_change():
    told = activity.told(
        rows("a", "Started", "Accepted", "Succeeded") + rows("b", "Started", "Failed")
    )

    assert [each.outcome for each in told] == ["Succeeded", "Failed"]
    assert told[0].at == NOW.replace(microsecond=123456)
    assert (told[0].what, told[0].resource) == ("onlineEndpoints/write", "iris")


def test_who_reads_keys_has_changed_nothing():
    read = rows("a", "Started", "Succeeded", name="listKeys/action")
    replaced = rows("b", "Started", "Succeeded", name="regenerateKeys/action")

    (told,) = activity.told(read + replaced)

    assert told.what == "regenerateKeys/action"


def test_our_requests_are_told_by_their_ids():
    ours = event(request_id("0123456789ab"))
    theirs = event("0f8fad5b-d9cb-469f-a165-70867728950e")

    assert (ours.ours, ours.change) == (True, "0123456789ab")
    assert (theirs.ours, theirs.change) == (False, "")
    assert event(request_id(NO_CHANGE)).change == ""
