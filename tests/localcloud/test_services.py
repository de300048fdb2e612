"""Handlers over a given state, without a server or an engine behind them."""

import pytest

from ops.localcloud.blobstore import BlobStore
from ops.localcloud.faults import Faults
from ops.localcloud.logstore import LogStore
from ops.localcloud.services import assets, deployments, endpoints, keys
from ops.localcloud.services.machinelearning import furnish
from ops.localcloud.state import State
from ops.localcloud.wire import AzureError, Call, Cloud

ENDPOINT = {"location": "local", "properties": {"authMode": "Key"}}
DEPLOYMENT = {"properties": {"endpointComputeType": "Managed"}}


@pytest.fixture
def cloud(tmp_path):
    state = State(tmp_path / "state.db")
    rung = []
    cloud = Cloud(
        state=state,
        blobs=BlobStore(tmp_path / "blobs", state),
        subscription_id="s",
        resource_group="g",
        workspace_name="w",
        workspace_id="guid",
        location="local",
        url="https://127.0.0.1:1",
        sas_key="key",
        ring=lambda: rung.append(1),
        gateway_url=lambda: "http://127.0.0.1:2",
        logs=lambda *arguments: str(arguments),
        store=LogStore(tmp_path / "logs.duckdb", "tenant"),
        faults=Faults(state),
    )
    furnish(cloud)
    yield cloud
    state.close()


def ask(cloud, handler, path, body=None, **names):
    id_ = f"{cloud.workspace}/{path}"
    parts = path.split("/")
    found = dict(zip(("endpoint", "deployment"), parts[1::2], strict=False)) | names
    call = Call(cloud=cloud, method="", id=id_, names=found, query={}, body=body or {})
    return handler(call)


@pytest.fixture
def blue(cloud):
    """An endpoint and a deployment, of which the engines have heard nothing yet."""
    ask(cloud, endpoints.put, "onlineEndpoints/iris", ENDPOINT)
    path = "onlineEndpoints/iris/deployments/blue"
    ask(cloud, deployments.put, path, DEPLOYMENT)
    return path


def refused(cloud, handler, path, body):
    with pytest.raises(AzureError) as raised:
        ask(cloud, handler, path, body)
    return raised.value


def test_nothing_succeeds_before_an_engine_says_so(cloud, blue):
    found = ask(cloud, deployments.get, blue).body

    assert found["properties"]["provisioningState"] == "Creating"
    assert cloud.state.open_operation(found["id"]).status == "InProgress"


@pytest.mark.parametrize("handler", [deployments.put, deployments.patch])
def test_a_deployment_that_is_being_deleted_takes_no_change(cloud, blue, handler):
    ask(cloud, deployments.delete, blue)
    body = {"sku": {"capacity": 2}} | (DEPLOYMENT if handler is deployments.put else {})

    assert refused(cloud, handler, blue, body).status == 409


def test_an_endpoint_that_is_being_deleted_takes_no_change(cloud, blue):
    iris = "onlineEndpoints/iris"
    ask(cloud, endpoints.delete, iris)

    assert refused(cloud, endpoints.put, iris, ENDPOINT).status == 409
    assert refused(cloud, endpoints.patch, iris, {"tags": {}}).status == 409
    assert refused(cloud, keys.regenerate_keys, iris, {}).status == 409
    assert refused(cloud, deployments.put, blue, DEPLOYMENT).status == 409


def test_a_delete_that_is_under_way_is_not_begun_again(cloud, blue):
    first = ask(cloud, deployments.delete, blue)
    second = ask(cloud, deployments.delete, blue)

    operations = [answer.headers["Azure-AsyncOperation"] for answer in (first, second)]
    assert operations[0] == operations[1]


def test_a_deployment_that_is_being_deleted_gets_no_traffic(cloud, blue):
    ask(cloud, deployments.delete, blue)
    body = {"location": "local", "properties": {"authMode": "Key"}}
    body["properties"]["traffic"] = {"blue": 100}

    error = refused(cloud, endpoints.put, "onlineEndpoints/iris", body)

    assert "does not exist" in error.message


@pytest.mark.parametrize("rule", ["traffic", "mirrorTraffic"])
def test_what_has_traffic_of_any_kind_is_not_deleted(cloud, blue, rule):
    body = {"location": "local", "properties": {"authMode": "Key"}}
    body["properties"][rule] = {"blue": 100 if rule == "traffic" else 10}
    ask(cloud, endpoints.put, "onlineEndpoints/iris", body)

    error = refused(cloud, deployments.delete, blue, None)

    assert (
        error.message == "Can't delete deployment [blue] with non-zero traffic weight"
    )


def test_the_101st_endpoint_is_refused(cloud):
    for number in range(100):
        ask(cloud, endpoints.put, f"onlineEndpoints/number{number}", ENDPOINT)

    error = refused(cloud, endpoints.put, "onlineEndpoints/number100", ENDPOINT)

    assert error.code == "OutOfQuota"


def test_a_name_stays_spelled_as_it_was_created(cloud, blue):
    ask(cloud, deployments.put, blue.replace("blue", "BLUE"), DEPLOYMENT)

    found = ask(cloud, deployments.list_all, "onlineEndpoints/iris/deployments")

    assert [each["name"] for each in found.body["value"]] == ["blue"]


def test_only_a_changed_capacity_is_scaling(cloud, blue):
    for body, state in (
        ({"sku": {"capacity": 3}}, "Scaling"),
        ({"sku": {"capacity": 3}}, "Updating"),
        ({"tags": {"a": "b"}}, "Updating"),
    ):
        answer = ask(cloud, deployments.patch, blue, body)

        assert answer.status == 202
        assert answer.body["properties"]["provisioningState"] == state


def test_logs_are_asked_for_by_container_and_tail(cloud, blue):
    body = {"containerType": "StorageInitializer", "tail": 7}
    content = ask(cloud, deployments.get_logs, f"{blue}/getLogs", body).body["content"]

    assert "StorageInitializer" in content
    assert content.endswith("7)")
    assert refused(cloud, deployments.get_logs, blue, {"tail": -1}).status == 400


def test_a_code_is_found_by_its_hash_under_any_name(cloud):
    facts = {"hash_sha256": "abc", "hash_version": "202208"}
    file = cloud.blobs.new_file()
    file.write_text("")
    commit = {"content_type": "text/plain", "metadata": {}}
    row = cloud.blobs.commit("box", "code/score.py", file, **commit)
    body = {"properties": {"codeUri": "https://x/y/box/code", "properties": facts}}
    ask(
        cloud, assets.put_version, "codes/one/versions/1", body, name="one", version="1"
    )

    def found(hash_):
        call = Call(
            cloud=cloud,
            method="GET",
            id=f"{cloud.workspace}/codes/other/versions",
            names={"name": "other"},
            query={"hash": hash_, "hashVersion": "202208"},
        )
        return [each["id"] for each in assets.list_versions(call).body["value"]]

    assert found("abc") == [f"{cloud.workspace}/codes/one/versions/1"]
    assert found("abd") == []

    cloud.blobs.path(row).unlink()
    BlobStore(cloud.blobs.path(row).parent, cloud.state)  # as the next start finds it
    assert found("abc") == []  # so that it is uploaded again
