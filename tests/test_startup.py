"""What a deploy says while the service still waits for an instance."""

from datetime import UTC, datetime, timedelta

from ops import startup
from ops.measures import Event

NOW = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)


def event(name, seconds_ago, deployment="green", message="no answer"):
    at = NOW - timedelta(seconds=seconds_ago)
    return Event(
        at=at,
        deployment=deployment,
        instance=f"{deployment}-1",
        name=name,
        message=message,
    )


def test_a_start_that_goes_well_has_nothing_to_be_said_of():
    events = [
        event("Created", 9),
        event("Started", 8),
        event("ReadinessProbeFailed", 8),
    ]

    assert startup.seen(events, "green") == ""


def test_what_goes_wrong_is_counted_with_the_last_of_it():
    events = [
        event("LivenessProbeFailed", 40),
        event("BackOff", 39),
        event("LivenessProbeFailed", 20),
        event("BackOff", 12, message="restarting in 10 s, exit status 137"),
    ]

    said = startup.seen(events, "green")

    assert said == (
        "LivenessProbeFailed 2x, BackOff 2x; 14:01:48 green-1: restarting in 10 s, "
        "exit status 137"
    )


def test_another_deployment_s_trouble_is_not_told():
    assert startup.seen([event("BackOff", 5, deployment="blue")], "green") == ""
