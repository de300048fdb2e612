"""What reaches the log store: every line once, and only what may."""

import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cloud_rig import until

from ops.localcloud.console import Diary, build_log, console_log, last_lines
from ops.localcloud.flows import CONSOLE, EVENTS, TRAFFIC
from ops.localcloud.gateway.accesslog import AccessLog
from ops.localcloud.retiring import retire_build_log, retire_console
from tests.localcloud.log_rig import BLUE, ENDPOINT, LogRig, hours_ago

ROOT = Path(__file__).parents[2]


@pytest.fixture
def rig(tmp_path):
    rig = LogRig(tmp_path)
    yield rig
    rig.close()


@pytest.fixture
def flowing(rig):
    rig.let_flow()
    rig.instance()
    return rig


def test_nothing_flows_before_there_is_a_setting(rig):
    rig.instance()
    rig.prints(b"before\n")
    rig.request(1)
    rig.state.record(BLUE, "blue-1", "Created", "before")
    rig.step()
    rig.let_flow()
    rig.prints(b"after\n")
    rig.request(2)
    rig.state.record(BLUE, "blue-1", "Started", "after")
    rig.step()

    assert rig.messages == ["after"]
    assert rig.column("XRequestId", TRAFFIC) == ["request-2"]
    assert rig.column("Message", EVENTS) == ["after"]


def test_no_line_after_the_setting_is_passed_over_for_it_came_late(rig, monkeypatch):
    rig.instance()
    rig.prints(b"before\n")
    know = rig.ingest._know

    def know_then_be_overtaken():
        know()
        rig.let_flow()
        rig.prints(b"after\n")

    monkeypatch.setattr(rig.ingest, "_know", know_then_be_overtaken)
    rig.step()
    monkeypatch.undo()
    rig.step()

    assert rig.messages == ["after"]


def test_only_what_the_setting_names_flows(rig):
    rig.let_flow(EVENTS)
    rig.instance()
    rig.prints(b"printed\n")
    rig.request()
    rig.state.record(BLUE, "blue-1", "Created", "told")
    rig.step()

    assert rig.messages == rig.column("XRequestId", TRAFFIC) == []
    assert rig.column("Message", EVENTS) == ["told"]


def test_nothing_flows_once_the_setting_is_gone(flowing):
    flowing.prints(b"one\n")
    flowing.step()
    flowing.state.delete(
        f"{ENDPOINT}/providers/microsoft.insights/diagnosticsettings/all"
    )
    flowing.prints(b"two\n")
    flowing.step()
    flowing.let_flow()
    flowing.prints(b"three\n")
    flowing.step()

    assert flowing.messages == ["one", "three"]


def test_a_line_is_taken_once_it_is_whole(flowing):
    flowing.prints(b"half")
    flowing.step()
    assert flowing.messages == []

    flowing.prints(b" and half\n")
    flowing.step()

    assert flowing.messages == ["half and half"]


def test_the_last_words_of_a_dead_process_need_no_end(flowing):
    flowing.prints(b"out of mem")
    flowing.instance(pid=None)
    flowing.step()

    assert flowing.messages == ["out of mem"]


@pytest.mark.parametrize(
    ("printed", "stored"),
    [
        (b"caf\xe9 \xff\n", "caf\ufffd \ufffd"),
        (b"a\0b\n", "a\ufffdb"),
        (b"\x1b[31mred\x1b[0m\r\n", "\x1b[31mred\x1b[0m"),
        ("žluťoučký 猫\n".encode(), "žluťoučký 猫"),
        (b"\n", ""),
    ],
)
def test_any_bytes_become_a_row(flowing, printed, stored):
    flowing.prints(printed)
    flowing.step()

    assert flowing.messages == [stored]


def test_a_line_of_a_megabyte_is_cut_and_says_so(flowing):
    flowing.prints(b"x" * (1 << 20) + b"\nnext\n")
    flowing.step()

    long, following = flowing.messages
    assert len(long) <= 64 * 1024
    assert long.endswith("[cut: the line has 1048576 bytes]")
    assert following == "next"


def test_a_line_that_never_ends_does_not_fill_the_memory(flowing):
    flowing.prints(b"y" * (9 << 20))
    flowing.step()

    assert len(flowing.messages) == 2
    assert all("cut: the line has 4194304 bytes" in text for text in flowing.messages)


def test_lines_of_one_moment_keep_their_order(flowing):
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
    lines = [f"{stamp} I [1] score - {number}" for number in range(500)]
    flowing.prints("\n".join(lines).encode() + b"\n")
    flowing.step()

    assert flowing.messages == lines
    assert len(set(flowing.column("TimeGenerated", CONSOLE))) == 500


def test_a_clock_that_lies_is_not_believed(flowing):
    before = datetime.now(UTC).replace(tzinfo=None)
    flowing.prints(b"2001-01-01 00:00:00 long ago\n2099-01-01 00:00:00 to come\nnow\n")
    flowing.step()
    times = flowing.column("TimeGenerated", CONSOLE)

    assert flowing.messages[0].endswith("long ago")
    assert all(before <= at <= datetime.now(UTC).replace(tzinfo=None) for at in times)


def test_a_clock_that_is_behind_does_not_make_lines_late(flowing):
    flowing.let_flow(since=hours_ago(1))
    flowing.prints(b"in time\n")
    flowing.step()
    before = datetime.now(UTC).replace(tzinfo=None)
    behind = datetime.now(UTC) - timedelta(minutes=10)

    flowing.prints(f"{behind:%Y-%m-%d %H:%M:%S} said ten minutes too early\n".encode())
    flowing.step()

    assert flowing.column("TimeGenerated", CONSOLE)[-1] >= before


def test_lines_that_waited_for_a_reader_keep_their_own_times(flowing):
    flowing.let_flow(since=hours_ago(2))
    flowing.instance(started=hours_ago(1))
    then = [datetime.now(UTC) - timedelta(minutes=minutes) for minutes in (20, 10)]
    for each in then:
        flowing.prints(f"{each:%Y-%m-%d %H:%M:%S.%f} unread\n".encode())
        flowing.step()
        flowing.restart()  # and it doesn't know for how long nobody has looked
        flowing.instance()  # started anew since what it has not read yet

    found = flowing.column("TimeGenerated", CONSOLE)
    assert found == [each.replace(tzinfo=None) for each in then]


def test_the_log_of_an_instance_is_read_to_its_end_when_it_goes(flowing):
    flowing.prints(b"first\n")
    flowing.step()
    flowing.prints(b"last\nwords")
    retire_console(flowing.directory, BLUE, "blue-1")
    flowing.state.delete_instance("blue-1")
    flowing.restart()
    flowing.step()
    flowing.step()

    assert flowing.messages == ["first", "last", "words"]
    assert not list((flowing.directory / "ended").iterdir())
    assert "console:blue-1" not in flowing.store.positions()


def test_an_instance_that_lived_for_a_moment_is_heard(flowing):
    flowing.instance("blue-2")
    flowing.prints(b"born to die\n", "blue-2")
    retire_console(flowing.directory, BLUE, "blue-2")
    flowing.state.delete_instance("blue-2")
    flowing.step()

    assert flowing.messages == ["born to die"]


def test_every_attempt_of_a_builder_is_read(flowing):
    flowing.step()
    for attempt in range(3):
        retire_build_log(flowing.directory, BLUE)
        diary = Diary(build_log(flowing.directory, BLUE.lower()))
        diary.write(f"attempt {attempt}")
        if attempt != 1:
            flowing.step()
        diary.write(f"ends {attempt}")
    flowing.step()

    said = [message.split(" ", 1)[1] for message in flowing.messages]
    assert said == [f"{word} {n}" for n in range(3) for word in ("attempt", "ends")]


def test_the_access_log_is_read_across_its_segments(flowing):
    gateway = AccessLog(flowing.traffic, segment_bytes=1000, segments_kept=50)
    for number in range(60):
        if gateway.segments() and number % 7 == 0:
            flowing.step()
        _write(gateway, flowing, number)
    gateway.close()
    flowing.step()

    wanted = [f"request-{number}" for number in range(60)]
    assert flowing.column("XRequestId", TRAFFIC) == wanted


def _write(gateway, rig, number):
    """A row through the gateway's own writer, which turns to a new segment itself."""
    size = rig.traffic.stat().st_size
    if size > 1000:
        gateway._rotate()
    rig.request(number)


def test_segments_that_were_removed_unread_are_passed_over(flowing):
    flowing.request(1)
    flowing.step()
    flowing.traffic.rename(flowing.traffic.with_suffix(".000007.jsonl"))
    flowing.request(2)
    flowing.step()

    assert flowing.column("XRequestId", TRAFFIC)[-1] == "request-2"


@pytest.mark.parametrize(
    "line",
    [
        b'{"TimeGenerated": "2026-11-2',
        b"null",
        b"[]",
        b'{"TimeGenerated": 7}',
        b'{"TimeGenerated": "2026-11-23T00:00:00Z", "_ResourceId": 5}',
        b"\xff\xfe",
        b"",
    ],
)
def test_a_torn_line_stops_nothing(flowing, line):
    with flowing.traffic.open("ab") as log:
        log.write(line + b"\n")
    flowing.request(1)
    flowing.step()

    assert "request-1" in flowing.column("XRequestId", TRAFFIC)


def test_no_value_of_a_row_stops_the_others(flowing):
    flowing.request(1, RequestPayloadSize=1 << 40, UserAgent="\ud800 \0", Path=None)
    flowing.request(2, ResponseCode="many")
    flowing.step()

    assert flowing.column("XRequestId", TRAFFIC) == ["request-1", "request-2"]
    assert flowing.column("UserAgent", TRAFFIC)[0] == "? \ufffd"


def test_a_batch_that_was_stored_is_not_read_again(flowing):
    for number in range(3):
        flowing.prints(f"line {number}\n".encode())
        flowing.request(number)
        flowing.state.record(BLUE, "blue-1", "Started", str(number))
        flowing.step()
        flowing.restart()
    flowing.step()

    assert flowing.messages == ["line 0", "line 1", "line 2"]
    assert len(flowing.column("XRequestId", TRAFFIC)) == 3
    assert flowing.column("Message", EVENTS) == ["0", "1", "2"]


def test_no_line_is_lost_or_doubled_by_kill_9(flowing):
    flowing.close()
    command = [sys.executable, "-m", "tests.localcloud.log_rig", str(flowing.directory)]
    draw, written = random.Random(7), 0
    for _ in range(5):
        ingest = subprocess.Popen(command, cwd=ROOT)
        opened = flowing.directory / "logs.duckdb"
        until(lambda file=opened: file.exists())
        end = time.monotonic() + 0.4 + draw.random() * 0.4
        while time.monotonic() < end:
            lines = range(written, written + 200)
            text = "".join(f"line {number:08}\n" for number in lines)
            flowing.prints(text.encode())
            for number in lines[:20]:
                flowing.request(number)
            written += 200
            time.sleep(0.01)  # it is about the kills, not about the load
        ingest.kill()
        ingest.wait()
    flowing.__init__(flowing.directory)
    until(lambda: [flowing.step(), len(flowing.messages) >= written][1])

    assert flowing.messages == [f"line {number:08}" for number in range(written)]
    told = flowing.column("XRequestId", TRAFFIC)
    assert len(told) == len(set(told)) == written / 10


def test_a_console_log_gives_its_disk_back_once_it_is_stored(flowing):
    line = b"z" * 1023 + b"\n"
    with console_log(flowing.directory, "blue-1").open("ab", buffering=0) as console:
        for _ in range(28):
            console.write(line * 1024)
        until(lambda: [flowing.step(), len(flowing.messages) == 28 * 1024][1])
        console.write(b"the last line\n")
    flowing.step()

    log = console_log(flowing.directory, "blue-1")
    assert log.stat().st_blocks * 512 < 14 << 20 < log.stat().st_size
    assert last_lines(log, 1) == ["the last line\n"]
    kept = last_lines(log, 1_000_000)
    assert "\0" not in "".join(kept)
    assert flowing.messages[-1] == "the last line"


def test_the_file_of_the_store_is_for_its_owner_alone(flowing):
    flowing.step()

    assert os.stat(flowing.store.path).st_mode & 0o077 == 0
