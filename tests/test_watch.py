"""The live screen from given facts, and its patience with what does not answer."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from ops.autoscaling.actions import Event as Action
from ops.endpoints import to_deployment, to_endpoint
from ops.errors import UsageError
from ops.journal import Entry
from ops.measures import Event, Latency, Metrics, Outcome, Point, Usage, measure, window
from ops.settings import Stage
from ops.views import screen
from ops.watch import Sight, Watch
from tests.test_firedview import ERRORS, QUIET

NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
SPAN = window("15m", "1m", NOW)


def endpoint():
    deployments = {
        name: to_deployment(
            {
                "name": name,
                "sku": {"capacity": 2},
                "properties": {"provisioningState": "Succeeded"},
            }
        )
        for name in ("blue", "green")
    }
    properties = {
        "provisioningState": "Succeeded",
        "traffic": {"blue": 80, "green": 20},
        "mirrorTraffic": {},
    }
    return to_endpoint({"name": "iris", "properties": properties}, deployments)


def numbers():
    ended = [
        Outcome(deployment="blue", status=200, count=300),
        Outcome(deployment="green", status=424, count=30),
    ]
    latency = Latency(count=300, percentiles={50: 4, 90: 8, 95: 9, 99: 30})
    points = [
        Point(at=NOW - timedelta(minutes=m), deployment=d, requests=m, errors=0, p95=9)
        for m in range(1, 14)
        for d in ("blue", "green")
    ]
    measures = [
        measure("blue", ended, latency, Usage(cpu=12, instances=2), SPAN),
        measure("green", ended, None, Usage(cpu=95, instances=1), SPAN),
    ]
    return Metrics(
        endpoint="iris",
        window=SPAN,
        source="requests",
        deployments=measures,
        points=points,
    )


def sight(**more):
    event = Event(
        at=NOW, deployment="green", instance="green-1", name="BackOff", message="exit 3"
    )
    change = Entry(
        id="1",
        verb="shift-traffic",
        stage="local",
        endpoint="iris",
        at=NOW,
        who="ana@desk",
        reason="canary",
        outcome="done",
    )
    known = {
        "endpoint": endpoint(),
        "metrics": numbers(),
        "events": [event] * 12,
        "changes": [change] * 12,
        "fresh": NOW,
    }
    return Sight(endpoint_name="iris", stage="local", looked=NOW, **{**known, **more})


def drawn(sight, width=80, height=24):
    console = Console(width=width, height=height, file=io.StringIO())
    console.print(screen.watch(sight, width, height))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)]
)
def test_the_screen_fits_the_terminal(width, height):
    lines = drawn(sight(), width, height)

    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_it_shows_what_an_engineer_asks_first():
    text = "\n".join(drawn(sight()))

    for each in ("blue", "80%", "20.0", "95%", "1/2", "BackOff", "shift-traffic done"):
        assert each in text


def test_a_tall_terminal_has_charts():
    assert "requests a minute" not in "\n".join(drawn(sight()))
    assert "requests a minute" in "\n".join(drawn(sight(), 120, 40))


def test_trouble_is_a_banner_and_the_last_facts_stay():
    told = sight(trouble="localcloud is down", fresh=NOW - timedelta(minutes=2))

    head, *rest = drawn(told)

    assert "no answer since 11:58:30: localcloud is down" in head
    assert any("blue" in line for line in rest)


def test_what_was_printed_by_others_cannot_drive_the_terminal():
    evil = replace(sight().events[0], message="\x1b[2J\x07 [red]")

    text = "\n".join(drawn(sight(events=[evil])))

    assert "\x1b" not in text
    assert "[red]" in text


def test_alerts_stand_at_the_top_with_who_has_muted_them():
    quiet = replace(QUIET, until=NOW + timedelta(minutes=20), deployment="blue")
    later = replace(ERRORS, started=NOW - timedelta(minutes=7))
    fired = [later, replace(later, deployment="blue", state="closed", by="ben@desk")]

    head, first, second, muted, *_ = drawn(
        sight(alerts=fired, mutes=[quiet]), width=120
    )

    assert "iris" in head
    assert "sev 1  errors on green  12.4% over 5%" in first
    assert "(7m)  new" in first
    assert "closed by ben@desk  muted until" in second
    assert muted.startswith("muted all alerts of blue until 12:20:30 (20m) by ana")


def test_of_many_alerts_the_screen_has_room_for_the_rest():
    lines = drawn(sight(alerts=[ERRORS] * 9))

    assert len(lines) <= 24
    assert "5 more alerts fired" in "\n".join(lines)
    assert any("BackOff" in line for line in lines)


def test_what_autoscale_did_stands_among_the_changes():
    out = Action(
        at=NOW - timedelta(minutes=5),
        deployment="blue",
        what="scale out",
        before=1,
        after=2,
        outcome="Succeeded",
        text="",
    )
    older = replace(sight().changes[0], at=NOW - timedelta(minutes=9), verb="deploy")

    lines = drawn(sight(changes=[sight().changes[0], older], scaled=[out]))

    changes = lines[lines.index("changes") + 1 :]
    assert "shift-traffic" in changes[0]
    assert changes[1] == "11:55:30 scale out of blue 1 -> 2 Succeeded, autoscale"
    assert "deploy" in changes[2]


def test_nothing_read_yet_is_a_screen_too():
    empty = Sight(endpoint_name="iris", stage="local", looked=NOW)

    assert "reading" in drawn(empty)[0]


def test_a_localcloud_that_is_down_is_told_and_not_started(monkeypatch, tmp_path):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path))
    stage = Stage(name="local", cloud="localcloud", path=Path("local.yaml"))

    seen = Watch(stage, "iris", "15m").look()

    assert seen.trouble == "localcloud is down"
    assert not (tmp_path / "localcloud").exists()


def test_a_time_that_cannot_be_meant_is_refused_before_the_screen_opens():
    stage = Stage(name="local", cloud="localcloud", path=Path("local.yaml"))

    with pytest.raises(UsageError):
        Watch(stage, "iris", "lots")
