"""azure-mgmt-monitor's own client over autoscale settings."""

from datetime import UTC, datetime, timedelta

import pytest

NAME = "flow-blue-autoscale"


@pytest.fixture(scope="module")
def settings(monitor):
    return monitor.autoscale_settings


def setting(target, *, metric="CpuUtilizationPercentage", source=None, least=1, most=3):
    from azure.mgmt.monitor import models

    def rule(operator, threshold, direction):
        return models.ScaleRule(
            metric_trigger=models.MetricTrigger(
                metric_name=metric,
                metric_resource_uri=source or target,
                time_grain=timedelta(minutes=1),
                statistic="Average",
                time_window=timedelta(minutes=5),
                time_aggregation="Average",
                operator=operator,
                threshold=threshold,
            ),
            scale_action=models.ScaleAction(
                direction=direction,
                type="ChangeCount",
                value="1",
                cooldown=timedelta(minutes=5),
            ),
        )

    fixed = models.TimeWindow(
        time_zone="W. Europe Standard Time",
        start=datetime(2036, 1, 1, tzinfo=UTC),
        end=datetime(2036, 1, 2, tzinfo=UTC),
    )
    capacity = {"minimum": str(least), "maximum": str(most), "default": str(least)}
    return models.AutoscaleSettingResource(
        location="local",
        enabled=False,
        target_resource_uri=target,
        profiles=[
            models.AutoscaleProfile(
                name="default",
                capacity=models.ScaleCapacity(**capacity),
                rules=[
                    rule("GreaterThan", 70, "Increase"),
                    rule("LessThan", 30, "Decrease"),
                ],
            ),
            models.AutoscaleProfile(
                name="event",
                capacity=models.ScaleCapacity(**capacity),
                rules=[],
                fixed_date=fixed,
            ),
        ],
    )


def refused(settings, group, body, name="other"):
    from azure.core.exceptions import HttpResponseError

    with pytest.raises(HttpResponseError) as raised:
        settings.create_or_update(group, name, body)
    return raised.value


def test_a_setting_is_written_read_listed_and_deleted(settings, group, blue):
    made = settings.create_or_update(group, NAME, setting(blue))
    read = settings.get(group, NAME)

    assert read.as_dict() == made.as_dict()
    assert read.id.endswith(f"/providers/microsoft.insights/autoscalesettings/{NAME}")
    assert read.type == "Microsoft.Insights/autoscaleSettings"
    assert read.profiles[0].rules[0].metric_trigger.time_window == timedelta(minutes=5)
    assert [each.name for each in settings.list_by_resource_group(group)] == [NAME]
    assert [each.name for each in settings.list_by_subscription()] == [NAME]

    settings.delete(group, NAME)
    assert list(settings.list_by_resource_group(group)) == []


def test_a_patch_changes_what_it_gives_and_nothing_else(settings, group, blue):
    from azure.mgmt.monitor import models

    whole = setting(blue)
    settings.create_or_update(group, NAME, whole)

    patch = models.AutoscaleSettingResourcePatch(
        tags={"team": "ml"}, profiles=whole.profiles[:1]
    )
    after = settings.update(group, NAME, patch)

    assert after.tags == {"team": "ml"}
    assert [each.name for each in after.profiles] == ["default"]
    assert after.target_resource_uri == blue
    settings.delete(group, NAME)


def test_a_resource_has_one_setting_at_most(settings, group, blue):
    settings.create_or_update(group, NAME, setting(blue))

    error = refused(settings, group, setting(blue.upper().replace("BLUE", "blue")))

    assert error.status_code == 409
    assert NAME in str(error)
    settings.create_or_update(group, NAME, setting(blue))  # its own it may replace
    settings.delete(group, NAME)


def test_what_does_not_exist_can_not_be_scaled_or_scaled_by(settings, group, blue):
    nobody = blue.replace("/blue", "/nobody")

    assert (
        refused(settings, group, setting(nobody)).error.code == "TargetResourceNotFound"
    )
    assert "metricResourceUri" in str(
        refused(settings, group, setting(blue, source=nobody))
    )
    unknown = refused(settings, group, setting(blue, metric="Percentage CPU"))
    assert unknown.error.code == "UnsupportedMetric"
    assert "CpuUtilizationPercentage" in str(unknown), "it says what there is"


def test_a_minimum_over_the_maximum_is_refused_in_azures_words(settings, group, blue):
    error = refused(settings, group, setting(blue, least=4, most=3))

    assert error.status_code == 400
    assert "The minimum capacity value '4' that you specified" in str(error)


def test_an_endpoints_metric_may_be_followed_by_deployment(settings, group, blue):
    from azure.mgmt.monitor import models

    endpoint = blue.rsplit("/deployments/", 1)[0]
    body = setting(blue, metric="RequestLatency_P95", source=endpoint)
    dimension = models.ScaleRuleMetricDimension(
        dimension_name="deployment", operator="Equals", values=["blue"]
    )
    body.profiles[0].rules[0].metric_trigger.dimensions = [dimension]
    made = settings.create_or_update(group, NAME, body)

    (kept,) = made.profiles[0].rules[0].metric_trigger.dimensions
    assert kept.dimension_name == "deployment"
    settings.delete(group, NAME)

    dimension.dimension_name = "colour"
    assert "has no colour" in str(refused(settings, group, body))
