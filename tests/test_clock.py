"""What time it is: two machines agree, and who waits sees a clock that is moved."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ops import clock
from ops.clock import LocalClock, ServiceClock


def heard(service, ahead, *, took=0.1):
    """Have a service whose clock is `ahead` seconds answer right now."""
    received = time.time()
    at = datetime.fromtimestamp(received - took / 2 + ahead, UTC)
    service.heard(format_datetime(at, usegmt=True), received - took, received)


def offset(service):
    return (service.now() - datetime.now(UTC)).total_seconds()


def move(directory, seconds, rate=1.0):
    real = time.time()
    told = {"real": real, "clock": real + seconds, "rate": rate}
    draft = directory / "draft"
    draft.write_text(json.dumps(told))
    draft.replace(directory / "clock.json")  # never half written, as localcloud's


def test_a_clock_that_is_right_is_not_touched():
    service = ServiceClock()
    for _ in range(20):
        heard(service, 0)

    assert service.offset_seconds == 0


@pytest.mark.parametrize("ahead", [-90, 5, 3600])
def test_a_wrong_clock_is_corrected_to_the_service(ahead):
    service = ServiceClock()
    heard(service, ahead)

    assert offset(service) == pytest.approx(ahead, abs=1.2)


def test_a_clock_that_somebody_sets_is_corrected_anew():
    service = ServiceClock()
    heard(service, 0)
    heard(service, -600)

    assert offset(service) == pytest.approx(-600, abs=1.2)


def test_a_date_that_is_none_is_passed_over():
    service = ServiceClock()
    service.heard("yesterday", 0, 1)

    assert service.offset_seconds == 0


def test_localclouds_clock_is_real_until_it_is_moved(tmp_path):
    local = LocalClock(tmp_path)
    before = offset(local)
    move(tmp_path, 7200)

    assert before == pytest.approx(0, abs=0.1)
    assert offset(local) == pytest.approx(7200, abs=0.1)


def test_ten_hours_pass_at_once_when_the_clock_is_moved(tmp_path):
    move(tmp_path, 0)
    waiting = threading.Thread(
        target=clock.wait, args=(LocalClock(tmp_path), 36_000), daemon=True
    )
    waiting.start()

    deadline, moved = time.monotonic() + 10, 0
    while waiting.is_alive() and time.monotonic() < deadline:
        moved += 36_000  # again: it may have begun to wait after the last one
        move(tmp_path, moved)
        waiting.join(timeout=0.2)

    assert not waiting.is_alive()


def test_a_fast_clock_ends_a_wait_sooner(tmp_path):
    move(tmp_path, 0, rate=36_000)
    local = LocalClock(tmp_path)
    end = local.now() + timedelta(hours=1)

    clock.wait(local, 3600)

    assert local.now() >= end


def test_a_wait_is_over_when_it_is_told_to_stop(tmp_path):
    stop = threading.Event()
    stop.set()

    clock.wait(ServiceClock(), 3600, stop)
    clock.wait(LocalClock(tmp_path), 3600, stop)
