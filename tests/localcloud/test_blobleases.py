"""What a lease becomes as time goes by, and by whom it is remembered."""

import time

import pytest
from test_blobs import Container, code_of

from ops.localcloud.records import Lease
from ops.localcloud.state import State

ID = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("seconds", "breaks", "state"),
    [
        (0, None, "leased"),
        (15, None, "expired"),
        (4, 5, "breaking"),
        (5, 5, "broken"),
        (20, 5, "broken"),
    ],
)
def test_a_lease_ends_by_itself_or_is_broken(seconds, breaks, state):
    lease = Lease(id=ID, seconds=15, ends=1015.0, breaks=breaks and 1000.0 + breaks)

    assert lease.state(1000.0 + seconds) == state


def test_a_lease_survives_a_killed_control_plane(cloud):
    container = Container(cloud)
    container.put("lock", b"free")
    headers = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "60"}
    taken = container("PUT", "lock", headers=headers, comp="lease")
    cloud.kill()
    cloud.up()

    again = container("PUT", "lock", headers=headers, comp="lease")

    assert code_of(again) == (409, "LeaseAlreadyPresent")
    mine = {"x-ms-lease-id": taken.headers["x-ms-lease-id"]}
    assert container.put("lock", b"mine", **mine).status == 201


def test_an_expired_lease_is_renewed_unless_somebody_wrote(cloud):
    container = Container(cloud)
    renew = {"x-ms-lease-action": "renew", "x-ms-lease-id": ID}
    for name in ("untouched", "written"):
        container.put(name, b"1")
        expire(cloud, container, name)
    container.put("written", b"2")

    assert container("PUT", "untouched", headers=renew, comp="lease").status == 200
    refused = container("PUT", "written", headers=renew, comp="lease")
    assert code_of(refused) == (409, "LeaseNotPresentWithLeaseOperation")


def expire(cloud, container, name):
    """Give the blob a lease that ended a second ago."""
    state = State(cloud.directory / "state.db")
    lease = Lease(id=ID, seconds=15, ends=time.time() - 1)
    state.set_lease(container.path.split("/")[2], name, lease)
    state.close()
