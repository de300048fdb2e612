"""azure-mgmt-monitor's own client over alert rules and action groups."""

from datetime import timedelta

import pytest
from webhook_rig import webhook

QUERY = """
AmlOnlineEndpointTrafficLog
| summarize failed_percent = 100.0 * countif(ResponseCode >= 500) / count()
    by DeploymentName
"""


@pytest.fixture(scope="module")
def on_call(monitor, group):
    from azure.mgmt.monitor import models

    made = monitor.action_groups.create_or_update(
        group,
        "on-call",
        models.ActionGroupResource(
            location="Global",
            group_short_name="on-call",
            enabled=True,
            webhook_receivers=[
                models.WebhookReceiver(
                    name="desk",
                    service_uri="https://example.org/hook",
                    use_common_alert_schema=True,
                )
            ],
            email_receivers=[
                models.EmailReceiver(name="ana", email_address="ana@example.org")
            ],
        ),
    )
    yield made
    monitor.action_groups.delete(group, "on-call")


def log_rule(scope, *groups, minutes=5, measure="failed_percent"):
    from azure.mgmt.monitor import models

    return models.ScheduledQueryRuleResource(
        location="local",
        severity=2,
        enabled=False,
        scopes=[scope],
        evaluation_frequency=timedelta(minutes=1),
        window_size=timedelta(minutes=minutes),
        criteria=models.ScheduledQueryRuleCriteria(
            all_of=[
                models.Condition(
                    query=QUERY,
                    time_aggregation="Average",
                    metric_measure_column=measure,
                    operator="GreaterThan",
                    threshold=5,
                    dimensions=[
                        models.Dimension(
                            name="DeploymentName", operator="Include", values=["*"]
                        )
                    ],
                )
            ]
        ),
        actions=models.Actions(
            action_groups=list(groups), custom_properties={"aml-ops.rule": "errors"}
        ),
    )


def metric_rule(scope, group_id):
    from azure.mgmt.monitor import models

    return models.MetricAlertResource(
        location="global",
        severity=3,
        enabled=False,
        scopes=[scope],
        evaluation_frequency=timedelta(minutes=1),
        window_size=timedelta(minutes=15),
        criteria=models.MetricAlertMultipleResourceMultipleMetricCriteria(
            all_of=[
                models.DynamicMetricCriteria(
                    name="cpu",
                    metric_name="CpuUtilizationPercentage",
                    time_aggregation="Average",
                    operator="GreaterThan",
                    alert_sensitivity="Medium",
                    failing_periods=models.DynamicThresholdFailingPeriods(
                        number_of_evaluation_periods=4,
                        min_failing_periods_to_alert=3,
                    ),
                )
            ]
        ),
        actions=[models.MetricAlertAction(action_group_id=group_id)],
    )


def test_a_log_rule_is_written_read_listed_changed_and_deleted(
    monitor, group, blue, on_call
):
    from azure.mgmt.monitor import models

    rules = monitor.scheduled_query_rules
    made = rules.create_or_update(group, "errors", log_rule(blue, on_call.id))

    assert rules.get(group, "errors").as_dict() == made.as_dict()
    assert made.window_size == timedelta(minutes=5)
    assert made.criteria.all_of[0].query == QUERY
    assert made.actions.custom_properties == {"aml-ops.rule": "errors"}
    assert [each.name for each in rules.list_by_resource_group(group)] == ["errors"]
    assert [each.name for each in rules.list_by_subscription()] == ["errors"]

    patch = models.ScheduledQueryRuleResourcePatch(severity=0)
    after = rules.update(group, "errors", patch)
    assert (after.severity, after.etag != made.etag) == (0, True)
    rules.delete(group, "errors")
    assert list(rules.list_by_subscription()) == []


def test_what_is_wrong_with_a_rule_is_told_in_azures_error(monitor, group, blue):
    from azure.core.exceptions import HttpResponseError

    wrong = log_rule(blue, "/nobody", minutes=7, measure="failed")
    with pytest.raises(HttpResponseError) as raised:
        monitor.scheduled_query_rules.create_or_update(group, "errors", wrong)

    assert raised.value.status_code == 400
    assert [str(each.message).split()[0] for each in raised.value.error.details] == [
        "windowSize",
        "actions.actionGroups[0]:",
        "criteria.allOf[0].metricMeasureColumn",
    ]


def test_a_metric_rule_is_written_read_listed_changed_and_deleted(
    monitor, group, blue, on_call
):
    from azure.mgmt.monitor import models

    rules = monitor.metric_alerts
    made = rules.create_or_update(group, "cpu", metric_rule(blue, on_call.id))

    assert rules.get(group, "cpu").as_dict() == made.as_dict()
    assert made.criteria.all_of[0].alert_sensitivity == "Medium"
    assert made.auto_mitigate is True
    assert [each.name for each in rules.list_by_resource_group(group)] == ["cpu"]
    assert [each.name for each in rules.list_by_subscription()] == ["cpu"]

    patch = models.MetricAlertResourcePatch(description="CPU")
    assert rules.update(group, "cpu", patch).description == "CPU"
    rules.delete(group, "cpu")
    assert list(rules.list_by_subscription()) == []


def test_an_action_group_is_read_listed_and_switched(monitor, group, on_call):
    from azure.core.exceptions import ResourceExistsError
    from azure.mgmt.monitor import models

    groups = monitor.action_groups

    assert groups.get(group, "on-call").as_dict() == on_call.as_dict()
    assert on_call.email_receivers[0].status == "Enabled"
    assert [each.name for each in groups.list_by_resource_group(group)] == ["on-call"]
    assert [each.name for each in groups.list_by_subscription_id()] == ["on-call"]
    off = groups.update(group, "on-call", models.ActionGroupPatchBody(enabled=False))
    assert off.enabled is False
    with pytest.raises(ResourceExistsError):
        groups.enable_receiver(
            group, "on-call", models.EnableRequest(receiver_name="ana")
        )


def test_an_action_group_is_tried_with_a_made_up_alert(monitor, group, on_call):
    from azure.mgmt.monitor import models

    with webhook() as desk:
        hook = models.WebhookReceiver(
            name="desk", service_uri=desk.url, use_common_alert_schema=True
        )
        body = models.NotificationRequestBody(
            alert_type="logalertv2",
            webhook_receivers=[hook],
            email_receivers=on_call.email_receivers,
        )
        groups = monitor.action_groups
        begin = groups.begin_create_notifications_at_action_group_resource_level
        found = begin(group, "on-call", body).result(20)
        (heard,) = desk.wait_for(1)

    assert heard["schemaId"] == "azureMonitorCommonAlertSchema"
    assert found.state == "Completed"
    assert {each.mechanism_type: each.status for each in found.action_details} == {
        "Webhook": "Completed",
        "Email": "Failed",
    }


def test_how_a_metric_rule_stands_is_listed(monitor, group, blue, on_call):
    rules = monitor.metric_alerts
    rules.create_or_update(group, "cpu", metric_rule(blue, on_call.id))

    assert monitor.metric_alerts_status.list(group, "cpu").value == []
    rules.delete(group, "cpu")
