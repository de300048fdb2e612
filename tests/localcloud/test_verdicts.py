"""What becomes of one instance, from given facts."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.localcloud.probing import Health, Streak, counted
from ops.localcloud.recipe import CannotDeploy, Probe, seconds
from ops.localcloud.records import Instance, text
from ops.localcloud.verdicts import judge

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
PROBE = Probe(
    initial_delay=5, period=2, timeout=1, failure_threshold=3, success_threshold=2
)


def instance(state="Starting", ready=None, age=1, **detail):
    return Instance(
        id="i",
        deployment="/d",
        fingerprint="f",
        state=state,
        started=NOW - timedelta(seconds=age),
        ready=ready,
        detail=detail,
    )


def verdict(instance, *, alive=True, died_of="exit status 3", probes=None, **streaks):
    return judge(
        instance,
        alive=alive,
        died_of=died_of,
        health=Health(streaks=streaks),
        probes=probes or {"readiness": PROBE, "liveness": PROBE},
        now=NOW,
    )


def streak(answers):
    """The streak after answers such as "+--"."""
    result = Streak(due=NOW)
    for answer in answers:
        result = counted(result, None if answer == "+" else "refused")
    return result


def test_a_probe_that_goes_on_failing_is_told_once_a_minute():
    told = [at for at in range(1, 70) if streak("-" * at).is_news(PROBE)]

    assert told == [1, 31, 61]  # it is asked every two seconds


@pytest.mark.parametrize(
    ("answers", "action"), [("+", "keep"), ("++", "pass"), ("+-+", "keep")]
)
def test_ready_takes_as_many_successes_in_a_row_as_asked_for(answers, action):
    assert verdict(instance(), readiness=streak(answers)).action == action


@pytest.mark.parametrize(
    ("answers", "action"), [("--", "keep"), ("---", "not_ready"), ("--+--", "keep")]
)
def test_not_ready_takes_as_many_failures_in_a_row(answers, action):
    assert verdict(instance("Ready"), readiness=streak(answers)).action == action


def test_an_instance_that_answers_again_is_ready_again():
    answering = verdict(instance("NotReady", proven=True), readiness=streak("---++"))

    assert answering.action == "ready"


def test_a_failing_liveness_probe_has_it_restarted():
    found = verdict(instance("Ready"), liveness=streak("---"))

    assert found.action == "restart"
    assert "liveness probe failed 3 times: refused" in found.reason


def test_not_ready_in_its_time_is_given_up():
    assert verdict(instance(age=10.9), readiness=streak("-")).action == "keep"
    late = verdict(instance(age=11), readiness=streak("-"))
    assert late.action == "give_up"
    assert late.reason == "The instance was not ready within 11 s: refused"


def test_a_startup_probe_adds_its_time():
    probes = {"startup": PROBE, "readiness": PROBE}

    assert verdict(instance(age=21.9), probes=probes).action == "keep"
    assert verdict(instance(age=22), probes=probes).action == "give_up"


def test_a_restarted_instance_is_never_given_up():
    assert verdict(instance(age=9999, proven=True)).action == "keep"


@pytest.mark.parametrize(
    ("exits", "action", "pause"),
    [(0, "pause", 0), (1, "pause", 1), (2, "give_up", None)],
)
def test_three_exits_before_ready_are_too_many(exits, action, pause):
    found = verdict(instance(exits=exits), alive=False)

    assert found.action == action
    assert found.until == (
        NOW + timedelta(seconds=pause) if action == "pause" else None
    )


@pytest.mark.parametrize(
    ("before", "killing", "action"),
    [
        ("exit status 3", None, "give_up"),
        ("exit status 4", None, "pause"),
        ("exit status 3", "2026-11-23T03:00:00+00:00", "pause"),
    ],
    ids=["the same", "another", "killed by us"],
)
def test_two_exits_of_the_same_cause_are_too_many(before, killing, action):
    found = verdict(instance(exits=1, died_of=before, killing=killing), alive=False)

    assert found.action == action
    assert found.died_of == ("" if action == "give_up" else "exit status 3")


def test_the_cause_of_the_last_exit_is_told():
    found = verdict(instance(exits=2), alive=False, died_of="exit status 3: no weights")

    assert found.reason == (
        "The instance exited 3 times before it was ready: exit status 3: no weights"
    )


@pytest.mark.parametrize(
    ("exits", "pause"), [(0, 0), (1, 10), (2, 20), (3, 40), (4, 60), (99, 60)]
)
def test_pauses_grow_up_to_a_minute(exits, pause):
    found = verdict(instance("Ready", exits=exits, proven=True), alive=False)

    assert found.until == NOW + timedelta(seconds=pause)


def test_ten_steady_minutes_forgive_earlier_exits():
    ready = NOW - timedelta(minutes=11)
    found = verdict(instance("Ready", ready, exits=5, proven=True), alive=False)

    assert found.until == NOW


def test_a_pause_is_waited_out():
    later, over = text(NOW + timedelta(seconds=1)), text(NOW)

    assert verdict(instance("Waiting", until=later), alive=False).action == "keep"
    assert verdict(instance("Waiting", until=over), alive=False).action == "start"


def test_what_does_not_end_in_time_is_killed():
    assert verdict(instance("Stopping", until=text(NOW))).action == "kill"
    assert verdict(instance("Stopping", until=text(NOW)), alive=False).action == "gone"


@pytest.mark.parametrize(
    ("duration", "expected"),
    [("PT10S", 10), ("PT1M30S", 90), ("PT0.5S", 0.5), ("P1DT1H", 90000), ("PT0S", 0)],
)
def test_durations_are_read(duration, expected):
    assert seconds(duration) == expected


@pytest.mark.parametrize("duration", ["", "P", "PT", "10", "10s", "PT-1S", "PT1S\n"])
def test_what_is_no_duration_is_refused(duration):
    with pytest.raises(CannotDeploy, match="is not an ISO 8601 duration"):
        seconds(duration)
