"""What a pipe gets to read."""

import json
from datetime import UTC, datetime, timedelta

from ops import history
from ops.creating import Step
from ops.deploy import Phase, Plan
from ops.deployments import Scaling
from ops.views import render, trafficview


def test_a_pipe_gets_a_phase_in_one_line(capsys):
    step = Step(kind="endpoint", target="iris", action="update", reason="long " * 30)

    render.phases([Phase(step=step, outcome="done", seconds=1.0)])

    assert capsys.readouterr().out.splitlines()[0].endswith("1.0 s")


def test_a_pipe_gets_an_entry_of_history_in_one_line(capsys):
    row = history.Row(
        number=12,
        at=datetime(2026, 1, 2, tzinfo=UTC),
        endpoint="iris",
        verb="shift-traffic",
        who="me@here",
        before={"traffic": {"blue": 100}},
        after={"traffic": {"blue": 80, "green": 20}, "mirror": {"green": 10}},
        outcome="done",
        reason="long " * 60,
        told_by="tags",
    )

    trafficview.history([row], row.at + timedelta(days=1))

    (_, line) = capsys.readouterr().out.splitlines()
    assert "12  2026-01-02" in line
    assert "blue 80, green 20, mirror green 10" in line


def test_no_color_means_plain_text(capsys, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, as far as rich can tell

    render.scaling(Scaling(deployment="blue", before=1, after=2))

    assert capsys.readouterr().out == "blue  instances  1 -> 2\n"


def test_what_is_said_without_rich_is_coloured_for_a_terminal_alone(
    capsys, monkeypatch
):
    text = f"{render.deployment('blue')} [bold]80%[/]"

    render.say(text)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    render.say(text)

    piped, shown = capsys.readouterr().out.splitlines()
    assert piped == "blue 80%"
    assert shown == "\x1b[34mblue\x1b[0m \x1b[1m80%\x1b[0m"


def test_a_narrow_terminal_loses_nothing(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    step = Step(kind="model", target="iris:1", action="skip", reason="x" * 90)

    facts = dict.fromkeys(("spec", "deployment", "live"))
    render.plan(Plan(steps=[step], contents=[], first=False, **facts))

    assert capsys.readouterr().out.count("x") == 90


def test_json_has_times_that_others_can_read(capsys):
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    render.as_json({"at": moment})

    assert json.loads(capsys.readouterr().out) == {"at": "2026-01-02T03:04:05+00:00"}
