"""What a fault strikes and what becomes of it, seen through the toolkit's pipeline."""

from datetime import timedelta

import pytest
from local_transport import InProcess

from ops.errors import ServiceError, Unreachable
from ops.localcloud.faults import Fault, Faults, every, pattern

IRIS = "onlineEndpoints/iris"
BODY = {"location": "local", "properties": {"authMode": "Key"}}


@pytest.fixture
def cloud(tmp_path):
    cloud = InProcess(tmp_path)
    cloud.put_endpoint(traffic={"blue": 100})
    cloud.faults.switch(True)
    yield cloud
    cloud.close()


def add(cloud, do, path="*", **facts):
    return cloud.faults.add(Fault(number=0, do=do, path=path, **facts))


def counts(cloud):
    return [(fault.matched, fault.struck) for fault in every(cloud.state)]


def weights(cloud, **traffic):
    workspace = cloud.workspace()
    body = {**BODY, "properties": {"authMode": "Key", "traffic": traffic}}
    return workspace.put(IRIS, body)["properties"]["traffic"]


def shown(cloud):
    return cloud.workspace().get(IRIS)["properties"]["traffic"]


@pytest.mark.parametrize(
    ("wanted", "path", "matches"),
    [
        ("onlineEndpoints/iris", "/a/onlineendpoints/IRIS", True),
        ("onlineEndpoints/iris", "/a/onlineEndpoints/iris/deployments/blue", False),
        ("onlineEndpoints/*", "/a/onlineEndpoints/iris/deployments/blue", True),
        ("*iris", "/a/onlineEndpoints/iris", True),
        ("/a/*/iris", "/a/onlineEndpoints/iris", True),
        ("*.lock?comp=lease*", "/c/aml-ops/iris.lock?comp=lease&sig=1", True),
        ("iris", "/a/myiris", False),
    ],
)
def test_a_pattern_is_a_path_or_its_end(wanted, path, matches):
    assert bool(pattern(wanted).fullmatch(path)) == matches


def test_a_status_strikes_after_so_many_and_so_often(cloud):
    add(cloud, "status", IRIS, status=409, code="Conflict", after=1, times=2)

    shown(cloud)
    for _ in range(2):
        with pytest.raises(ServiceError, match="Conflict: Fault 1 of a drill"):
            shown(cloud)
    shown(cloud)

    assert counts(cloud) == [(4, 2)]


def test_a_fault_ends_by_the_clock_that_people_see(cloud):
    until_ = (cloud.clock.now() + timedelta(hours=1)).isoformat()
    add(cloud, "status", IRIS, status=409, until=until_)
    with pytest.raises(ServiceError):
        shown(cloud)

    cloud.clock.move(advance=3600)

    assert shown(cloud) == {"blue": 100}


def test_only_its_methods_are_struck(cloud):
    add(cloud, "status", IRIS, status=409, methods=("PUT",))

    assert shown(cloud) == {"blue": 100}
    with pytest.raises(ServiceError):
        weights(cloud, blue=50, green=50)
    assert shown(cloud) == {"blue": 100}


def test_a_late_status_hides_that_the_work_is_done(cloud):
    add(cloud, "status", IRIS, status=409, methods=("PUT",), late=True)

    with pytest.raises(ServiceError):
        weights(cloud, blue=50, green=50)

    assert shown(cloud) == {"blue": 50, "green": 50}


@pytest.mark.parametrize(("late", "after"), [(False, 100), (True, 50)])
def test_a_reset_leaves_nobody_an_answer(cloud, late, after):
    add(cloud, "reset", IRIS, methods=("PUT",), late=late)

    with pytest.raises(Unreachable):
        weights(cloud, blue=50, green=50)

    assert shown(cloud)["blue"] == after


def test_throttling_names_the_time_to_wait(cloud):
    add(cloud, "throttle", IRIS, seconds=7)

    reply = cloud.ask("GET", f"{cloud.cloud.workspace}/{IRIS}")

    assert reply.status == 429
    assert dict(reply.headers)["Retry-After"] == "7"


def test_a_read_is_stale_after_a_write(cloud):
    add(cloud, "stale", IRIS, seconds=3600, times=2)
    weights(cloud, blue=50, green=50)  # its own last read is the first stale one

    assert [shown(cloud), shown(cloud)] == [{"blue": 100}, {"blue": 50, "green": 50}]
    assert counts(cloud) == [(3, 2)]


def test_a_stale_read_ends_by_itself(cloud):
    add(cloud, "stale", IRIS, seconds=1e-9)
    weights(cloud, blue=50, green=50)

    assert shown(cloud) == {"blue": 50, "green": 50}


def test_an_accepted_write_fails_and_changes_nothing(cloud):
    add(cloud, "fail", IRIS, methods=("PUT",), code="OutOfQuota", times=1)

    with pytest.raises(ServiceError, match="OutOfQuota"):
        weights(cloud, blue=50, green=50)

    found = cloud.workspace().get(IRIS)["properties"]
    assert found["traffic"] == {"blue": 100}
    assert found["provisioningState"] == "Failed"
    assert weights(cloud, blue=50, green=50) == {"blue": 50, "green": 50}


def test_a_deployment_whose_creation_failed_stays_behind(cloud):
    path = f"{IRIS}/deployments/red"
    add(cloud, "fail", path)
    body = {"location": "local", "properties": {"endpointComputeType": "Managed"}}
    with pytest.raises(ServiceError):
        cloud.workspace().put(path, body)

    state = cloud.workspace().get(path)["properties"]["provisioningState"]

    assert state == "Failed"


def test_requests_can_be_counted_without_any_effect(cloud):
    add(cloud, "count", methods=("PUT",))
    weights(cloud, blue=50, green=50)
    weights(cloud, blue=100)

    assert counts(cloud) == [(2, 2)]


def test_blobs_are_struck_too_in_their_own_words(cloud):
    add(cloud, "status", "*.lock?comp=lease*", status=503, code="ServerBusy")

    reply = cloud.ask("PUT", "/devstore.blob.azlocal/locks/a.lock?comp=lease")

    assert reply.status == 503
    assert dict(reply.headers)["x-ms-error-code"] == "ServerBusy"


def test_faults_outlive_the_control_plane_and_end_with_the_drill(cloud):
    add(cloud, "status", status=409)
    cloud.clock.move(advance=60, rate=600)
    next_one = Faults(cloud.state)

    assert next_one.striking("GET", "/a", "")
    next_one.switch(False)
    assert next_one.striking("GET", "/a", "") == []
    assert every(cloud.state) == []
    assert cloud.clock.setting().rate == 1
