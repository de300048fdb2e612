"""Which records are kept, and by what."""

from datetime import UTC, datetime

import pytest

from ops import sieve
from ops.errors import UsageError
from ops.logrecords import Record

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HEAD = "2026-11-23 12:00:00,000 I [7] azmlinfsrv.print - "
TOLD = HEAD + '{"event": "score", "status": 200, "reason": "all well", "rows": 3}'


def record(message="m", **fields):
    given = {"kind": "console", "deployment": "blue", "instance": "blue-1", **fields}
    return Record(time=NOW, message=message, **given)


def kept(*messages, **flags):
    patterns = {k: flags.pop(k, ()) for k in ("include", "exclude", "highlight")}
    which = sieve.sieve(patterns=patterns, **flags)
    return [each.message for each in which.keep(record(m) for m in messages)]


def test_any_include_keeps_and_any_exclude_drops():
    assert kept("a", "b", "c", include=["a", "b"]) == ["a", "b"]
    assert kept("ab", "b", "c", include=["b"], exclude=["a"]) == ["b"]


@pytest.mark.parametrize(
    "pattern",
    [
        "status=200",  # as the screen shows it
        'reason="all well" rows=3$',
        "^score status",
        "^print score",
        '"status": 200',  # as it came
        r"azmlinfsrv\.print - \{",
    ],
)
def test_a_pattern_sees_a_line_as_shown_and_as_it_came(pattern):
    assert kept(TOLD, "other", include=[pattern]) == [TOLD]
    assert kept(TOLD, "other", exclude=[pattern]) == ["other"]


def test_a_pattern_sees_a_coloured_line_without_its_colours():
    assert kept("\x1b[31mERROR\x1b[0m: disk", include=["^ERROR: disk$"])


def test_a_pattern_sees_the_end_of_a_long_line():
    assert kept("x" * 1_000_000 + " out of memory", include=["out of memory$"])


def test_a_pattern_that_is_none_is_named():
    with pytest.raises(UsageError, match=r"--include '\('"):
        kept("a", include=["("])


def test_a_pattern_that_never_ends_is_ended(monkeypatch):
    monkeypatch.setattr(sieve, "BATCH_SECONDS", 0.2)

    with pytest.raises(UsageError, match="for ever"):
        kept("a" * 60 + "!", include=["(a+)+$"])


@pytest.mark.parametrize("text", ["6xx", "4x", "abc", "44", "4444"])
def test_a_status_that_cannot_be_meant_is_refused(text):
    with pytest.raises(UsageError, match="--status"):
        kept(status=text)


def test_requests_are_kept_by_status_and_time():
    which = sieve.sieve(patterns={}, status="4xx", slower_than="500ms")
    rows = [
        record(status=s, duration_ms=d) for s, d in [(424, 501), (424, 500), (200, 900)]
    ]

    assert [(r.status, r.duration_ms) for r in which.keep(rows)] == [(424, 501)]


def test_a_level_keeps_itself_and_what_is_above():
    rows = [record(level=each) for each in ("debug", "warning", "error", "critical")]

    which = sieve.sieve(patterns={}, level="error")

    assert [each.level for each in which.keep(rows)] == ["error", "critical"]


def test_a_line_that_shows_no_level_counts_as_info():
    def levels(wanted):
        rows = [record(level=each) for each in ("", "debug")]
        which = sieve.sieve(patterns={}, level=wanted)
        return [each.level for each in which.keep(rows)]

    assert levels("info") == [""]
    assert levels("warning") == []
    assert levels("debug") == ["", "debug"]


def test_a_range_of_statuses_holds_both_its_ends():
    rows = [record(status=status) for status in (499, 500, 599, 200)]

    which = sieve.sieve(patterns={}, status="5XX")

    assert [each.status for each in which.keep(rows)] == [500, 599]
    assert [r.status for r in sieve.sieve(patterns={}, status="499").keep(rows)] == [
        499
    ]


@pytest.mark.parametrize("text", ["green-", "1f", "green-1f"])
def test_an_instance_is_named_by_its_beginning_or_end(text):
    rows = [record(instance=each) for each in ("green-1f", "blue-22")]

    which = sieve.sieve(patterns={}, instance=text)

    assert [each.instance for each in which.keep(rows)] == ["green-1f"]


def test_a_container_and_a_deployment_are_kept_alone():
    rows = [
        record(deployment=deployment, container=container)
        for deployment in ("blue", "green")
        for container in ("inference-server", "storage-initializer")
    ]

    which = sieve.sieve(
        patterns={}, deployment="green", container="storage-initializer"
    )

    assert which.keep(rows) == [rows[3]]


def test_a_container_that_is_none_is_refused():
    with pytest.raises(UsageError, match="inference-server or storage-initializer"):
        sieve.sieve(patterns={}, container="sidecar")


def test_what_is_included_stands_out_as_what_is_highlighted_does():
    which = sieve.sieve(patterns={"include": ["a"], "highlight": ["b"]})

    assert [pattern.pattern for pattern in which.marked] == ["a", "b"]


def test_lines_of_getlogs_are_kept_by_the_same_patterns():
    which = sieve.sieve(patterns={"include": ["status=200"], "exclude": ["x$"]})

    assert which.keep_lines([TOLD, "status=200 x", "other"]) == [TOLD]


@pytest.mark.parametrize(
    ("status", "model", "asked", "found"),
    [
        (424, 500, "5xx", True),
        (424, 500, "424", True),
        (424, 400, "5xx", False),
        (408, 200, "2xx", False),  # it said so too late
        (200, 200, "2xx", True),
    ],
)
def test_a_status_is_what_was_answered_or_what_the_model_said_behind_424(
    status, model, asked, found
):
    which = sieve.sieve(patterns={}, status=asked)
    each = record(kind="request", status=status, columns={"ModelStatusCode": model})

    assert bool(which.keep([each])) == found
