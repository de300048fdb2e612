"""Alert rules become what their files say: all of them, only ours, and once."""

import dataclasses

import drift_rig
import pytest
from local_transport import InProcess

from ops import alerts, journal
from ops.alerting import monitor, showing
from ops.errors import InvalidSpec, NotFound, OpsError, Refused

RULE = """
summary: "{deployment} fails more than {threshold} of its requests"
severity: 2
runbook: errors
by: [deployment]
log:
  query: |
    AmlOnlineEndpointTrafficLog
    | summarize Failed = 100.0 * countif(ResponseCode >= 500) / count()
        by DeploymentName
  measure: Failed
  over: 5
  unit: "%"
"""
CPU = """
summary: "{deployment} uses more than {threshold} of its CPU"
severity: 3
runbook: errors
window: 15m
metric: {name: CpuUtilizationPercentage, over: 90}
"""
NOTIFY = {"on-call": {"email": "on-call@example.com", "webhook": "http://localhost/h"}}


@pytest.fixture
def cloud(tmp_path):
    (tmp_path / "cloud").mkdir()
    made = InProcess(tmp_path / "cloud")
    yield made
    made.close()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The folder of rules: one of a query, one of a metric."""
    folder = tmp_path / "alerts"
    (folder / "runbooks").mkdir(parents=True)
    (folder / "runbooks/errors.md").write_text("Roll back.\n")
    (folder / "errors.yaml").write_text(RULE)
    (folder / "cpu.yaml").write_text(CPU)
    monkeypatch.setenv("AML_OPS_ALERTS", str(folder))
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    return folder


@pytest.fixture
def workspace(cloud, files):
    """Where iris is deployed and the stage tells the engineer on call."""
    cloud.put_endpoint()
    made = cloud.workspace()
    made.stage = dataclasses.replace(made.stage, notify=NOTIFY)
    return made


def run(workspace, **chosen):
    """What became of each resource."""
    found = alerts.plan(workspace, **chosen)
    ended = list(alerts.apply(workspace, found, reason="test"))
    return {each.step.name: each.error or each.step.action for each in ended}


def live(workspace):
    return {each.name: each for each in monitor.Monitor(workspace).list()}


def test_what_is_new_is_created_and_then_left_alone(workspace):
    first, second = run(workspace), run(workspace)

    assert set(first.values()) == {"create"}
    assert set(first) == {
        *("aml-ops-on-call", "aml-ops-iris-errors"),
        *("aml-ops-iris-cpu-blue", "aml-ops-iris-cpu-green"),
    }
    assert set(second.values()) == {"unchanged"}


def test_a_log_rule_looks_at_the_rows_of_its_endpoint(workspace):
    run(workspace)

    found = live(workspace)["aml-ops-iris-errors"].body["properties"]

    assert [each.rsplit("/", 1)[1] for each in found["scopes"]] == ["iris"]
    criterion = found["criteria"]["allOf"][0]
    assert criterion["dimensions"][0]["name"] == "DeploymentName"
    assert found["description"] == "A deployment fails more than 5% of its requests"
    assert found["actions"]["customProperties"]["aml-ops.rule"] == "errors"
    assert found["actions"]["actionGroups"][0].endswith("aml-ops-on-call")


def test_a_second_apply_writes_nothing_and_journals_nothing(workspace):
    run(workspace)
    before = journal.entries("local", "iris")

    assert not alerts.changes(alerts.plan(workspace))
    run(workspace)

    assert journal.entries("local", "iris") == before


def test_an_edited_file_changes_only_its_rule_and_says_what(workspace, files):
    run(workspace)
    (files / "errors.yaml").write_text(RULE.replace("over: 5", "over: 10"))

    steps = [step for step in alerts.plan(workspace).steps if step.writes]

    assert [(step.name, step.action) for step in steps] == [
        ("aml-ops-iris-errors", "update")
    ]
    assert any("Failed > 5" in change for change in steps[0].changes)
    assert set(run(workspace).values()) == {"update", "unchanged"}


def test_a_deleted_file_takes_its_rule_along(workspace, files):
    run(workspace)
    (files / "cpu.yaml").unlink()

    ended = run(workspace)

    assert ended["aml-ops-iris-cpu-blue"] == "delete"
    assert set(live(workspace)) == {"aml-ops-on-call", "aml-ops-iris-errors"}


def test_one_rule_whose_file_is_gone_can_be_taken_away_alone(workspace, files):
    run(workspace)
    (files / "cpu.yaml").unlink()
    (files / "errors.yaml").unlink()

    assert run(workspace, rule="cpu") == {
        "aml-ops-iris-cpu-blue": "delete",
        "aml-ops-iris-cpu-green": "delete",
    }
    assert "aml-ops-iris-errors" in live(workspace)


def test_a_rule_of_another_kind_takes_the_place_of_the_old_one(workspace, files):
    run(workspace)
    (files / "cpu.yaml").write_text(RULE)

    ended = run(workspace)

    assert ended["aml-ops-iris-cpu"] == "create"
    assert "aml-ops-iris-cpu-blue" not in live(workspace)


def test_a_deleted_deployment_takes_its_metric_rules_along(workspace, cloud):
    run(workspace)
    workspace.delete("onlineEndpoints/iris/deployments/green")

    assert run(workspace)["aml-ops-iris-cpu-green"] == "delete"


def test_what_somebody_changed_is_changed_back_and_said(workspace):
    run(workspace)
    mine = live(workspace)["aml-ops-iris-errors"]
    mine.body["properties"]["severity"] = 4
    monitor.Monitor(workspace).put(mine.kind, mine.name, mine.body)

    step = next(step for step in alerts.plan(workspace).steps if step.writes)

    assert step.changes == ("~ severity: 4 -> 2",)
    assert step.notes == ("it was changed since by somebody else",)


def test_somebody_elses_rule_of_the_same_name_is_refused(workspace):
    run(workspace)
    other = live(workspace)["aml-ops-iris-errors"]
    other.body["tags"] = {"team": "search"}
    monitor.Monitor(workspace).put(other.kind, other.name, other.body)

    with pytest.raises(Refused, match="aml-ops-iris-errors was not made by this"):
        alerts.plan(workspace)

    states = {look.name: look.state for look in showing.show(workspace)}
    assert states["aml-ops-iris-errors"] == "taken"


def test_somebody_elses_rules_are_left_alone_and_shown(workspace, files):
    run(workspace)
    other = live(workspace)["aml-ops-iris-errors"]
    other.body["tags"] = {}
    monitor.Monitor(workspace).put(other.kind, "night-shift", other.body)
    (files / "errors.yaml").unlink()

    run(workspace)

    assert "night-shift" in live(workspace)
    states = {look.name: look.state for look in showing.show(workspace)}
    assert states["night-shift"] == "unowned"


def test_rules_of_an_endpoint_of_another_checkout_stay(workspace, cloud):
    run(workspace)
    cloud.put_endpoint("churn")
    theirs = live(workspace)["aml-ops-iris-errors"]
    theirs.body["tags"]["aml-ops"] = "churn/errors"
    monitor.Monitor(workspace).put(theirs.kind, "aml-ops-churn-errors", theirs.body)

    run(workspace)

    assert "aml-ops-churn-errors" in live(workspace)


def test_one_rule_alone_can_be_applied(workspace, files):
    (files / "errors.yaml").write_text(RULE)

    assert set(run(workspace, rule="cpu")) == {
        *("aml-ops-on-call", "aml-ops-iris-cpu-blue", "aml-ops-iris-cpu-green"),
    }
    with pytest.raises(NotFound, match="did you mean errors"):
        alerts.plan(workspace, "eror")


def test_nobody_to_tell_is_no_reason_not_to_watch(workspace):
    workspace.stage = dataclasses.replace(workspace.stage, notify={})

    found = alerts.plan(workspace)

    assert "has no `notify`" in found.notes[0]
    assert set(run(workspace).values()) == {"create"}
    actions = live(workspace)["aml-ops-iris-errors"].body["properties"]["actions"]
    assert not actions.get("actionGroups")
    assert actions["customProperties"]["aml-ops.runbook"].endswith("errors.md")


def test_a_group_that_nobody_notifies_any_more_goes_last(workspace):
    run(workspace)
    workspace.stage = dataclasses.replace(workspace.stage, notify={})

    ended = run(workspace)

    assert list(ended.items())[-1] == ("aml-ops-on-call", "delete")
    assert "aml-ops-on-call" not in live(workspace)


def test_a_rule_that_tells_an_unknown_group_is_refused(workspace, files):
    (files / "errors.yaml").write_text(RULE + "notify: [on-cal]\n")

    with pytest.raises(InvalidSpec, match=r"'on-cal' is not under notify"):
        alerts.plan(workspace)


def test_a_missing_secret_stops_apply_and_not_show(workspace):
    run(workspace)
    hook = {"webhook": {"url_env": "NOT_SET_ANYWHERE"}}
    workspace.stage = dataclasses.replace(workspace.stage, notify={"on-call": hook})

    with pytest.raises(Refused, match="NOT_SET_ANYWHERE is not set here"):
        alerts.plan(workspace)

    looks = {look.rule: look for look in showing.show(workspace)}
    assert "NOT_SET_ANYWHERE" in looks["on-call"].notes[0]
    assert looks["errors"].state == "in step"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("measure: Failed", "measure: Fail", "the query has no column Fail"),
        ("measure: Failed", "measure: DeploymentName", "only numbers are compared"),
        ("by: [deployment]", "by: [instance]", "the query has no column InstanceId"),
        ("| summarize", "| sumarize", "sumarize"),
    ],
)
def test_a_query_that_cannot_tell_is_refused_before_anything_is_written(
    workspace, files, old, new, told
):
    (files / "errors.yaml").write_text(RULE.replace("{deployment} f", "f"))
    text = (files / "errors.yaml").read_text()
    (files / "errors.yaml").write_text(text.replace(old, new))

    with pytest.raises(InvalidSpec, match=told):
        alerts.plan(workspace)

    assert live(workspace) == {}


def test_an_endpoint_that_is_not_deployed_has_no_rules(cloud, files):
    workspace = cloud.workspace()

    with pytest.raises(Refused, match="No endpoint of specs/ is deployed here"):
        alerts.plan(workspace)


def test_what_azure_refuses_keeps_nothing_else_from_being_done(workspace, cloud):
    found = alerts.plan(workspace)
    spoiled = [
        dataclasses.replace(step, body={**step.body, "properties": {}})
        if step.name == "aml-ops-iris-errors"
        else step
        for step in found.steps
    ]
    doing = alerts.apply(workspace, dataclasses.replace(found, steps=tuple(spoiled)))
    ended = [next(doing) for _ in spoiled]

    with pytest.raises(OpsError, match="1 of 4 changes were refused"):
        next(doing)

    assert [bool(each.error) for each in ended].count(True) == 1
    assert "aml-ops-iris-cpu-green" in live(workspace)
    entry = journal.entries("local", "iris")[0]
    assert entry.outcome == "failed"
    assert entry.after["errors"].startswith("refused")


def test_who_applies_is_in_the_journal_with_the_reason(workspace):
    run(workspace)

    entry = journal.entries("local", "iris")[0]

    assert (entry.verb, entry.reason, entry.outcome) == ("alerts.apply", "test", "done")
    assert entry.wanted == {
        "group on-call": "create",
        "errors": "create",
        "cpu/blue": "create",
        "cpu/green": "create",
    }


DRIFT = """
summary: "{feature} of {deployment} drifts"
severity: 3
runbook: errors
drift: {what: features}
"""


SPEC = "$schema: https://azuremlschemas.azureedge.net/latest/{kind}.schema.json\n{keys}"


@pytest.mark.parametrize("broken", [True, False])
def test_a_broken_or_missing_baseline_keeps_its_rule_and_no_other(
    workspace, files, tmp_path, monkeypatch, broken
):
    folder = tmp_path / "specs/iris"
    folder.mkdir(parents=True)
    monkeypatch.setenv("AML_OPS_SPECS", str(folder.parent))
    for name, kind, keys in (
        ("endpoint", "managedOnlineEndpoint", "name: iris"),
        ("blue", "managedOnlineDeployment", "name: blue\nmodel: azureml:m:2"),
        ("model", "model", "name: m\nversion: 2\npath: ."),
    ):
        (folder / f"{name}.yaml").write_text(SPEC.format(kind=kind, keys=keys))
    drift_rig.baseline(folder)
    (files / "drift.yaml").write_text(DRIFT)
    assert run(workspace)["aml-ops-iris-drift"] == "create"
    (folder / "baseline.json").unlink()
    if broken:
        (folder / "baseline.json").write_text("{}")
    (files / "errors.yaml").write_text(RULE.replace("over: 5", "over: 6"))

    steps = {step.rule: step for step in alerts.plan(workspace).steps}

    assert steps["errors"].action == "update"
    assert steps["drift"].action == "skip"
    assert "baseline.json" in steps["drift"].notes[0]
    run(workspace)
    assert "aml-ops-iris-drift" in live(workspace)
