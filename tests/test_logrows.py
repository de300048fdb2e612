"""Records of a service that answers in pages, and whose lines are whose."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from ops import logrows, logs, sieve, tails
from ops.errors import NotFound, ServiceError, Unreachable, UsageError
from ops.logrecords import Record
from ops.times import Span

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = Span(start=NOW - timedelta(hours=1), end=NOW)
NOTHING = sieve.sieve(patterns={})


def record(number, second):
    time = HOUR.start + timedelta(seconds=second)
    return Record(time=time, kind="console", deployment="blue", message=str(number))


def service(rows):
    """Answers as Log Analytics does: the newest of a span, whose end is not in it."""

    def ask(span, size):
        within = [row for row in rows if span.start <= row.time < span.end]
        return sorted(within, key=lambda row: row.time)[-size:]

    return ask


def read(rows, size):
    return [row for page in logrows.pages(service(rows), HOUR, size) for row in page]


@pytest.mark.parametrize("size", [1, 3, 10, 99, 100, 101])
def test_every_row_is_on_one_page(size, monkeypatch):
    monkeypatch.setattr(logrows, "PAGE", size)
    dice = random.Random(size)
    rows = [record(number, dice.randint(0, 40)) for number in range(100)]

    found = read(rows, size)

    assert sorted(row.message for row in found) == sorted(row.message for row in rows)


def test_the_newest_page_is_first():
    first = next(logrows.pages(service([record(n, n) for n in range(50)]), HOUR, 5))

    assert [row.message for row in first] == ["46", "47", "48", "49"]


def test_more_rows_of_one_moment_than_a_page_holds_are_one_page():
    rows = [record(number, 7) for number in range(500)]

    assert len(read(rows, 10)) == 500


def test_the_last_of_several_streams_are_the_last_of_all():
    console, events = [record(n, n) for n in (1, 3, 5)], [record(n, n) for n in (2, 4)]

    def latest(*streams, wanted):
        found, more = logrows.latest(streams, wanted)
        return [row.message for row in found], more

    assert latest((console, False), (events, False), wanted=3) == (
        ["3", "4", "5"],
        True,
    )
    assert latest((console, False), (events, False), wanted=5)[1] is False
    assert latest((console, True), (events, False), wanted=9)[1] is True


@pytest.mark.parametrize(
    ("streams", "flags", "kinds"),
    [
        ({}, {}, ("console",)),
        ({}, {"status": "5xx"}, ("request",)),
        ({}, {"slower_than": "1s"}, ("request",)),
        ({"event": True, "request": True}, {}, ("event", "request")),
        ({"console": True}, {"status": "5xx"}, ("console",)),
    ],
)
def test_what_is_read_follows_from_the_flags(streams, flags, kinds):
    assert asked(streams=streams, **flags).kinds == kinds


def asked(streams=(), times=(None, None, None), lines=None, request_id=None, **flags):
    return logs.asked(
        streams=dict(streams),
        times=times,
        lines=lines,
        request_id=request_id,
        which=sieve.sieve(patterns={}, **flags),
        now=NOW,
    )


def test_a_time_asked_for_is_read_whole():
    assert asked().lines == logs.USUAL_LINES
    assert asked(times=("2h", None, None)).lines == logs.MOST_ROWS
    assert asked(times=("2h", None, None), lines="7").lines == 7


def test_a_request_is_looked_for_in_the_last_day():
    assert asked().span.start == NOW - timedelta(hours=1)
    assert asked(request_id="x").span.start == NOW - timedelta(days=1)


def test_only_a_time_without_end_holds_rows_of_clocks_that_are_ahead():
    assert asked().open
    assert not asked(times=(None, "11:00", "11:30")).open


@pytest.mark.parametrize("lines", ["0", "-1", "many", "100001", "\u0661"])
def test_lines_that_cannot_be_meant_are_refused(lines):
    with pytest.raises(UsageError, match="--lines"):
        asked(lines=lines)


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (Unreachable("no answer"), True),
        (ServiceError("busy", http_status=429), True),
        (ServiceError("a token has expired", http_status=401), True),
        (ServiceError("down", http_status=503), True),
        (ServiceError("wrong", http_status=400), False),
        (ServiceError("no right", http_status=403), False),
        (NotFound("no such workspace"), False),
    ],
)
def test_a_follower_waits_for_what_may_answer_again(error, passing):
    assert logs.passing(error) is passing


def test_getlogs_is_asked_for_no_more_than_it_gives():
    assert tails.body(100_000, "storage-initializer") == {
        "containerType": "StorageInitializer",
        "tail": 5000,
    }


def test_getlogs_may_have_nothing_to_say():
    assert tails.content({"content": "a\nb\n"}) == ["a", "b"]
    assert tails.content({"content": None}) == []
    assert tails.content({}) == []
