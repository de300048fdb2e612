"""When a split is told, and what is said of it."""

from datetime import UTC, datetime, timedelta

import pytest

from ops import split
from ops.flow import Recent

NOW = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)


def recent(per_second, lag_seconds=1.0):
    latest = NOW - timedelta(seconds=lag_seconds)
    return Recent(per_second=per_second, latest=latest)


def test_a_share_is_told_with_its_interval():
    blue, green = split.shares({"blue": 80, "green": 20}, {"blue": 812, "green": 191})

    assert str(blue) == "blue 812 of 1,003 requests, 81.0% (78.4..83.3)"
    assert not blue.off
    assert not green.off


def test_a_share_that_chance_cannot_explain_is_off():
    blue, green = split.shares({"blue": 80, "green": 20}, {"blue": 990, "green": 10})

    assert blue.off
    assert green.off


def test_requests_to_what_has_no_weight_are_told():
    (_, green) = split.shares({"blue": 100}, {"blue": 400, "green": 40})

    assert (green.percent, green.off) == (0, True)


def test_requests_that_were_on_their_way_are_not_held_against_the_weights():
    for late, of in ((1, 3942), (1, 50), (3, 2000)):
        assert not any(
            each.off
            for each in split.shares({"blue": 100}, {"blue": of - late, "green": late})
        )


def test_a_handful_of_requests_proves_nothing():
    assert not any(
        each.off for each in split.shares({"blue": 80, "green": 20}, {"blue": 3})
    )


@pytest.mark.parametrize(
    ("seen", "seconds"),
    [
        (Recent(unknown="no log workspace"), 0),
        (recent(0), 0),
        (recent(0.5), 0),  # five seconds would bring two requests
        (recent(50, lag_seconds=90), 0),  # rows as late as Azure's
        (recent(400), 3),
        (recent(20), 5),
    ],
)
def test_nobody_waits_for_rows_that_will_not_come(seen, seconds):
    assert split.patience_seconds(seen, NOW) == seconds
    assert seconds or split.why_not(seen, NOW)
