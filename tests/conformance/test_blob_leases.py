"""Leases of blobs, by Azure's own blob client."""

import uuid

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobLeaseClient, ContainerClient


@pytest.fixture(scope="module")
def container(cloud, ml):
    store = "datastores/workspaceblobstore"
    signature = cloud.call("POST", f"{store}/listSecrets", {}).body["sasToken"]
    name = cloud.call("GET", store).body["properties"]["containerName"]
    url = f"{cloud.url}/devstore.blob.azlocal/{name}?{signature}"
    return ContainerClient.from_container_url(url, retry_total=0)


@pytest.fixture
def blob(container):
    blob = container.get_blob_client(f"{uuid.uuid4()}.lock")
    blob.upload_blob(b"free")
    return blob


def refusal(call, *arguments, **options):
    with pytest.raises(HttpResponseError) as raised:
        call(*arguments, **options)
    return raised.value.status_code, raised.value.error_code


def state(blob):
    lease = blob.get_blob_properties().lease
    return lease.status, lease.state, lease.duration


def test_only_one_gets_the_lease(blob):
    mine = blob.acquire_lease(15, lease_id=str(uuid.uuid4()))

    assert state(blob) == ("locked", "leased", "fixed")
    assert refusal(blob.acquire_lease, 15) == (409, "LeaseAlreadyPresent")
    assert blob.acquire_lease(60, lease_id=mine.id).id == mine.id

    mine.release()
    assert state(blob) == ("unlocked", "available", None)
    assert blob.acquire_lease(-1).id != mine.id
    assert state(blob) == ("locked", "leased", "infinite")


def test_who_does_not_hold_the_lease_writes_nothing(blob):
    lease, other = blob.acquire_lease(30), str(uuid.uuid4())
    mismatch = (412, "LeaseIdMismatchWithBlobOperation")
    writes = [
        (blob.upload_blob, [b"stolen"], {"overwrite": True}),
        (blob.set_blob_metadata, [{"holder": "thief"}], {}),
        (blob.stage_block, ["MDE=", b"stolen"], {}),
        (blob.delete_blob, [], {}),
    ]

    for call, arguments, options in writes:
        assert refusal(call, *arguments, **options) == (412, "LeaseIdMissing")
        assert refusal(call, *arguments, **options, lease=other) == mismatch
    blob.set_blob_metadata({"holder": "me"}, lease=lease)
    blob.upload_blob(b"mine", overwrite=True, lease=lease)

    assert blob.download_blob().readall() == b"mine"
    assert refusal(blob.get_blob_properties, lease=other) == mismatch
    blob.delete_blob(lease=lease)
    assert not blob.exists()


def test_a_lease_that_is_not_there_serves_nobody(blob):
    blob.acquire_lease(15, lease_id=(id_ := str(uuid.uuid4()))).release()
    lease = BlobLeaseClient(blob, id_)
    none = (409, "LeaseNotPresentWithLeaseOperation")

    for call in (lease.renew, lease.release, lease.break_lease):
        assert refusal(call) == none
    assert refusal(lease.change, str(uuid.uuid4())) == none
    assert refusal(blob.set_blob_metadata, {}, lease=lease) == (
        *(412, "LeaseNotPresentWithBlobOperation"),
    )


def test_a_lease_changes_its_id(blob):
    lease, new = blob.acquire_lease(15), str(uuid.uuid4())
    before = lease.id
    lease.change(new)

    lease.renew()
    lease.id = before
    for call in (lease.renew, lease.release):
        assert refusal(call) == (409, "LeaseIdMismatchWithLeaseOperation")


def test_a_broken_lease_holds_for_its_break_period(blob):
    lease = blob.acquire_lease(60)

    assert 0 < lease.break_lease(5) <= 5
    assert state(blob) == ("locked", "breaking", None)
    assert refusal(lease.renew) == (409, "LeaseIsBrokenAndCannotBeRenewed")
    assert refusal(lease.change, str(uuid.uuid4())) == (
        *(409, "LeaseIsBreakingAndCannotBeChanged"),
    )
    assert refusal(blob.acquire_lease, 15) == (409, "LeaseAlreadyPresent")
    assert refusal(blob.acquire_lease, 15, lease_id=lease.id) == (
        *(409, "LeaseIsBreakingAndCannotBeAcquired"),
    )
    assert lease.break_lease(0) == 0
    assert state(blob) == ("unlocked", "broken", None)
    blob.acquire_lease(15)


def test_an_infinite_lease_breaks_at_once(blob):
    lease = blob.acquire_lease(-1)

    assert lease.break_lease() == 0
    assert refusal(blob.set_blob_metadata, {}, lease=lease) == (412, "LeaseLost")
    blob.set_blob_metadata({})
    assert state(blob) == ("unlocked", "available", None)


@pytest.mark.parametrize("seconds", [14, 61, 0])
def test_a_lease_lasts_15_to_60_seconds(blob, seconds):
    assert refusal(blob.acquire_lease, seconds) == (400, "InvalidHeaderValue")


def test_a_listing_tells_of_leases(container, blob):
    blob.acquire_lease(15)

    (found,) = container.list_blobs(name_starts_with=blob.blob_name)

    assert (found.lease.status, found.lease.state) == ("locked", "leased")


def test_what_does_not_exist_is_not_leased(container):
    blob = container.get_blob_client("nothing")

    assert refusal(blob.acquire_lease, 15) == (404, "BlobNotFound")
