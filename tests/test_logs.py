"""Records, what is kept of them, how they look, and each shown once."""

import json
import random
import re
from datetime import UTC, datetime, timedelta

import pytest

from ops import logrecords, logrows, sieve
from ops.errors import UsageError
from ops.logrecords import Record
from ops.views import logview
from ops.window import Window

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATE = timedelta(seconds=60)
HEAD = "2026-11-23 12:00:00,000 I [7] azmlinfsrv.print - "


def record(message="m", at=0.0, **fields):
    time = NOW + timedelta(seconds=at)
    given = {"kind": "console", "deployment": "blue", "instance": "blue-1", **fields}
    return Record(time=time, message=message, **{"arrived": time, **given})


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("2026-11-23 12:00:00,000 E [7] azmlinfsrv - no", "error"),
        (HEAD + "plain", "info"),
        (HEAD + '{"event": "score", "status": 400}', "warning"),
        ('{"level": "WARN"}', "warning"),
        ("Traceback (most recent call last):", "error"),
        ("ValueError: x", "error"),
        ("WARNING: disk", "warning"),
        ("all fine", ""),
        ("{" * 5000, ""),
    ],
)
def test_a_line_shows_its_level(message, level):
    assert logrecords.level(message) == level


def test_a_traceback_has_the_level_of_its_first_line():
    lines = ["Traceback (most recent call last):", '  File "x"', "fine"]

    found = logrecords.inherited(record(line) for line in lines)

    assert [each.level for each in found] == ["", "", ""]
    found = logrecords.inherited(
        record(line, level=logrecords.level(line)) for line in lines
    )
    assert [each.level for each in found] == ["error", "error", ""]


TOLD = HEAD + '{"event": "score", "status": 200, "reason": "all well", "rows": 3}'


def test_what_would_be_written_over_stands_one_after_the_other():
    assert logview.text(record("1 %\r50 %\rdone")).endswith("1 % 50 % done")


def test_a_builders_line_shows_its_time_once():
    line = "2026-11-25T17:53:17.708+00:00 code: 1 files of scoring are in place"

    said = logview.text(record(line), now=NOW)

    assert "17:53:17" not in said
    assert said.endswith("code: 1 files of scoring are in place")


def test_what_is_highlighted_is_what_is_shown():
    line = logview.text(record(TOLD), (re.compile("status=200"),), painted=True)

    assert "\x1b[1;7mstatus=200\x1b[0m" in line


def test_a_highlight_that_never_ends_is_ended(monkeypatch, capsys):
    monkeypatch.setattr(sieve, "BATCH_SECONDS", 0.2)
    line = logview.liner("text", None, (re.compile("(a+)+$"),), colour=True)

    with pytest.raises(UsageError, match="for ever"):
        logview.show([record("a" * 60 + "!")], line)


def test_nothing_a_model_prints_drives_the_terminal():
    wild = "\x1b[2J\x1b]0;title\x07\x9b31m\x08 \rgone\u202e\nforged 12:00:00 line"

    text = logview.text(record(wild), painted=False, now=NOW)

    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert [line[:1] for line in text.split("\n")] == ["1", " "]


def test_what_is_highlighted_stands_out():
    text = logview.text(record("an Error here"), (re.compile("Error"),), painted=True)

    assert "\x1b[1;7mError\x1b[0m" in text


def test_a_scoring_line_shows_what_was_asked_and_answered():
    line = '{"event": "score", "features": [[6.9, 3.7]], "predictions": ["setosa"]}'
    assert logrecords.told(line) == 'score features=[[6.9, 3.7]] predictions=["setosa"]'


def test_a_long_message_is_cut_in_text_and_whole_in_json():
    long = record("x" * 1_000_000)

    assert len(logview.text(long)) < 5000
    line = logview.liner("json", None)(long)
    assert len(json.loads(line)["message"]) == 1_000_000


def test_a_template_takes_names_alone():
    line = logview.liner("text", r"{deployment:>6}|{message}\t{status}")

    assert line(record("m", status=424)) == "  blue|m\t424"


@pytest.mark.parametrize(
    "template",
    [
        "{message.__class__}",
        "{columns}",
        "{0}",
        "{}",
        "{time!r}",
        "{status:>99999}",
        "{",
    ],
)
def test_a_template_cannot_reach_further(template):
    with pytest.raises(UsageError, match="--template"):
        logview.liner("text", template)


def test_a_follower_shows_each_row_once_whatever_its_time_and_when_it_can_be_read():
    dice = random.Random(3)
    rows = [
        record(
            f"m{dice.randint(0, 5)}", at=at - dice.choice((0, 5, 4000)), arrived=here
        )
        for at in (dice.randint(0, 300) for _ in range(500))
        for here in (NOW + timedelta(seconds=at),)
    ]
    readable = [(r.arrived + timedelta(seconds=dice.uniform(0, 50)), r) for r in rows]
    window, shown = Window(NOW - LATE), []

    for second in range(0, 420, 3):
        now = NOW + timedelta(seconds=second)
        there = [r for since, r in readable if since <= now]
        shown += window.fresh(r for r in there if r.arrived >= window.start)
        window.looked(now, LATE)

    assert sorted(r.identity for r in shown) == sorted(r.identity for r in rows)


def test_equal_rows_are_shown_as_often_as_they_are_there():
    window = Window(NOW - LATE)

    assert len(window.fresh([record("x")])) == 1
    assert len(window.fresh([record("x"), record("x"), record("x")])) == 2
    assert window.fresh([record("x"), record("x"), record("x")]) == []


def test_a_row_of_yesterday_that_comes_now_is_new():
    window = Window(NOW - LATE)
    window.looked(NOW + timedelta(hours=1), LATE)
    old = record("late", at=-86400, arrived=NOW + timedelta(hours=1))

    assert window.fresh([old]) == [old]
    assert window.fresh([old]) == []


def test_after_a_silence_a_follower_reads_from_before_it():
    window = Window(NOW - LATE)
    window.looked(NOW, LATE)

    there = record("x", arrived=NOW + timedelta(seconds=1))

    assert window.start == NOW - LATE
    assert window.fresh([there]) == [there]


def test_what_was_shown_is_forgotten_once_nothing_asks_for_it():
    window = Window(NOW - LATE)
    window.fresh([record(f"m{number}") for number in range(100)])

    window.looked(NOW + timedelta(hours=1), LATE)

    assert not window._shown


def test_a_line_that_came_late_says_so():
    assert "late m" in logview.text(record(late=True))
    assert "late" not in logview.text(record())


def test_lines_behind_another_requests_line_are_not_ours():
    rows = [
        record("a"),
        record("theirs", request_id="t"),
        record("b"),
        record("ours", request_id="o"),
        record("c"),
    ]

    assert [r.message for r in logrows.own_lines(rows, "o")] == ["a", "ours", "c"]
