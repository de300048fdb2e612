"""How many instances a rate needs, and what they take of the quota."""

from datetime import timedelta

import pytest

from ops.autoscaling import sizing
from ops.endpoints import to_deployment
from ops.errors import UsageError
from ops.flow import Flow


def deployment(name="blue", instances=2, size="Standard_DS3_v2", at_a_time=4):
    limits = {"maxConcurrentRequestsPerInstance": at_a_time}
    properties = {"instanceType": size, "requestSettings": limits}
    return to_deployment(
        {"name": name, "properties": properties, "sku": {"capacity": instances}}
    )


def size(*, percent=50, rate=100.0, flows=None, **told):
    asked = sizing.Asked(since=timedelta(hours=1), **told)
    return sizing.size_of(deployment(), percent, rate, flows or {}, asked)


def test_rate_and_latency_tell_the_instances_and_the_reserve_in_quota():
    found = size(latency_seconds=0.1)

    # 10 requests at a time; 4 on an instance, of which 70 % are to be used.
    assert (found.needed, found.needed_for_all) == (2, 4)
    assert (found.quota_instances, found.quota_cores) == (5, 20)
    assert found.refuses_above == 160, (
        "twice four at a time on two, a tenth second each"
    )
    assert not found.short


def test_a_deployment_that_serves_nothing_is_sized_by_the_others_latency():
    flows = {"green": Flow(requests=1, live=1, errors=0, mean_ms=200)}

    found = size(flows=flows, percent=100)

    assert (found.latency_of, found.latency_seconds) == ("green", 0.2)
    assert found.short


@pytest.mark.parametrize(
    ("name", "cores"),
    [
        ("Standard_DS3_v2", 4),
        ("Standard_DS15_v2", 20),
        ("Standard_F4s_v2", 4),
        ("Standard_D16s_v3", 16),
        ("Standard_NC6s_v3", 6),
        ("Standard_X", None),
        ("", None),
    ],
)
def test_a_sizes_name_tells_its_cores(name, cores):
    assert sizing.cores_of(name) == cores


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--since", ("8d", None, None, "70")),
        ("--rps", ("1h", "-1", None, "70")),
        ("--latency", ("1h", None, "80", "70")),
        ("--busy", ("1h", None, None, "0")),
    ],
)
def test_what_can_not_be_meant_names_its_flag(flag, told):
    with pytest.raises(UsageError, match=flag):
        sizing.asked(*told)
