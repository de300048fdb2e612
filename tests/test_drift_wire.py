"""Drift over the wire: the question as a client asks it, of an endpoint's own rows."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from drift_rig import baseline
from local_transport import InProcess
from test_drift import normal, sent

from ops import drift, endpoints, settings
from ops.drifting import baseline as baselines
from ops.errors import NotFound, Refused, Unhealthy, UsageError
from ops.localcloud.logstore import Batch
from ops.rollouts import moving
from ops.rollouts.canary import Pair

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """An endpoint whose green gets other rows than blue, and than training saw."""
    made = InProcess(tmp_path_factory.mktemp("cloud"))
    made.put_endpoint(traffic={"blue": 100})
    at = made.clock.now() - timedelta(minutes=5)
    scope = f"{made.cloud.workspace}/onlineEndpoints/iris".lower()
    for deployment, shift in (("blue", 0.0), ("green", 1.5)):
        rows = [
            {
                "TimeGenerated": at.replace(tzinfo=None),
                "_ResourceId": scope,
                "DeploymentName": deployment,
                "Message": message,
            }
            for message in sent(normal(150, shift, seed=len(deployment)))
        ]
        batch = Batch()
        batch.add("AmlOnlineEndpointConsoleLog", rows)
        made.store.append(batch)
    yield made
    made.close()


@pytest.fixture
def live(cloud, monkeypatch, tmp_path):
    """The endpoint, with one baseline for both of its deployments."""
    found = baseline(tmp_path)
    monkeypatch.setattr(baselines, "of", lambda spec, deployment: found)
    endpoint = endpoints.get(cloud.workspace(), "iris")
    both = endpoint.deployments.items()
    served = {name: replace(each, model="m:2") for name, each in both}
    return replace(endpoint, deployments=served)


def measured(cloud, live, deployment=None, against=None):
    span = drift.span("1h", cloud.clock.now())
    return drift.measure(cloud.workspace(), None, live, span, deployment, against)


def moved(found):
    return [each.name for each in found.drifted if each.kind == "feature"]


def test_each_deployment_is_measured_against_what_its_model_was_trained_on(cloud, live):
    blue, green = measured(cloud, live)

    assert (blue.deployment, moved(blue)) == ("blue", [])
    assert (green.deployment, moved(green)) == ("green", ["length"])
    with pytest.raises(Unhealthy, match="length of green") as told:
        drift.require_steady([green])
    assert told.value.status == 3


def test_a_rollout_is_told_what_differs_between_its_two(cloud, live, monkeypatch):
    monkeypatch.setattr(moving.specs, "load", lambda *_: None)
    span = drift.span("1h", cloud.clock.now())
    pair = Pair(canary="green", stable="blue")

    (told,) = moving.moved(cloud.workspace(), live, pair, "features", span)

    assert told.startswith("length: ")
    assert "of blue's" in told


def test_a_deployment_is_not_measured_against_itself_or_one_that_is_not_there(
    cloud, live
):
    with pytest.raises(UsageError, match="the same deployment"):
        measured(cloud, live, "blue", "blue")
    with pytest.raises(NotFound, match="no deployment 'pink'"):
        measured(cloud, live, "blue", "pink")


def test_the_baseline_of_another_version_is_refused_with_the_remedy(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(settings, "TRAINED", tmp_path)  # what `invoke train` makes
    baseline(tmp_path)
    file = SimpleNamespace(
        name="m", version="7", path=tmp_path / "model.yaml", file=lambda key: tmp_path
    )
    spec = SimpleNamespace(models={("m", "7"): file}, folder=tmp_path)
    serves = SimpleNamespace(name="green", model="m:7")

    with pytest.raises(Refused, match="baseline of m:2, but green serves m:7") as told:
        baselines.of(spec, serves)
    assert told.value.remedies[0].startswith("invoke train")
    with pytest.raises(Refused, match=r"no file in .* registers that"):
        baselines.of(spec, SimpleNamespace(name="green", model="m:8"))
