"""azure-mgmt-monitor's own client over what instances and requests have really used."""

import pytest
from cloud_rig import until
from sdk import score

SPLIT = "deployment eq '*' and statusCode eq '*'"


@pytest.fixture(scope="module")
def monitor(monitor):
    return monitor.metrics, monitor.metric_definitions, monitor.metric_namespaces


@pytest.fixture(scope="module")
def busy(deployed, ml):
    """An endpoint that has just answered four requests well and one badly."""
    for _ in range(4):
        assert score(ml, deployed) == 200
    assert score(ml, deployed, b"not JSON") == 424
    return deployed


def asked(monitor, resource, **options):
    return monitor[0].list(resource.lstrip("/"), **{"timespan": "PT10M", **options})


def total(one):
    """The number of requests of a time series of requests a minute."""
    return round(sum(point.average or 0 for point in one.data))


def labels(one):
    return {pair.name.value: pair.value for pair in one.metadatavalues}


def test_requests_are_counted_by_status(busy, monitor):
    def counts():
        answer = asked(monitor, busy.id, metricnames="RequestsPerMinute", filter=SPLIT)
        found = {
            tuple(labels(one).values()): total(one)
            for one in answer.value[0].timeseries
        }
        return found if ("blue", "424") in found else None

    found = until(counts, seconds=5)

    assert found["blue", "200"] >= 4
    assert found["blue", "424"] == 1


def test_dimensions_come_back_in_lower_case(busy, monitor):
    answer = asked(monitor, busy.id, metricnames="RequestsPerMinute", filter=SPLIT)

    assert set(labels(answer.value[0].timeseries[0])) == {"deployment", "statuscode"}
    kind = "microsoft.machinelearningservices/workspaces/onlineendpoints"
    assert answer.namespace == kind


def test_a_value_in_the_filter_leaves_the_others_out(busy, monitor):
    wanted = "deployment eq 'blue' and statusCode eq '200'"
    answer = asked(monitor, busy.id, metricnames="RequestsPerMinute", filter=wanted)

    (one,) = answer.value[0].timeseries
    assert labels(one) == {"deployment": "blue", "statuscode": "200"}


def test_percentiles_are_of_requests(busy, monitor):
    names = ",".join(f"RequestLatency_P{p}" for p in (50, 90, 95, 99))
    answer = asked(monitor, busy.id, metricnames=names, filter="deployment eq 'blue'")
    last = [
        [point.average for point in metric.timeseries[0].data if point.average][-1]
        for metric in answer.value
    ]

    assert last == sorted(last)
    assert 0 < last[0] < 5000


def test_points_without_data_have_a_time_only(busy, monitor, cloud):
    path = f"{busy.id}/providers/Microsoft.Insights/metrics"
    query = "metricnames=RequestsPerMinute&timespan=PT5H&interval=PT1H"
    answer = cloud.call("GET", f"{path}?{query}").body

    first, *_, last = answer["value"][0]["timeseries"][0]["data"]
    assert set(first) == {"timeStamp"}
    assert set(last) == {"timeStamp", "average"}
    assert answer["interval"] == "PT1H"


def test_cpu_and_memory_are_of_real_processes(busy, monitor):
    names = "CpuUtilizationPercentage,CpuMemoryUtilizationPercentage"
    blue = f"{busy.id}/deployments/blue"

    def sampled():
        answer = asked(
            monitor,
            blue,
            metricnames=f"{names},DeploymentCapacity",
            filter="instanceId eq '*'",
            aggregation="Average,Maximum",
        )
        if not all(metric.timeseries for metric in answer.value):
            return None
        return [metric.timeseries[0] for metric in answer.value]

    cpu, memory, capacity = until(sampled, seconds=12)

    assert labels(cpu)["instanceid"].startswith("blue-")
    assert 0 <= [p.maximum for p in cpu.data if p.maximum is not None][-1] <= 100
    assert 0 < [p.average for p in memory.data if p.average][-1] < 100
    assert [p.average for p in capacity.data if p.average][-1] > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metricnames": "Nothing"}, "Valid metrics: RequestsPerMinute,"),
        ({"interval": "PT7M"}, "invalid time grain input: PT7M"),
        ({"filter": "colour eq 'blue'"}, "does not support requested dimension"),
        ({"filter": "deployment = 'blue'"}, "The filter is not valid"),
        ({"timespan": "yesterday"}, "not a valid timespan"),
        ({"aggregation": "Median"}, "no aggregation"),
        ({"top": 0, "filter": SPLIT}, "not a number of series"),
    ],
)
def test_what_cannot_be_answered_is_refused(endpoint, monitor, options, words):
    from azure.core.exceptions import HttpResponseError

    with pytest.raises(HttpResponseError, match=words) as raised:
        asked(monitor, endpoint.id, **options)

    assert raised.value.status_code == 400


def test_every_metric_of_azure_is_defined(endpoint, monitor):
    found = {one.name.value: one for one in monitor[1].list(endpoint.id.lstrip("/"))}

    assert len(found) == 11
    requests = found["RequestsPerMinute"]
    assert [one.value for one in requests.dimensions] == [
        *("deployment", "statusCode", "statusCodeClass", "modelStatusCode")
    ]
    assert requests.unit == "Count"
    assert found["RequestLatency_P95"].unit == "Milliseconds"
    assert {one.time_grain.total_seconds() for one in requests.metric_availabilities}


def test_every_metric_of_a_deployment_is_defined(deployed, monitor):
    blue = f"{deployed.id}/deployments/blue".lstrip("/")
    found = {one.name.value: one for one in monitor[1].list(blue)}
    (namespace,) = monitor[2].list(blue)

    assert len(found) == 14
    assert found["DeploymentCapacity"].dimensions[1].value == "State"
    name = namespace.properties.metric_namespace_name
    assert name.endswith("/onlineEndpoints/deployments")
