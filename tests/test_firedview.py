"""How alerts look at a terminal of 100 columns."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ops.alerting.fired import Alert
from ops.alerting.listing import Listing
from ops.alerting.muting import Mute
from ops.views import firedview

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
ERRORS = Alert(
    id="1a2b3c4d-0000-4000-8000-000000000001",
    rule="errors",
    rule_id="/rules/aml-ops-iris-errors",
    endpoint="iris",
    deployment="green",
    dimensions={"DeploymentName": "green"},
    severity=1,
    condition="fired",
    state="new",
    by="",
    started=NOON - timedelta(minutes=7),
    resolved=None,
    value=12.4,
    threshold=5,
    sign="over",
    unit="%",
    muted=False,
    summary="green fails more than 5% of its requests",
    runbook="alerts/runbooks/errors.md",
    next="invoke diagnose --endpoint iris",
    notify=(),
)
OVER = replace(
    ERRORS,
    id="9",
    rule="latency",
    condition="resolved",
    resolved=NOON - timedelta(minutes=2),
)
QUIET = Mute(
    endpoint="iris",
    until=NOON + timedelta(minutes=20),
    who="ana@desk",
    reason="load test",
)


def shown(capsys, *alerts, mutes=(), endpoint="iris"):
    firedview.listing(
        Listing(
            endpoint=endpoint,
            stage="local",
            now=NOON,
            length=timedelta(days=1),
            alerts=list(alerts),
            mutes=list(mutes),
        )
    )
    return capsys.readouterr().out.splitlines()


def test_what_is_fired_says_all_that_is_asked_at_night_within_100_columns(capsys):
    lines = shown(capsys, ERRORS, OVER, mutes=[QUIET])

    assert max(map(len, lines)) <= 100
    head, _, _, first, *rest = lines
    assert head == (
        "iris on local  1 fired (1 new)  1 resolved in the last 1d  12:00:00 UTC"
    )
    assert first.split("  ")[0].strip() == "1"
    for said in ("errors", "green", "12.4% over 5%", "11:53:00 (7m)", "new"):
        assert said in first
    told = "\n".join(rest)
    for said in (
        "muted until 12:20:00 by ana@desk: load test",
        "runbook alerts/runbooks/errors.md",
        "try: invoke diagnose --endpoint iris",
        "try: invoke alerts.ack 1a2b3c4d",
        "11:53:00 (5m)  resolved 11:58:00",
        "muted  all alerts until 12:20:00 (20m) by ana@desk: load test",
    ):
        assert said in told, said


def test_what_fired_while_muted_is_told_as_told_to_nobody(capsys):
    lines = shown(capsys, replace(ERRORS, muted=True))

    assert any("nobody was told" in line for line in lines)


def test_what_others_wrote_drives_no_terminal(capsys):
    evil = replace(ERRORS, summary="\x1b[2J[red]x", rule="a\nb")

    text = "\n".join(shown(capsys, evil))

    assert "\x1b" not in text
    assert "[red]x" in text
    assert "a b" in text


def test_a_line_beside_a_status_names_the_first_three(capsys):
    firedview.mention([OVER])
    assert capsys.readouterr().err == ""

    firedview.mention([replace(ERRORS, deployment=name) for name in "abcde"])

    said = capsys.readouterr().err
    assert said.startswith("5 alerts fired: errors on a (12.4% over 5%), ")
    assert "and 2 more: invoke alerts.list" in said
