"""What Application Insights would make of lines and requests."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.localcloud.telemetry import Role, bucket, exceptions, severity, traces

ROLE = Role(
    endpoint="/subscriptions/s/resourcegroups/g/x/onlineendpoints/iris",
    deployment="blue",
    instance="blue-1",
)
TOLD = """\
2026-11-23 10:46:09,708 E [29262] azmlinfsrv - Traceback (most recent call last):
  File "/code/score.py", line 7, in run
    return model(data)
ValueError: no such flower: 'rose'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/server/user_script.py", line 77, in invoke_run
    raise UserScriptException(ex)
server.UserScriptException: Caught an unhandled exception
after it
"""


def stamped(text):
    lines = text.splitlines()
    start = datetime(2026, 11, 23, tzinfo=UTC)
    return lines, [start + timedelta(seconds=i) for i in range(len(lines))]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2026-11-23 10:46:09,354 I [29260] gunicorn.error - Starting", 1),
        ("2026-11-23 10:46:09,354 W [29262] azmlinfsrv - Found extra", 2),
        ("2026-11-23 10:46:09,708 E [29262] azmlinfsrv - Traceback", 3),
        ("2026-11-23 10:46:09,708 D [29262] x - y", 0),
        ("[CRITICAL] the disk is on fire", 4),
        ("WARNING:root:careful", 2),
        ("no level at all", 1),
    ],
)
def test_a_line_says_how_severe_it_is(line, level):
    assert severity(line) == level


def test_each_exception_of_a_chain_has_a_row():
    first, second = exceptions(ROLE, *stamped(TOLD))

    assert first["ExceptionType"] == "ValueError"
    assert first["Message"] == "no such flower: 'rose'"
    assert (first["Method"], first["Assembly"]) == ("run", "/code/score.py")
    assert first["ProblemId"] == "ValueError at run"
    assert second["OuterType"] == "server.UserScriptException"


def test_lines_become_traces_and_blank_ones_do_not():
    rows = traces(ROLE, *stamped(TOLD))

    assert len(rows) == len([line for line in TOLD.splitlines() if line])
    assert rows[0]["AppRoleName"] == "iris/blue"
    assert rows[0]["SeverityLevel"] == 3


def test_durations_fall_into_application_insights_buckets():
    assert [bucket(ms) for ms in (0, 250, 6999, 999_999)] == [
        *("<250ms", "250ms-500ms", "3sec-7sec", ">=2min")
    ]
