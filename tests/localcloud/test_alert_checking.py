"""What Azure refuses of alert rules and action groups, each with the field's name."""

from copy import deepcopy
from datetime import UTC, datetime

import duckdb
import pytest
from rules_rig import (
    BLUE,
    ENDPOINT,
    FAILURES,
    GREEN,
    GROUP,
    KINDS,
    ON_CALL,
    action_group,
    dynamic,
    metric_rule,
    processing_rule,
    query_rule,
)

from ops.localcloud.alerting import (
    checkactiongroup,
    checkactionrule,
    checkmetricrule,
    checkqueryrule,
)
from ops.localcloud.kql import TABLES, Engine

ENGINE = Engine(TABLES)
NOWHERE = duckdb.connect()
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def columns(query):
    return ENGINE.columns(NOWHERE, query, now=NOW)


def of_query(told):
    return checkqueryrule.problems(told, kinds=KINDS.get, columns=columns)


def of_metric(told):
    return checkmetricrule.problems(told, kinds=KINDS.get)


def of_processing(told):
    return checkactionrule.problems(told, kinds=KINDS.get)


def asking(query, **condition):
    """A rule that counts the rows of a query."""
    counting = {
        "timeAggregation": "Count",
        "metricMeasureColumn": None,
        "dimensions": None,
    }
    return query_rule({**counting, "query": query, **condition})


def named(*names):
    return [{"name": name, "operator": "Include", "values": ["*"]} for name in names]


def periods(number, least):
    return {
        "failingPeriods": {
            "numberOfEvaluationPeriods": number,
            "minFailingPeriodsToAlert": least,
        }
    }


TRAFFIC = "AmlOnlineEndpointTrafficLog"
QUERY_RULES = {
    "evaluationFrequency must be one of PT1M": query_rule(evaluationFrequency="PT2M"),
    "windowSize must be one of": query_rule(windowSize="PT7M"),
    "evaluationFrequency must not be longer": query_rule(evaluationFrequency="PT15M"),
    "windowSize must be at most PT6H": query_rule(windowSize="P1D"),
    "overrideQueryTimeRange must be one of": query_rule(
        evaluationFrequency="PT5M", overrideQueryTimeRange="P3D"
    ),
    "overrideQueryTimeRange must not be shorter": query_rule(
        evaluationFrequency="PT5M", windowSize="PT1H", overrideQueryTimeRange="PT30M"
    ),
    "overrideQueryTimeRange can't be given": query_rule(overrideQueryTimeRange="PT1H"),
    "severity must be a whole number from 0 to 4": query_rule(severity=5),
    "severity must be": query_rule(severity=None),
    "enabled must be true or false": query_rule(enabled="yes"),
    "description must be at most 4,096": query_rule(description="x" * 4097),
    "must not exceed 64 KB": query_rule({"query": "x" * 65536}),
    "scopes must hold at least 1": query_rule(scopes=[]),
    "scopes must hold exactly one": query_rule(scopes=[ENDPOINT, BLUE]),
    "nobody' was not found": query_rule(scopes=[f"{ENDPOINT}/nobody"]),
    "Auto mitigation must be disabled": query_rule(muteActionsDuration="PT10M"),
    "muteActionsDuration must be one of PT5M": query_rule(
        muteActionsDuration="PT1M", autoMitigate=False
    ),
    "autoMitigate must be false with an evaluationFrequency over": query_rule(
        evaluationFrequency="P1D", windowSize="P1D"
    ),
    "resolveConfiguration must be an object": query_rule(resolveConfiguration=True),
    "autoResolved must be true or false": query_rule(
        resolveConfiguration={"autoResolved": "yes"}
    ),
    "timeToResolve must be a duration from PT1M to P2D": query_rule(
        resolveConfiguration={"timeToResolve": "P3D"}
    ),
    "no storage is linked": query_rule(checkWorkspaceAlertsStorageConfigured=True),
    "the action group 'x' was not found": query_rule(actions={"actionGroups": ["x"]}),
    "actionGroups must be at most 5": query_rule(
        actions={"actionGroups": [ON_CALL] * 6}
    ),
    "customProperties must map": query_rule(actions={"customProperties": {"a": 1}}),
    "actions must be an object": query_rule(actions=[]),
    "criteria.allOf must be a list": query_rule(criteria={}),
    "exactly one condition, not 0": query_rule(criteria={"allOf": []}),
    "timeAggregation must be one of Count": query_rule({"timeAggregation": "Mean"}),
    "operator must be one of Equals": query_rule({"operator": ">"}),
    "threshold must be a number": query_rule({"threshold": "5"}),
    "criterionType must be": query_rule({"criterionType": "DynamicThresholdCriterion"}),
    "metricName is for rules of": query_rule({"metricName": "failures"}),
    "dimensions must be at most 6": query_rule({"dimensions": named(*"abcdefg")}),
    "'a' is used more than once": query_rule({"dimensions": named("a", "a")}),
    "dimensions[0].operator must be one of Include": query_rule(
        {"dimensions": [{"name": "DeploymentName", "operator": "=", "values": ["*"]}]}
    ),
    "dimensions[0].values must hold at least 1": query_rule(
        {"dimensions": [{"name": "x", "operator": "Include", "values": []}]}
    ),
    "numberOfEvaluationPeriods must be a whole number from 1 to 6": query_rule(
        periods(7, 1)
    ),
    "minFailingPeriodsToAlert must not exceed": query_rule(periods(2, 3)),
    "3 periods of windowSize must not exceed P2D": query_rule(
        periods(3, 1), windowSize="P1D", evaluationFrequency="PT1H"
    ),
    "query must be given": query_rule({"query": " "}),
    "query is not valid at [1,36]: Query could not be parsed": asking(
        f"{TRAFFIC} | where ("
    ),
    "query is not valid at [1,36]: 'where' operator: Failed to": asking(
        f"{TRAFFIC} | where Colour == 'blue'"
    ),
    "Failed to resolve table": asking("Trafic | count"),
    "'failed' is not a column of the query's result, which has DeploymentName, fail": (
        query_rule({"metricMeasureColumn": "failed"})
    ),
    "'DeploymentName' is of type string; it must be int": query_rule(
        {"metricMeasureColumn": "DeploymentName"}
    ),
    "dimensions[0].name 'Colour' is not a column": query_rule(
        {"dimensions": named("Colour")}
    ),
    "'TimeGenerated' is of type datetime": asking(
        TRAFFIC, dimensions=named("TimeGenerated")
    ),
    "metricMeasureColumn can't be given": query_rule({"timeAggregation": "Count"}),
    "metricMeasureColumn must be given": query_rule({"metricMeasureColumn": None}),
    "resourceIdColumn 'x' is not": query_rule({"resourceIdColumn": "x"}),
    "bag_unpack() is not supported": asking(
        "AppTraces | evaluate bag_unpack(Properties)"
    ),
    "pivot() is not supported": asking(f"{TRAFFIC} | evaluate pivot(Method)"),
    "narrow() is not supported": asking(f"{TRAFFIC} | evaluate narrow()"),
    "AggregatedValue is a reserved": asking(f"{TRAFFIC} | extend AggregatedValue = 1"),
    "ago() takes nothing but": asking(f"{TRAFFIC} | where TimeGenerated > ago(5 * 1m)"),
    "search is not supported with": asking("search 'timeout'"),
    "union is not supported with": asking(f"union {TRAFFIC}, AppTraces"),
    "take is not supported with": asking(f"{TRAFFIC} | take 5"),
    "limit is not supported with": asking(f"{TRAFFIC} | limit 5"),
    "ingestion_time() is not supported with": asking(
        f"{TRAFFIC} | where ingestion_time() > ago(1m)"
    ),
    "adx() is not supported with": asking("adx('https://a.org/b').Table"),
}


@pytest.mark.parametrize("sentence", QUERY_RULES)
def test_each_mistake_of_a_log_rule_is_named(sentence):
    assert any(sentence in each for each in of_query(QUERY_RULES[sentence]))


def metric(**condition):
    return metric_rule(condition)


def learning(
    odata="Multiple", scopes=None, metric_name="CpuUtilizationPercentage", **c
):
    condition = dynamic(metricName=metric_name, dimensions=None, **c)
    return metric_rule(condition, odata=odata, scopes=scopes or [BLUE])


def several(*conditions, odata="Single"):
    rules = [metric_rule(each) for each in conditions]
    rule = metric_rule(odata=odata)
    rule["criteria"]["allOf"] = [each["criteria"]["allOf"][0] for each in rules]
    return rule


METRIC_RULES = {
    "severity must be": metric_rule(severity=-1),
    "enabled must be true or false": metric_rule(enabled=None),
    "description must be at most 2,048": metric_rule(description="x" * 2049),
    "evaluationFrequency must be one of": metric_rule(evaluationFrequency="PT10M"),
    "windowSize must be one of": metric_rule(windowSize="PT10M"),
    "evaluationFrequency must not be longer": metric_rule(evaluationFrequency="PT1H"),
    "odata.type must be one of": metric_rule(odata="Some"),
    "scopes must hold at least 1": metric_rule(scopes=[]),
    "was not found, or has no metrics": metric_rule(scopes=[GROUP]),
    "Only single resource is allowed for criteria type": metric_rule(
        scopes=[BLUE, GREEN]
    ),
    "onlineEndpoints/deployments, selecting only one resource is supported": (
        metric_rule(scopes=[BLUE, GREEN], odata="Multiple")
    ),
    "targetResourceType 'Microsoft.Compute/virtualMachines' is not": metric_rule(
        targetResourceType="Microsoft.Compute/virtualMachines"
    ),
    "the action group 'x' was not found": metric_rule(actions=[{"actionGroupId": "x"}]),
    "actions[0].actionGroupId must be given": metric_rule(actions=[{}]),
    "webHookProperties must map": metric_rule(
        actions=[{"actionGroupId": ON_CALL, "webHookProperties": {"a": 1}}]
    ),
    "actions must be at most 5": metric_rule(actions=[{"actionGroupId": ON_CALL}] * 6),
    "criteria.allOf must be a list": metric_rule(criteria={}),
    "at most 5 for this": several(*({"name": name} for name in "abcdef")),
    "at most 1 for this": several({}, {"name": "b"}, odata="Multiple"),
    "'cpu' is used more than once": several({}, {}),
    "each takes one value only": several({}, {"name": "b"}),
    "allOf[0].name must be given": metric(name=""),
    "criterionType must be one of": metric(criterionType="Guess"),
    "timeAggregation must be one of Average": metric(timeAggregation="P95"),
    "operator must be one of Equals": metric(operator="Over"),
    "threshold must be a number": metric(threshold=None),
    "metricName 'Percentage CPU' is none of": metric(metricName="Percentage CPU"),
    "metricNamespace 'Microsoft.Web/sites' is not": metric(
        metricNamespace="Microsoft.Web/sites"
    ),
    "CpuUtilizationPercentage has no 'colour'; its dimensions: instanceId": metric(
        dimensions=named("colour")
    ),
    "dimensions must be a list": metric(dimensions={"a": 1}),
    "needs the odata.type": learning(odata="Single"),
    "must be one of GreaterOrLessThan": learning(operator="Equals"),
    "alertSensitivity must be one of Low": learning(alertSensitivity="Extreme"),
    "failingPeriods.numberOfEvaluationPeriods must": learning(failingPeriods=None),
    "ignoreDataBefore must be a time": learning(ignoreDataBefore="monday"),
    "RequestsPerMinute does not support dynamic": learning(
        scopes=[ENDPOINT], metric_name="RequestsPerMinute"
    ),
    "DeploymentCapacity does not support dynamic": learning(
        metric_name="DeploymentCapacity"
    ),
}


@pytest.mark.parametrize("sentence", METRIC_RULES)
def test_each_mistake_of_a_metric_rule_is_named(sentence):
    assert any(sentence in each for each in of_metric(METRIC_RULES[sentence]))


def hooks(number):
    return [{"name": f"{n}", "serviceUri": "https://a.org"} for n in range(number)]


ACTION_GROUPS = {
    "groupShortName must be 1 to 12": action_group(groupShortName="aml-ops-on-call"),
    "enabled must be true or false": action_group(enabled=None),
    "webhookReceivers must be at most 10, not 11": action_group(
        webhookReceivers=hooks(11)
    ),
    "emailReceivers[0].name must be given": action_group(
        emailReceivers=[{"emailAddress": "a@b.org"}]
    ),
    "emailReceivers[0].emailAddress must be an e-mail": action_group(
        emailReceivers=[{"name": "ana", "emailAddress": "ana"}]
    ),
    "serviceUri must be an HTTP": action_group(
        webhookReceivers=[{"name": "x", "serviceUri": "ftp://a.org"}]
    ),
    "serviceUri must be given": action_group(webhookReceivers=[{"name": "x"}]),
    "'ana' is used by another receiver": action_group(
        webhookReceivers=[{"name": "ana", "serviceUri": "https://a.org"}],
        smsReceivers=[{"name": "Ana", "countryCode": "1", "phoneNumber": "5"}],
        emailReceivers=None,
    ),
    "smsReceivers[0].countryCode must be given": action_group(
        smsReceivers=[{"name": "x", "phoneNumber": "5"}]
    ),
    "objectId must be given with useAadAuth": action_group(
        webhookReceivers=[
            {"name": "x", "serviceUri": "https://a.org", "useAadAuth": True}
        ]
    ),
    "armRoleReceivers must be a list": action_group(armRoleReceivers="owner"),
}


@pytest.mark.parametrize("sentence", ACTION_GROUPS)
def test_each_mistake_of_an_action_group_is_named(sentence):
    found = checkactiongroup.problems(ACTION_GROUPS[sentence])

    assert any(sentence in each for each in found), found


def when(**schedule):
    return processing_rule(schedule=schedule)


def again(**recurrence):
    return when(recurrences=[recurrence])


def where(**condition):
    made = {"field": "Severity", "operator": "Equals", "values": ["Sev1"]}
    return processing_rule(conditions=[{**made, **condition}])


PROCESSING_RULES = {
    "scopes must hold at least 1": processing_rule(scopes=[]),
    "nowhere' was not found": processing_rule(scopes=["/nowhere"]),
    "exactly one action": processing_rule(actions=[]),
    "actionType must be one of AddActionGroups": processing_rule(actions=[{}]),
    "actionGroupIds must": processing_rule(actions=[{"actionType": "AddActionGroups"}]),
    "the action group 'x' was not found": processing_rule(
        actions=[{"actionType": "AddActionGroups", "actionGroupIds": ["x"]}]
    ),
    "conditions must be a list": processing_rule(conditions="all"),
    "field must be one of AlertContext": where(field="Colour"),
    "operator must be one of Equals, NotEquals.": where(operator="Contains"),
    "values must hold at least 1": where(values=[]),
    "values must be at most 5, not 6": where(
        field="AlertRuleId", values=list("abcdef")
    ),
    "'High' is none of Sev0": where(values=["High"]),
    "Severity is used more than once": processing_rule(
        conditions=where()["conditions"] * 2
    ),
    "without an offset": when(effectiveFrom="2026-11-25T10:00:00Z"),
    "effectiveUntil must be a time": when(effectiveUntil="2026-11-31T10:00:00"),
    "effectiveFrom must be before": when(
        effectiveFrom="2026-11-25T10:00:00", effectiveUntil="2026-11-25T10:00:00"
    ),
    "timeZone 'Europe/Berlin' is not the Windows name": when(timeZone="Europe/Berlin"),
    "schedule must be an object": processing_rule(schedule=[]),
    "recurrenceType must be one of Daily": again(recurrenceType="Yearly"),
    "startTime must be a time of day": again(
        recurrenceType="Daily", startTime="5pm", endTime="18:00:00"
    ),
    "endTime must be a time of day": again(
        recurrenceType="Daily", startTime="17:00:00"
    ),
    "'Mon' is none of Sunday": again(recurrenceType="Weekly", daysOfWeek=["Mon"]),
    "daysOfMonth must be": again(recurrenceType="Monthly", daysOfMonth=[32]),
    "enabled must be true or false": processing_rule(enabled=1),
    "description must be at most": processing_rule(description="x" * 2049),
}


@pytest.mark.parametrize("sentence", PROCESSING_RULES)
def test_each_mistake_of_a_processing_rule_is_named(sentence):
    found = of_processing(PROCESSING_RULES[sentence])

    assert any(sentence in each for each in found), found


def test_all_mistakes_of_a_rule_are_named_at_once():
    worst = query_rule(
        {"operator": "~", "query": f"{TRAFFIC} | take 5"}, severity=9, windowSize="PT3M"
    )

    assert len(of_query(worst)) == 4


def test_nobody_looks_at_columns_where_the_query_is_not_to_be_validated():
    unknown = query_rule({"query": "Later_CL"}, skipQueryValidation=True)

    assert of_query(unknown) == []


@pytest.mark.parametrize(
    "query",
    [
        FAILURES,
        f"{TRAFFIC} | summarize take = count(), search = max(RequestDurationMs)",
        f"{TRAFFIC} | where TimeGenerated > ago(5m) and UserAgent has 'union'",
    ],
)
def test_words_that_only_look_like_operators_are_let_pass(query):
    assert of_query(asking(query)) == []


def test_what_is_slow_may_be_asked_every_five_minutes():
    rule = asking(f"union {TRAFFIC}, AppTraces | take 5")

    assert of_query({**rule, "evaluationFrequency": "PT5M"}) == []


RIGHT = {
    "query": (of_query, query_rule()),
    "stateless": (
        of_query,
        query_rule(
            {"failingPeriods": None},
            autoMitigate=False,
            muteActionsDuration="PT1H",
            evaluationFrequency="P1D",
            windowSize="P2D",
            scopes=[GROUP],
        ),
    ),
    "metric": (of_metric, metric_rule()),
    "spelled otherwise": (of_metric, metric_rule(windowSize="PT60M")),
    "dynamic": (of_metric, learning()),
    "two conditions": (
        of_metric,
        several({"dimensions": None}, {"name": "b", "dimensions": None}),
    ),
    "group": (checkactiongroup.problems, action_group()),
    "processing": (of_processing, processing_rule()),
    "weekly": (
        of_processing,
        again(
            recurrenceType="Weekly",
            daysOfWeek=["Monday"],
            startTime="17:00:00",
            endTime="09:00:00",
        ),
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_has_no_problem(name):
    problems, told = RIGHT[name]

    assert problems(told) == []


ODD = (None, 1, -1e300, "x", True, [], [1], [{}], {}, {"a": 1})


def twisted(told):
    """A body with one of its parts being something else, for each of its parts."""
    pairs = told.items() if isinstance(told, dict) else enumerate(told)
    for key, value in list(pairs):
        for other in ODD:
            told[key] = other
            yield
        told[key] = value
        if isinstance(value, dict | list):
            yield from twisted(value)


@pytest.mark.parametrize("name", RIGHT)
def test_no_body_is_so_odd_that_it_is_not_answered(name):
    problems, told = RIGHT[name]
    body = deepcopy(told)

    for _ in twisted(body):
        assert all(isinstance(each, str) for each in problems(body))
    assert body == told
