"""The routing table, and endpoints settled when the gateway routes by it."""

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from engine_rig import ENDPOINT, WORKSPACE, body

from ops.localcloud.blobstore import locate
from ops.localcloud.gatewayprocess import GatewayProcess
from ops.localcloud.records import Instance, Resource, normal_id
from ops.localcloud.router import Router
from ops.localcloud.routes import Secrets, request_timeout, table
from ops.localcloud.shutdown import shut_down
from ops.localcloud.state import State

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
BLUE = f"{ENDPOINT}/deployments/blue"


def resource(id_, sku=None, **properties):
    return Resource(
        id=normal_id(id_),
        type=id_.split("/")[-2].lower(),
        body={**body(id_, location="eastus", **properties), "sku": sku},
        generation=1,
        created=NOW,
        modified=NOW,
    )


ENDPOINTS = [resource(ENDPOINT, authMode="Key", traffic={"blue": 100})]
DEPLOYMENTS = [resource(BLUE, sku={"capacity": 3})]
READY = Instance(
    id="blue-1", deployment=normal_id(BLUE), fingerprint="f", state="Ready", port=31001
)
SECRETS = {normal_id(ENDPOINT): Secrets(credentials=("k",), token_secret="00")}
WORKSPACES = {normal_id(WORKSPACE): resource(WORKSPACE, workspaceId="guid")}


def routes(*instances, endpoints=ENDPOINTS, deployments=DEPLOYMENTS):
    return table(endpoints, deployments, instances, SECRETS, WORKSPACES)


def test_the_table_says_all_that_the_gateway_needs():
    assert routes(READY)["iris"] == {
        "auth_mode": "Key",
        "credentials": ["k"],
        "token_secret": "00",
        "traffic": {"blue": 100},
        "mirror": {},
        "log": {
            "_ResourceId": ENDPOINT,
            "_SubscriptionId": "s",
            "AzureMLWorkspaceId": "guid",
            "AzureMLWorkspaceName": "ws",
            "Location": "eastus",
        },
        "deployments": {
            "blue": {
                "max_concurrent": 1,
                "request_timeout_ms": 5000,
                "instance_count": 3,
                "instances": [{"id": "blue-1", "port": 31001}],
            }
        },
    }


@pytest.mark.parametrize(
    "state", ["Starting", "NotReady", "Waiting", "Draining", "Stopping", "Stopped"]
)
def test_only_the_ready_are_listed(state):
    listed = routes(replace(READY, state=state))["iris"]["deployments"]["blue"]

    assert listed["instances"] == []


def test_what_is_being_deleted_is_not_listed():
    leaving = [resource(BLUE, provisioningState="Deleting")]
    gone = [resource(ENDPOINT, provisioningState="Deleting")]

    assert routes(READY, deployments=leaving)["iris"]["deployments"] == {}
    assert routes(READY, endpoints=gone) == {}


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [("PT90S", 90), ("PT0S", 5), (None, 5), ("PT1H", 180)],
)
def test_request_timeouts_are_azures(wish, seconds):
    deployment = resource(BLUE, requestSettings={"requestTimeout": wish})

    assert request_timeout(deployment) == seconds


CONTAINERS = {"workspaceblobstore": "azureml-blobstore-1"}


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        (
            "azureml://subscriptions/s/resourcegroups/rg/workspaces/ws/datastores"
            "/workspaceblobstore/paths/LocalUpload/abc/model",
            ("azureml-blobstore-1", "LocalUpload/abc/model"),
        ),
        (
            f"azureml:{WORKSPACE}/datastores/workspaceblobstore/paths/a%20b/m.pkl",
            ("azureml-blobstore-1", "a b/m.pkl"),
        ),
        (
            "azureml://datastores/workspaceblobstore/paths/a/",
            ("azureml-blobstore-1", "a"),
        ),
        ("https://127.0.0.1:1/devstore.blob.azlocal/c-1/src", ("c-1", "src")),
        ("https://127.0.0.1:1/devstore/c-1/src/x?sas=1", ("c-1", "src/x")),
    ],
)
def test_the_uris_of_uploads_are_located(uri, place):
    assert locate(uri, CONTAINERS) == place


@pytest.mark.parametrize(
    "uri",
    [
        "azureml://datastores/other/paths/a",
        "azureml://datastores/workspaceblobstore/paths/../x",
        "azureml://datastores/workspaceblobstore/paths/a/%2e%2e/x",
        "https://127.0.0.1:1/devstore/c",
        "https://127.0.0.1:1/devstore/c/..%2Fx",
        "http://127.0.0.1:1/devstore/c/x",
        "file:///etc/passwd",
        "/etc/passwd",
        "None",
        "",
    ],
)
def test_other_uris_are_refused(uri):
    with pytest.raises(ValueError, match=r"neither|leaves its place|no datastore"):
        locate(uri, CONTAINERS)


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "state.db")
    state.put(body(WORKSPACE, location="eastus", workspaceId="guid"))
    yield state
    state.close()


@pytest.fixture
def gateway(tmp_path):
    gateway = GatewayProcess(tmp_path)
    gateway.ensure()
    yield gateway
    shut_down(tmp_path)
    gateway.close()


def put_endpoint(state, traffic):
    wish = body(ENDPOINT, traffic=traffic, provisioningState="Updating")
    return state.begin("oe", state.put(wish))


def provisioning_state(state):
    return state.resource(ENDPOINT).properties["provisioningState"]


def test_an_endpoint_is_not_settled_before_the_gateway_confirms(state, tmp_path):
    operation = put_endpoint(state, {"blue": 100})

    Router(state, tmp_path).step(NOW)

    assert (tmp_path / "gateway/routes.json").is_file()
    assert state.operation(operation.id).status == "InProgress"
    assert provisioning_state(state) == "Updating"


def test_an_endpoint_is_settled_once_the_gateway_confirms(state, tmp_path, gateway):
    operation = put_endpoint(state, {"blue": 100})

    Router(state, tmp_path).step(NOW)

    assert state.operation(operation.id).status == "Succeeded"
    assert provisioning_state(state) == "Succeeded"


def test_the_version_grows_only_with_the_content(state, tmp_path):
    put_endpoint(state, {"blue": 100})
    file = tmp_path / "gateway/routes.json"
    versions = []
    for traffic in ({"blue": 100}, {"blue": 100}, {"blue": 90, "green": 10}):
        put_endpoint(state, traffic)
        Router(state, tmp_path).step(NOW)  # a new one each time: it goes on counting
        versions.append(json.loads(file.read_text())["version"])

    assert versions == [1, 1, 2]


def test_the_table_is_for_its_owner_alone(state, tmp_path):
    Router(state, tmp_path).step(NOW)

    file = tmp_path / "gateway/routes.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_entra_callers_prove_themselves_with_the_control_planes_token(state, tmp_path):
    (tmp_path / "token").write_text("entra\n")
    state.put(body(ENDPOINT, authMode="AADToken"))
    state.set_secret(ENDPOINT, "primaryKey", "k")

    Router(state, tmp_path).step(NOW)

    routes = json.loads((tmp_path / "gateway/routes.json").read_text())
    assert routes["endpoints"]["iris"]["credentials"] == ["entra"]


def test_a_gateway_that_died_is_started_on_its_old_port(tmp_path, gateway):
    port = gateway.url
    shut_down(tmp_path)

    gateway.step(NOW)

    assert gateway.url == port


def test_a_running_gateway_is_adopted(tmp_path, gateway):
    other = GatewayProcess(tmp_path)

    assert other.ensure() == gateway.url
