"""Rules become bodies that Azure takes: its SDK knows every word of them."""

from pathlib import Path

import pytest
from azure.mgmt.monitor import models

from ops.alerting import compiling, grouping, targets, wanting
from ops.alerting.compiling import LOG_RULES, METRIC_RULES
from ops.alerting.monitor import to_live
from ops.alerting.places import Place, Scaled
from ops.alerting.rulefile import check
from ops.alerting.wording import described, named
from ops.errors import InvalidSpec
from ops.yaml_file import parse_yaml

ID = "/subscriptions/s/resourceGroups/g/providers/M/workspaces/w/onlineEndpoints/iris"
MODELS = {
    LOG_RULES: models.ScheduledQueryRuleResource,
    METRIC_RULES: models.MetricAlertResource,
    "actionGroups": models.ActionGroupResource,
}
SHARED = "summary: '{endpoint} over {threshold} in {window}'\nseverity: 1\nrunbook: r\n"
LOG = "log: {query: AppTraces | extend A = 1, measure: A, over: 5, unit: ms}\n"
CPU = "metric: {name: CpuUtilizationPercentage, over: 90}\n"
LEARNED = "metric: {name: RequestLatency_P95, of: endpoint, dynamic: {}}\n"


def place(**facts):
    known = {
        "endpoint": "iris",
        "id": ID,
        "location": "westeurope",
        "deployments": {"blue": f"{ID}/deployments/blue"},
        "groups": {"on-call": "/subscriptions/s/actionGroups/aml-ops-on-call"},
    }
    return Place(**known | facts)


@pytest.fixture
def compiled(tmp_path):
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/r.md").touch()

    def compile_(text, where=None):
        path = Path(tmp_path / "it.yaml")
        rule, mistakes = check(path, parse_yaml(SHARED + text, "it"))
        assert not mistakes
        return compiling.compiled(rule, where or place())

    return compile_


@pytest.mark.parametrize(
    "text",
    [
        LOG + "by: [deployment]\nfailing: 2 of 3\nresolve: never\n",
        CPU + "by: [instance]\n",
        LEARNED + "by: [deployment]\nfailing: 3 of 4\n",
        "metric: {name: RequestsPerMinute, of: endpoint, under: 1, "
        "where: {statusCodeClass: 5xx, deployment!: [a, b]}}\n",
    ],
)
def test_the_sdk_loses_nothing_of_a_body(compiled, text):
    [wanted] = compiled(text)

    read = MODELS[wanted.kind].deserialize(wanted.body)

    assert read.serialize(keep_readonly=True) == wanted.body


def test_the_sdk_loses_nothing_of_an_action_group():
    notify = {"on-call": {"email": "a@example.com", "webhook": "https://e.com/h"}}
    [group], _ = targets.check(notify, local=False)

    body = grouping.to_wire(group)

    read = models.ActionGroupResource.deserialize(body)
    assert read.serialize(keep_readonly=True) == body
    assert len(body["properties"]["groupShortName"]) <= 12


def test_each_deployment_has_a_metric_rule_of_its_own(compiled):
    two = {name: f"{ID}/deployments/{name}" for name in ("blue", "green")}

    found = compiled(CPU, place(deployments=two))

    assert [each.name for each in found] == [
        *("aml-ops-iris-it-blue", "aml-ops-iris-it-green"),
    ]
    assert [each.body["properties"]["scopes"] for each in found] == [
        [two["blue"]],
        [two["green"]],
    ]
    assert compiled(CPU, place(deployments={})) == []


def test_a_learned_threshold_has_the_criteria_that_know_it(compiled):
    [wanted] = compiled(LEARNED + "failing: 3 of 4\n")

    criteria = wanted.body["properties"]["criteria"]

    assert criteria["odata.type"].endswith(".MultipleResourceMultipleMetricCriteria")
    assert criteria["allOf"][0]["criterionType"] == "DynamicThresholdCriterion"


AT_MOST = "metric: {name: ObservedCapacity, of: autoscale, at_least: maximum}\n"


def test_each_autoscaled_deployment_has_its_own_maximum(compiled):
    scaled = {"blue": Scaled(id="/settings/iris-blue-autoscale", maximum=7)}

    [wanted] = compiled(AT_MOST, place(scaled=scaled))

    properties = wanted.body["properties"]
    assert properties["scopes"] == ["/settings/iris-blue-autoscale"]
    assert properties["criteria"]["allOf"][0]["threshold"] == 7
    assert compiled(AT_MOST) == []


def test_a_metric_rule_without_actions_says_in_tags_what_to_do(compiled):
    [wanted] = compiled(CPU, place(groups={}))

    live = to_live(wanted.kind, {**wanted.body, "name": wanted.name})

    assert live.told["next"] == "invoke diagnose --endpoint iris"
    assert live.told["deployment"] == "blue"
    assert (live.endpoint, live.rule) == ("iris", "it")


def test_a_group_of_cards_alone_is_no_action_group(compiled):
    groups = {"on-call": "/groups/aml-ops-on-call", "chat": ""}

    [wanted] = compiled(LOG + "notify: [on-call, chat]\n", place(groups=groups))

    actions = wanted.body["properties"]["actions"]
    assert actions["actionGroups"] == ["/groups/aml-ops-on-call"]
    assert actions["customProperties"]["aml-ops.notify"] == "on-call,chat"


def test_an_alert_brings_back_what_to_do(compiled):
    [wanted] = compiled(LOG, place(flags=" --stage prod"))

    told = wanted.body["properties"]["actions"]["customProperties"]

    assert told["aml-ops.next"] == "invoke diagnose --endpoint iris --stage prod"
    assert "aml-ops.notify" not in told
    assert told["aml-ops.unit"] == "ms"


@pytest.mark.parametrize(
    ("notify", "names"), [("[team]", "team"), ("[on-call, team]", "on-call,team")]
)
def test_the_relay_tells_those_too_who_have_no_action_group(compiled, notify, names):
    [wanted] = compiled(LOG + f"notify: {notify}\n")
    actions = wanted.body["properties"]["actions"]

    assert actions["customProperties"]["aml-ops.notify"] == names
    assert len(actions["actionGroups"]) == names.count("on-call")


def test_a_rule_may_tell_nobody(compiled):
    [wanted] = compiled(LOG + "notify: []\n")

    assert wanted.body["properties"]["actions"]["actionGroups"] == []


def test_the_same_file_makes_the_same_body(compiled):
    assert compiled(LOG)[0].body == compiled(LOG)[0].body
    one, other = compiled(LOG)[0], compiled(LOG.replace("5", "6"))[0]
    assert one.body["tags"] != other.body["tags"]


def test_a_rule_of_over_64_kb_is_refused(compiled):
    [wanted] = compiled(LOG.replace("AppTraces", f"AppTraces | where '{'x' * 65_536}'"))

    assert "Azure takes rules up to 64 KB" in next(compiling.problems(wanted))


def test_nothing_looks_back_for_more_than_two_days(compiled):
    [wanted] = compiled(LOG + "window: 2d\nevery: 1d\nfailing: 1 of 2\n")

    assert "looks back for more than 2 days" in next(compiling.problems(wanted))


def test_of_more_rules_a_minute_than_azure_takes_all_are_refused(compiled):
    places = [place(endpoint=f"e{n}") for n in range(101)]
    many = [each for where in places for each in compiled(LOG, where)]

    with pytest.raises(InvalidSpec, match="101 log rules are evaluated every minute"):
        wanting.require_whole(many)

    wanting.require_whole(many[1:])


def test_a_rule_reads_like_a_sentence(compiled):
    [wanted] = compiled(LOG + "by: [deployment]\nwindow: 1h\n")

    lines = described(wanted.kind, wanted.body)

    assert lines["condition"] == "average A > 5 ms, by DeploymentName"
    assert lines["summary"] == "iris over 5 ms in 1h"
    assert (lines["window"], lines["every"], lines["notify"]) == ("1h", "1m", "on-call")


def test_an_alert_says_what_it_is_about_in_place_of_a_deployment():
    words = {"deployment": "blue", "feature": "", "instance": r"i\1"}

    assert named("A deployment fails", words) == "blue fails"
    assert named("An instance of a deployment ends", words) == r"i\1 of blue ends"
    assert named("A feature of a deployment drifts", words) == (
        "A feature of blue drifts"
    )


def test_a_webhook_is_named_without_what_may_be_secret():
    notify = {"on-call": {"webhook": "https://hooks.example.com/services/T0/secret"}}
    [group], _ = targets.check(notify, local=False)

    lines = described("actionGroups", grouping.to_wire(group))

    assert lines["webhook webhook-1"] == "https://hooks.example.com/..."
