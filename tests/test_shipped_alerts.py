"""The alert rules and runbooks that ship: whole, in words that are true."""

import re
from dataclasses import replace

import pytest
from local_transport import InProcess

import tasks
from ops import alerts, autoscale, specs
from ops.alerting import rulefile
from ops.settings import ROOT

RUNBOOKS = sorted((ROOT / "alerts/runbooks").glob("*.md"))
RULES = rulefile.load()
SHARED = {"stage", "endpoint", "json", "dry-run", "yes", "reason"}
COMMAND = re.compile(r"invoke ([a-z][a-z.-]*)((?: [^`\n#]*)?)")


def commands(text):
    """Each command with its verb and its flags."""
    for verb, rest in COMMAND.findall(text):
        yield verb, set(re.findall(r"--([a-z][a-z-]*)", rest))


def require_real(text):
    for verb, flags in commands(text):
        assert verb in tasks.ns.task_names or verb in tasks.ns.collections, verb
        known = {n for a in tasks.ns[verb].get_arguments() for n in a.names}
        assert flags <= known | SHARED, f"{verb}: {flags - known}"


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_names_only_verbs_and_flags_that_there_are(path):
    text = path.read_text()

    require_real(text)
    assert list(commands(text)), "it says what to type"


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_says_how_to_confirm_what_to_do_and_when_to_escalate(path):
    text = path.read_text()
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)

    assert titles == ["Confirm", "Do", "Escalate"]
    assert len(text.splitlines()) <= 40, "whoever was just woken reads no more"
    for name in re.findall(r"\]\(([\w-]+)\.md\)", text):
        assert (path.parent / f"{name}.md").is_file()


def test_each_runbook_belongs_to_a_rule():
    assert {rule.runbook for rule in RULES.values()} == set(RUNBOOKS)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_the_next_command_is_one_that_there_is(rule):
    require_real(rule.next)


def test_the_page_tells_of_each_rule_that_ships():
    page = (ROOT / "docs/alerts.md").read_text().partition("## The set that ships")[2]

    assert all(f"`{name}`" in page for name in RULES)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Where iris is deployed and autoscaled."""
    (tmp_path / "cloud").mkdir()
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    cloud = InProcess(tmp_path / "cloud")
    cloud.put_endpoint()
    made = cloud.workspace()
    made.stage = replace(made.stage, notify={"on-call": {"email": "on@example.com"}})
    list(autoscale.apply(made, "iris", autoscale.plan(made, specs.load("iris"))))
    yield made
    cloud.close()


def test_every_rule_that_ships_is_taken_and_then_in_step(workspace):
    ended = list(alerts.apply(workspace, alerts.plan(workspace)))

    assert {each.step.rule for each in ended} == {*RULES, "on-call"}
    skipped = {each.step.rule for each in ended if each.step.action == "skip"}
    assert all("drift" in RULES[name].path.read_text() for name in skipped), (
        "only for want of a baseline, before the model is trained"
    )
    assert {each.step.action for each in ended} <= {"create", "skip"}
    assert not alerts.changes(alerts.plan(workspace))
