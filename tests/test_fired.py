"""What Alerts Management tells, as a person and a rollout read it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ops.alerting import fired, values
from ops.localcloud import alerts
from ops.rollouts import firing
from tests.firing_rig import RULES, fire
from tests.local_transport import InProcess
from tests.test_firedview import ERRORS


@pytest.fixture
def cloud(tmp_path):
    made = InProcess(tmp_path)
    made.put_endpoint()
    yield made
    made.close()


def test_an_alert_tells_rule_deployment_and_value_against_threshold(cloud):
    fire(cloud)

    (found,) = fired.fired(cloud.workspace(), "iris")

    assert (found.rule, found.subject, found.severity) == ("errors", "green", 1)
    assert found.measured == "12.4% over 5%"
    assert (found.state, found.by, found.next) == ("new", "", "invoke diagnose")


def test_a_metric_alert_is_about_the_deployment_that_it_fired_on(cloud):
    target = f"{cloud.cloud.workspace}/onlineEndpoints/iris/deployments/blue"
    fire(cloud, deployment="", target=target, custom={}, context=None)

    (found,) = fired.fired(cloud.workspace(), "iris")

    assert (found.endpoint, found.deployment) == ("iris", "blue")
    assert (found.rule, found.measured) == ("errors", "")


def test_what_scales_an_endpoint_is_part_of_it(cloud):
    rule = f"{cloud.cloud.group}{RULES}aml-ops-iris-autoscale-maximum-blue"
    setting = f"{cloud.cloud.group}/providers/microsoft.insights/autoscalesettings/b"
    told = {"rule": "autoscale-maximum", "endpoint": "iris", "deployment": "blue"}
    custom = {f"aml-ops.{name}": value for name, value in told.items()}
    fire(cloud, rule=rule, deployment="", target=setting, custom=custom)

    (found,) = fired.fired(cloud.workspace(), "iris")

    assert (found.rule, found.deployment) == ("autoscale-maximum", "blue")


def test_alerts_of_another_endpoint_are_told_only_where_all_are_asked_for(cloud):
    cloud.put_endpoint("other")
    target = f"{cloud.cloud.workspace}/onlineEndpoints/other"
    fire(cloud, target=target, custom={})

    assert fired.fired(cloud.workspace(), "iris") == []
    assert [each.endpoint for each in fired.fired(cloud.workspace())] == ["other"]


def test_what_is_fired_comes_first_and_the_gravest_of_it(cloud):
    over = fire(cloud, "latency", severity=0)
    alerts.resolve(cloud.state, over, cloud.clock.now())
    fire(cloud, "drift", severity=3)
    fire(cloud, "errors", severity=1)

    found = fired.since(cloud.workspace(), timedelta(days=1), "iris")

    told = [(each.rule, each.condition) for each in found]
    assert told == [("errors", "fired"), ("drift", "fired"), ("latency", "resolved")]


def test_what_fired_long_ago_is_told_as_long_as_it_is_fired(cloud):
    fire(cloud, "drift")
    over = fire(cloud, "errors")
    alerts.resolve(cloud.state, over, cloud.clock.now())
    cloud.clock.move(advance=5 * 86400)

    found = fired.since(cloud.workspace(), timedelta(days=1), "iris")

    assert [each.rule for each in found] == ["drift"]


def test_a_person_acknowledges_by_name(cloud):
    fire(cloud)
    (alert,) = fired.fired(cloud.workspace("ana@desk"), "iris")

    fired.change_state(cloud.workspace("ana@desk"), alert, fired.ACKNOWLEDGED)

    (seen,) = fired.fired(cloud.workspace(), "iris")
    assert (seen.state, seen.by) == ("acknowledged", "ana@desk")
    assert fired.unseen([alert]) == [alert]
    assert fired.unseen([seen]) == []


def test_a_rollout_goes_by_its_canarys_alerts_and_those_of_the_whole(cloud):
    fire(cloud, "errors", "blue")
    fire(cloud, "latency", "green")
    fire(cloud, "traffic", "")

    found = firing.alerts(cloud.workspace(), "iris", "green")

    assert sorted(each.name for each in found) == ["latency", "traffic"]


@pytest.mark.parametrize(
    ("sign", "unit", "says"),
    [
        ("over", "%", "12.4% over 5%"),
        ("over", "ms", "12.4 over 5 ms"),
        ("fires at", "instances", "12.4 instances, fires at 5"),
        ("over", "evidence", "chance 1 in 10^12, fires below 1 in 100 thousand"),
        ("", "ms", "12.4 ms"),
    ],
)
def test_a_value_stands_against_its_threshold(sign, unit, says):
    assert replace(ERRORS, sign=sign, unit=unit).measured == says


@pytest.mark.parametrize(
    ("value", "unit", "says"),
    [
        (12.44, "%", "12.4%"),
        (310.2, "ms", "310 ms"),
        (1204, "", "1,204"),
        (0, "", "0"),
        (1, "instances", "1 instance"),
        (1, "ms", "1 ms"),
        (6.84, "evidence", "chance 1 in 7 million"),
    ],
)
def test_numbers_are_as_exact_as_a_person_needs(value, unit, says):
    assert values.number(value, unit) == says
