"""One localcloud for all conformance tests, and what most of them build on."""

import os

import pytest
from cloud_rig import Cloud
from sdk import SCORE, SERVER, StaticCredential, conda_of, connect, deployment_of


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    cloud = Cloud(tmp_path_factory.mktemp("conformance") / "state")
    try:
        yield cloud.up()
    finally:
        cloud.down()


@pytest.fixture(scope="session")
def ml(cloud):
    before = dict(os.environ)
    os.environ["REQUESTS_CA_BUNDLE"] = str(cloud.directory / "ca.pem")
    try:
        yield connect(cloud)
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def monitor(cloud):
    """azure-mgmt-monitor's own client."""
    from azure.mgmt.monitor import MonitorManagementClient

    with MonitorManagementClient(
        StaticCredential(cloud.token),
        cloud.facts["subscription_id"],
        base_url=cloud.url,
        credential_scopes=[f"{cloud.url}/.default"],
        retry_total=0,
        connection_verify=str(cloud.directory / "ca.pem"),
    ) as client:
        yield client


@pytest.fixture(scope="session")
def code(tmp_path_factory):
    folder = tmp_path_factory.mktemp("code")
    (folder / "score.py").write_text(SCORE)
    return folder


@pytest.fixture(scope="session")
def model(ml, tmp_path_factory):
    from azure.ai.ml.entities import Model

    file = tmp_path_factory.mktemp("model") / "weights.json"
    file.write_text('{"weights": [1, 2, 3]}')
    return ml.models.create_or_update(Model(name="tiny", version="1", path=file))


@pytest.fixture(scope="session")
def environment(ml):
    from azure.ai.ml.entities import Environment

    return ml.environments.create_or_update(
        Environment(
            name="server",
            version="1",
            image="mcr.microsoft.com/azureml/minimal-ubuntu22.04-py311-cpu-inference",
            conda_file=conda_of(SERVER),
        )
    )


@pytest.fixture(scope="session")
def endpoint(ml):
    """An endpoint with key authentication, and nothing behind it yet."""
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    endpoint = ManagedOnlineEndpoint(name="flow", auth_mode="key", tags={"team": "ml"})
    return ml.online_endpoints.begin_create_or_update(endpoint).result()


@pytest.fixture(scope="session")
def deployed(ml, endpoint, model, environment, code):
    """The endpoint with blue, which has all traffic, and green, which has none."""
    pollers = [
        ml.online_deployments.begin_create_or_update(
            deployment_of(name, endpoint.name, model, environment, code)
        )
        for name in ("blue", "green")
    ]
    for poller in pollers:
        poller.result()
    endpoint.traffic = {"blue": 100}
    return ml.online_endpoints.begin_create_or_update(endpoint).result()


@pytest.fixture(scope="module")
def group(cloud):
    return cloud.facts["resource_group"]


@pytest.fixture(scope="module")
def blue(cloud):
    """A deployment that need not serve: it is there, which is all that is asked."""
    endpoint = "onlineEndpoints/kept"
    body = {"location": "local", "properties": {"authMode": "Key"}}
    assert cloud.call("PUT", endpoint, body).status == 201
    body = {"properties": {"endpointComputeType": "Managed"}}
    assert cloud.call("PUT", f"{endpoint}/deployments/blue", body).status == 201
    yield f"{cloud.workspace}/{endpoint}/deployments/blue"
    cloud.settled(cloud.call("DELETE", endpoint))
