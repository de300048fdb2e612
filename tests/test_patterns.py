"""Lines grouped into templates, and what is new."""

from datetime import UTC, datetime

import pytest

from ops import patterns
from ops.logrecords import Record

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def said(deployment, *messages):
    return [
        Record(time=NOW, kind="console", deployment=deployment, message=message)
        for message in messages
    ]


def compared(now, before=()):
    return patterns.compare(now, before, against="blue", of="green", since=NOW)


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("took 12.5 ms of 3", "took <n> ms of <n>"),
        ("from 10.0.0.1:80", "from <ip>"),
        ("id 74be27de-1e4e-49d9-b579-fe0b331d3642", "id <id>"),
        ("at 2026-11-23T12:00:00.1Z", "at <time>"),
        (
            '{"event":"score","status":400,"reason":"row 7"}',
            "status=400 event=score reason=row <n>",
        ),
        ("\x1b[31mfailed\x1b[0m 3 times", "failed <n> times"),
        ("2026-11-23 12:00:00,000 E [7] azmlinfsrv - no 5", "no <n>"),
    ],
)
def test_what_differs_from_line_to_line_is_masked(message, masked):
    assert patterns.mask(message) == masked


def test_lines_that_agree_in_most_words_are_one_pattern():
    now = said("blue", "user ann has logged in", "user bob has logged in")

    (found,) = compared(now)

    assert found.pattern == "user <*> has logged in"
    assert found.counts == {"blue": 2}


def test_what_green_alone_says_is_new_on_green():
    now = said("blue", "served 1") + said("green", "served 2", "cache lost")

    found = compared(now)

    assert [(f.pattern, f.new) for f in found] == [
        ("cache lost", "on green"),
        ("served <n>", ""),
    ]


def test_what_nobody_said_before_is_new_since():
    found = compared(said("blue", "a b", "disk full"), said("blue", "a b"))

    assert [(f.pattern, f.new) for f in found] == [
        ("disk full", "since 12:00"),
        ("a b", ""),
    ]


def test_without_anything_before_nothing_is_new():
    assert [f.new for f in compared(said("blue", "a", "b c"))] == ["", ""]


def test_noise_does_not_make_patterns_without_end():
    words = [
        "".join(chr(97 + (n // 26**i) % 26) for i in range(4)) for n in range(5000)
    ]

    assert len(compared(said("blue", *words))) <= patterns.MOST_TEMPLATES


def test_lines_that_differ_in_most_words_are_two_patterns():
    now = said("blue", "read failed on disk one", "read took two ms there")

    assert len(compared(now)) == 2


def test_what_blue_said_an_hour_ago_is_not_new_on_green():
    found = compared(
        said("blue", "ready") + said("green", "cache lost"), said("blue", "cache lost")
    )

    assert [f.new for f in found if f.pattern == "cache lost"] == [""]


def test_what_is_worse_comes_first():
    now = [
        Record(time=NOW, kind="console", deployment="blue", message=text, level=level)
        for text, level in [("a", "info"), ("b", "error"), ("c", "warning")]
    ]

    assert [f.pattern for f in compared(now)] == ["b", "c", "a"]


def test_empty_lines_say_nothing():
    assert compared(said("blue", "", "  ", "words")) == compared(said("blue", "words"))
