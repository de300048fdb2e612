"""Rows count as complete only up to the first probe that is missing among them."""

from datetime import UTC, datetime, timedelta

from ops.rollouts.arrivals import LOST_SECONDS, Arrivals, Probe, unprobed

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def at(second):
    return NOON + timedelta(seconds=second)


def sent(*numbers):
    return Arrivals().sent([Probe(id=str(n), answered=float(n)) for n in numbers])


def test_rows_are_complete_up_to_the_first_gap():
    found = sent(1, 2, 3, 4).seen({"1": at(1), "2": at(2), "4": at(4)}, seconds=5)

    assert found.complete == at(2)
    assert [probe.id for probe in found.pending] == ["3", "4"]


def test_a_row_that_comes_late_closes_the_gap():
    waiting = sent(1, 2, 3).seen({"1": at(1), "3": at(3)}, seconds=5)

    found = waiting.seen({"2": at(2), "3": at(3)}, seconds=60)

    assert found == Arrivals(complete=at(3))


def test_without_a_row_nothing_is_complete():
    assert sent(1, 2).seen({}, seconds=5).complete is None


def test_what_is_complete_stays_so():
    found = sent(1).seen({"1": at(1)}, seconds=2)
    later = found.sent([Probe(id="2", answered=3)]).seen({"2": at(0)}, seconds=4)

    assert later.complete == at(1)


def test_a_row_that_never_comes_does_not_hold_all_up_for_ever():
    waiting = sent(1, 2)

    assert waiting.seen({"2": at(2)}, seconds=LOST_SECONDS).complete is None
    assert waiting.seen({"2": at(2)}, seconds=LOST_SECONDS + 2).complete == at(2)


def test_without_probes_the_latest_minute_may_be_incomplete():
    assert unprobed(at(100), None) == at(40)
    assert unprobed(at(100), at(50)) == at(50)
    assert unprobed(None, None) is None
