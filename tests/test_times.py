"""Times as a person types them."""

from datetime import UTC, datetime, timedelta

import pytest

from ops import times
from ops.errors import UsageError

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("2h30m", 9000), ("1.5h", 5400), ("1w", 604800)],
)
def test_a_duration_is_read(text, seconds):
    assert times.duration(text, "--since") == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "2", "h", "-1h", "1h ", "1y", "0s", "1h 2m", "²h"]
)
def test_what_is_no_duration_names_the_flag(text):
    with pytest.raises(UsageError, match="--since"):
        times.duration(text, "--since")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("11:30", datetime(2026, 11, 23, 11, 30, tzinfo=UTC)),
        ("14:05", datetime(2026, 11, 22, 14, 5, tzinfo=UTC)),  # not yet today
        ("2026-11-23T10:00", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00+02:00", datetime(2026, 11, 23, 8, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read(text, moment):
    assert times.moment(text, "--from", NOW) == moment


def test_since_and_from_exclude_each_other():
    with pytest.raises(UsageError, match="not both"):
        times.span("1h", "11:00", None, now=NOW)


def test_a_span_must_not_end_before_it_starts():
    with pytest.raises(UsageError, match="does not lie before"):
        times.span(None, "11:00", "10:00", now=NOW)


def test_since_counts_back_from_to():
    span = times.span("1h", None, "11:00", now=NOW)

    assert (span.start.hour, span.end.hour) == (10, 11)


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (0, "0s"),
        (0.8, "0.8s"),
        (9.99, "10s"),
        (45, "45s"),
        (59.7, "1m"),
        (245, "4m 5s"),
        (5280, "1h 28m"),
        (6120, "1h 42m"),
        (7260, "2h 1m"),
        (86399, "1d"),
        (183600, "2d 3h"),
        (-5, "0s"),
    ],
)
def test_a_length_of_time_is_shown_in_one_way(seconds, says):
    assert times.length(timedelta(seconds=seconds)) == says
