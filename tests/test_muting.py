"""What is muted, exactly, and until when: by localcloud's own reading of the rules."""

from datetime import timedelta

import pytest

from ops import journal
from ops.alerting import fired, muting, silencing
from ops.alerting.muting import Mute
from ops.errors import NotFound, Refused, UsageError
from tests.firing_rig import RULES, fire, tells
from tests.local_transport import InProcess

HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    made = InProcess(tmp_path)
    made.clock.move(rate=0)
    made.put_endpoint()
    yield made
    made.close()


def rule(cloud, name, endpoint="iris"):
    """A log rule as alerts.apply makes it."""
    where = f"{cloud.cloud.workspace}/onlineEndpoints/{endpoint}"
    id_ = f"{cloud.cloud.group}{RULES}aml-ops-{endpoint}-{name}"
    condition = {
        "query": "AmlOnlineEndpointTrafficLog",
        "timeAggregation": "Count",
        "operator": "GreaterThan",
        "threshold": 5,
    }
    properties = {
        "scopes": [where],
        "severity": 1,
        "evaluationFrequency": "PT5M",
        "windowSize": "PT5M",
        "criteria": {"allOf": [condition]},
    }
    tags = {"aml-ops": f"{endpoint}/{name}"}
    body = {"location": "local", "tags": tags, "properties": properties}
    reply = cloud.ask("PUT", f"{id_}?api-version=2023-12-01", body)
    assert reply.status < 300, reply.body


def mute(cloud, for_="30m", rule="errors", deployment=None, every=False, **how):
    asked = silencing.asked(for_, rule, deployment, every, "load test")
    return silencing.mute(cloud.workspace("ana@desk"), "iris", asked, **how)


def test_one_rule_is_silent_until_its_time_is_over(cloud):
    rule(cloud, "errors")

    mute(cloud)

    assert not tells(cloud)
    assert tells(cloud, "latency")
    cloud.clock.move(advance=1801)
    assert tells(cloud)
    entry, *_ = journal.entries("local", "iris")
    assert (entry.verb, entry.outcome) == ("alerts.mute", "done")


def test_all_of_an_endpoint_is_its_deployments_too_and_no_other_endpoint(cloud):
    cloud.put_endpoint("iris-two")

    mute(cloud, rule=None, every=True)

    assert not tells(cloud, "anything")
    assert not tells(cloud, "cpu", deployment="", metric="blue")
    assert tells(cloud, of="iris-two")


def test_one_deployment_is_silent_however_its_alerts_tell_of_it(cloud):
    mute(cloud, rule=None, every=True, deployment="green")

    assert not tells(cloud, deployment="green")
    assert not tells(cloud, deployment="", metric="green")
    assert tells(cloud, deployment="blue")
    assert tells(cloud, deployment="", metric="blue")
    assert tells(cloud, deployment="")


def test_milder_alerts_than_the_ones_muted_are_still_told(cloud):
    now = cloud.clock.now()
    made = Mute(
        endpoint="iris",
        until=now + HALF_AN_HOUR,
        who="ana@desk",
        reason="rollout",
        deployment="green",
        mildest=2,
        rollout="20261125-1",
    )

    muting.write(cloud.workspace(), made)

    assert not tells(cloud, severity=2)
    assert tells(cloud, severity=3)
    (found,) = muting.live(cloud.workspace(), "iris")
    assert found == Mute(**{**vars(made), "until": found.until})
    assert now + HALF_AN_HOUR - found.until < timedelta(seconds=1)


def test_a_rule_that_is_none_is_refused_with_those_there_are(cloud):
    rule(cloud, "errors")
    rule(cloud, "latency")

    with pytest.raises(NotFound, match="there are: errors, latency"):
        mute(cloud, rule="eror")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"rule": None}, "--rule NAME or --all"),
        ({"every": True}, "--rule NAME or --all"),
        ({"for_": None}, "For how long"),
        ({"for_": "8d"}, "takes 1m to 7d"),
        ({"for_": "30"}, "takes a time"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(flags, says):
    usual = {"for_": "30m", "rule": "errors", "deployment": None, "every": False}
    with pytest.raises(UsageError, match=says):
        silencing.asked(**{**usual, **flags}, reason="x")
    with pytest.raises(UsageError, match="needs a --reason"):
        silencing.asked(**usual, reason=" ")


def test_unmute_tells_again_and_only_what_people_have_muted(cloud):
    rule(cloud, "errors")
    mute(cloud)
    own = Mute(
        endpoint="iris",
        until=cloud.clock.now() + HALF_AN_HOUR,
        who="ana@desk",
        reason="rollout of green",
        deployment="green",
        rollout="20261125-1",
    )
    muting.write(cloud.workspace(), own)

    silencing.unmute(cloud.workspace(), "iris", None, every=True)

    assert [each.rollout for each in muting.live(cloud.workspace())] == ["20261125-1"]
    with pytest.raises(Refused, match="by a rollout"):
        silencing.unmute(cloud.workspace(), "iris", "errors", every=False)


def test_what_is_over_is_deleted_by_the_next_verb(cloud):
    rule(cloud, "errors")
    rule(cloud, "latency")
    mute(cloud, "5m")
    cloud.clock.move(advance=301)

    mute(cloud, rule="latency")

    assert len(cloud.state.of_type("actionRules")) == 1


def test_a_dry_run_mutes_nothing(cloud):
    rule(cloud, "errors")

    made = mute(cloud, dry_run=True)

    assert made.what == "errors"
    assert cloud.state.of_type("actionRules") == []


def test_which_alerts_a_mute_is_about_is_told_as_azure_goes_by_it(cloud):
    rule(cloud, "errors")
    mute(cloud)
    fire(cloud, "errors")
    fire(cloud, "latency")

    now, mutes = cloud.clock.now(), muting.live(cloud.workspace(), "iris")
    covered = {
        each.rule: muting.covering(mutes, each, now) is not None
        for each in fired.fired(cloud.workspace(), "iris")
    }

    assert covered == {"errors": True, "latency": False}
