"""Alert tests as they are run: the engine's verdict, and a failure seen at a glance."""

import pytest

from model import train
from ops.alerting import trying, tryview
from ops.errors import InvalidSpec, NotFound, OpsError

RULE = """
summary: "{deployment} fails"
severity: 1
runbook: errors
burn: {objective: availability, speed: fast}
"""
BUSY = """
summary: "{deployment} is busy"
severity: 2
runbook: errors
window: 5m
metric: {name: CpuUtilizationPercentage, of: deployment, aggregate: average, over: 90}
endpoints: [iris]
"""
CASES = """
cases:
  green fails, and is mended:
    given:
      from 11:00 for 2h: ["60 requests a minute on blue, 120 ms"]
      from 12:00 for 10m: ["60 requests a minute on green, 50% with 500"]
      from 12:10 for 50m: [60 requests a minute on green]
    expect: [fired on green by 12:02, resolved on green by 12:26, silent on blue]
  copies and probes are no callers:
    given:
      from 12:00 for 15m:
        - 60 requests a minute on green, with 500, mirrored
        - 60 requests a minute on green, with 500, probes
    expect: [silent]
  one error of a quiet hour:
    given: {from 12:00 for 1h: ["1 request a minute on blue, 2% with 500"]}
    expect: [silent]
"""
WRONG = """
cases:
  says it all wrong:
    metrics:
      CpuUtilizationPercentage on green: 40x10 95x20 40x15
      CpuUtilizationPercentage on blue: 10..80x45
    expect:
      - at 12:05 fired on green
      - resolved on green by 12:36
      - fired on blue by 12:40
"""


@pytest.fixture
def alerts(tmp_path, monkeypatch):
    """Two rules, a test that holds and one that doesn't."""
    for name, text in {
        "runbooks/errors.md": "",
        "burning.yaml": RULE,
        "busy.yaml": BUSY,
        "tests/burning.yaml": CASES,
        "tests/busy.yaml": WRONG,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("AML_OPS_ALERTS", str(tmp_path))
    return tmp_path


def test_rules_of_an_endpoint_are_tried_by_the_engine_itself(alerts, capsys):
    found = trying.run(None, (), "iris")
    tryview.report(found)
    shown = capsys.readouterr().out

    passed = {each.case: each.passed for each in found.tried}
    assert list(passed.values()) == [True, True, True, False]
    assert "burning                         3 cases, 5 expectations\n" in shown
    assert "NOT MET  at 12:05 fired on green   but: fired 12:15 to 12:33" in shown
    assert "most 95 at 12:15, fires > 90" in shown
    assert "fired 12:15 at 95, resolved 12:33" in shown
    with pytest.raises(OpsError, match="1 of 4 cases failed"):
        trying.require_passed(found)


def test_a_timeline_shows_value_state_and_what_was_expected(alerts, capsys):
    tryview.report(trying.run("busy", ()))

    of_green = capsys.readouterr().out.split("\n  green  ")[1].split("\n  blue  ")[0]
    rows = {line[:13].strip(): line[13:] for line in of_green.splitlines()}
    first = rows["fired"].index("█")
    assert rows["met"].index("!") == first
    assert rows["value"][first] == "█"
    assert rows["expected"].count("▲") == 1  # of green alone


def test_a_rule_without_a_test_is_told(alerts, capsys):
    (alerts / "tests/busy.yaml").unlink()
    (alerts / "tests/burning.yaml").unlink()

    found = trying.run(None, ())
    tryview.report(found)

    assert found.untested == ["burning", "busy"]
    assert "write alerts/tests/busy.yaml" in capsys.readouterr().out
    with pytest.raises(OpsError, match="2 without a test"):
        trying.require_passed(found)


def test_a_rule_that_is_not_there_is_told_with_the_nearest(alerts):
    with pytest.raises(NotFound, match="did you mean busy"):
        trying.run("bussy", ())


def test_what_there_is_not_to_be_tried_is_told(alerts):
    with pytest.raises(NotFound, match="no endpoint 'irys'"):
        trying.run(None, (), "irys")
    with pytest.raises(NotFound, match="no case of this rule"):
        trying.run("burning", [str(alerts / "tests/busy.yaml")])


def test_wrong_test_files_are_told_before_anything_is_tried(alerts):
    (alerts / "tests/busy.yaml").write_text("cases: {a: {expect: [fires]}}")

    with pytest.raises(InvalidSpec, match=r"cases.a.expect\[0\]"):
        trying.run(None, ())


def test_a_rule_that_means_nothing_for_the_endpoint_stops_no_other(alerts, capsys):
    text = (alerts / "burning.yaml").read_text()
    (alerts / "burning.yaml").write_text(text.replace("availability", "freshness"))

    found = trying.run(None, ())
    tryview.report(found)

    assert [each.passed for each in found.tried] == [False, False, False, False]
    assert "can't be evaluated  1 problem" in capsys.readouterr().out
    assert found.tried[3].tracks


@pytest.mark.slow
def test_every_shipped_rule_has_a_test_and_passes_it():
    if train.stale(train.OUT):  # drift is told against a model's baseline
        train.train(train.OUT)

    found = trying.run(None, ())

    assert found.untested == []
    assert [each for each in found.tried if not each.passed] == []
    assert len(found.tried) >= 25
