"""The autoscale engine's own metric: what alert rules about it are made of."""

from datetime import timedelta

from local_transport import InProcess

from ops import autoscale, specs
from ops.localcloud.autoscaler import Autoscaler


def test_each_run_is_measured_and_can_be_read_like_any_metric(tmp_path, monkeypatch):
    (tmp_path / "cloud").mkdir()
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    cloud = InProcess(tmp_path / "cloud")
    cloud.put_endpoint()
    workspace = cloud.workspace()
    steps = autoscale.plan(workspace, specs.load("iris"), "blue")
    list(autoscale.apply(workspace, "iris", steps))
    start = cloud.clock.now().replace(second=0, microsecond=0)
    engine = Autoscaler(cloud.state, cloud.store, lambda: None)

    engine.step(start)

    setting = (
        f"{cloud.cloud.group}/providers/Microsoft.Insights/autoscaleSettings/"
        "iris-blue-autoscale"
    )
    end = start + timedelta(minutes=1)
    found = workspace.metrics.list(
        setting,
        metricnames="ObservedCapacity",
        timespan=f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
        interval="PT1M",
        aggregation="Average",
    )
    [point] = found.value[0].timeseries[0].data
    assert point.average == 1
    cloud.close()
