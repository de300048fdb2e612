"""Deployments through the SDK: real ones, which really answer, and failing ones."""

import json

import pytest
import requests
from azure.ai.ml.entities import Environment, OnlineRequestSettings
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from sdk import conda_of, deployment_of


def score(ml, cloud, deployment=None, key=None):
    """What an application does; the SDK's invoke would pin the deployment for good."""
    endpoint = ml.online_endpoints.get("flow")
    key = key or ml.online_endpoints.get_keys("flow").primary_key
    headers = {"Authorization": f"Bearer {key}"}
    if deployment:
        headers["azureml-model-deployment"] = deployment
    return requests.post(
        endpoint.scoring_uri, json={"x": 1}, headers=headers, timeout=30
    )


def update(ml, **changes):
    endpoint = ml.online_endpoints.get("flow")
    for name, value in changes.items():
        setattr(endpoint, name, value)
    return ml.online_endpoints.begin_create_or_update(endpoint).result()


def test_a_deployment_answers_as_soon_as_it_has_succeeded(ml, cloud, deployed):
    answer = score(ml, cloud)

    assert answer.status_code == 200
    assert answer.json() == {"by": "blue", "got": {"x": 1}}
    assert answer.headers["azureml-model-deployment"] == "blue"


def test_a_code_s_hash_comes_back_as_texts(ml, cloud, deployed):
    code = ml.online_deployments.get("blue", "flow").code_configuration.code

    version = cloud.call("GET", f"{code}?api-version=2023-10-01").body

    facts = version["properties"]["properties"]
    assert facts["hash_version"].isdigit()
    assert all(isinstance(value, str) for value in facts.values())


def test_the_service_fills_in_what_was_not_sent(ml, deployed):
    found = ml.online_deployments.get("blue", "flow")

    assert found.provisioning_state == "Succeeded"
    assert found.request_settings.request_timeout_ms == 5000
    assert found.request_settings.max_concurrent_requests_per_instance == 1
    assert found.liveness_probe.timeout == 2
    assert found.scale_settings.type == "default"
    assert found.egress_public_network_access == "Enabled"
    assert {d.name for d in ml.online_deployments.list("flow")} >= {"blue", "green"}


def test_the_sdk_invokes_it(ml, deployed, tmp_path):
    request = tmp_path / "request.json"
    request.write_text('{"x": 2}')

    answer = ml.online_endpoints.invoke("flow", request_file=str(request))

    assert json.loads(json.loads(answer) if answer[0] == '"' else answer) == {
        "by": "blue",
        "got": {"x": 2},
    }


def test_logs_show_what_the_script_printed(ml, deployed):
    said = ml.online_deployments.get_logs("blue", "flow", lines=200)
    built = ml.online_deployments.get_logs(
        "blue", "flow", lines=200, container_type="storage-initializer"
    )

    assert "the model is at" in said
    assert "environment" in built
    assert len(ml.online_deployments.get_logs("blue", "flow", lines=2)) < len(said)


def test_weights_move_all_traffic_and_back(ml, cloud, deployed):
    update(ml, traffic={"blue": 0, "green": 100})
    moved = {score(ml, cloud).json()["by"] for _ in range(5)}

    update(ml, traffic={"blue": 100})
    back = {score(ml, cloud).json()["by"] for _ in range(5)}

    assert (moved, back) == ({"green"}, {"blue"})


def test_a_header_picks_the_deployment_past_the_weights(ml, cloud, deployed):
    assert score(ml, cloud, deployment="green").json()["by"] == "green"


def test_mirrored_requests_are_answered_by_the_live_deployment(ml, cloud, deployed):
    found = update(ml, mirror_traffic={"green": 50})
    answers = {score(ml, cloud).json()["by"] for _ in range(5)}
    update(ml, mirror_traffic={})

    assert found.mirror_traffic == {"green": 50}
    assert answers == {"blue"}


def test_an_old_key_is_refused_once_it_is_regenerated(ml, cloud, deployed):
    old = ml.online_endpoints.get_keys("flow").primary_key

    ml.online_endpoints.begin_regenerate_keys("flow", key_type="primary").result()

    assert score(ml, cloud, key=old).status_code == 401
    assert score(ml, cloud).status_code == 200


def test_a_deployment_scales_up_and_down(ml, cloud, deployed):
    green = ml.online_deployments.get("green", "flow")
    for count in (2, 1):
        green.instance_count = count
        ml.online_deployments.begin_create_or_update(green).result()

        found = ml.online_deployments.get("green", "flow")
        assert found.instance_count == count
        assert score(ml, cloud, deployment="green").status_code == 200


def test_a_patch_of_the_sku_scales_and_touches_nothing_else(ml, cloud, deployed):
    path = "onlineEndpoints/flow/deployments/green"
    before = cloud.call("GET", path).body["properties"]
    for count in (2, 1):
        body = {"sku": {"name": "Default", "capacity": count}}
        reply = cloud.call("PATCH", path, body)

        assert reply.status == 202
        assert reply.body["properties"]["provisioningState"] == "Scaling"
        assert cloud.settled(reply)["status"] == "Succeeded"

    assert cloud.call("GET", path).body["properties"] == before


def test_a_deployment_with_traffic_is_not_deleted(ml, cloud, deployed):
    with pytest.raises(HttpResponseError, match="non-zero traffic weight") as raised:
        ml.online_deployments.begin_delete("blue", "flow").result()

    assert raised.value.status_code == 400
    assert score(ml, cloud).status_code == 200


def test_a_deleted_deployment_is_gone(ml, deployed, model, environment, code):
    ml.online_deployments.begin_create_or_update(
        deployment_of("red", "flow", model, environment, code)
    ).result()

    ml.online_deployments.begin_delete("red", "flow").result()

    with pytest.raises(ResourceNotFoundError):
        ml.online_deployments.get("red", "flow")


def test_a_script_that_fails_fails_the_deployment(
    ml, deployed, model, environment, tmp_path
):
    script = "def init():\n    raise ValueError('no luck')\n\ndef run(data): ...\n"
    (tmp_path / "score.py").write_text(script)
    deployment = deployment_of("broken", "flow", model, environment, tmp_path)

    with pytest.raises(HttpResponseError) as raised:
        ml.online_deployments.begin_create_or_update(deployment).result()

    assert raised.value.error.code == "ResourceNotReady"
    found = ml.online_deployments.get("broken", "flow")
    assert found.provisioning_state == "Failed"
    assert "no luck" in ml.online_deployments.get_logs("broken", "flow", lines=200)
    ml.online_deployments.begin_delete("broken", "flow").result()


def test_a_package_that_does_not_exist_fails_the_build(ml, deployed, model, code):
    wrong = ml.environments.create_or_update(
        Environment(
            name="wrong",
            version="1",
            image="image",
            conda_file=conda_of("azureml-inference-server-http", "numpy==0.0.0.1"),
        )
    )
    deployment = deployment_of("unbuilt", "flow", model, wrong, code)

    with pytest.raises(HttpResponseError) as raised:
        ml.online_deployments.begin_create_or_update(deployment).result()

    assert raised.value.error.code == "ImageBuildFailure"
    assert "numpy" in raised.value.error.message
    built = ml.online_deployments.get_logs(
        "unbuilt", "flow", lines=200, container_type="storage-initializer"
    )
    assert "numpy==0.0.0.1" in built
    ml.online_deployments.begin_delete("unbuilt", "flow").result()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"instance_count": 51}, "1 to 50 instances"),
        ({"instance_count": 0}, "1 to 50 instances"),
        (
            {"request_settings": OnlineRequestSettings(request_timeout_ms=180_001)},
            "requestTimeout must be",
        ),
    ],
    ids=["51 instances", "no instance", "over 3 minutes"],
)
def test_what_azure_refuses_is_refused(
    ml, deployed, model, environment, code, options, problem
):
    wrong = deployment_of("wrong", "flow", model, environment, code, **options)

    with pytest.raises(HttpResponseError, match=problem) as raised:
        ml.online_deployments.begin_create_or_update(wrong).result()

    assert raised.value.error.code == "BadRequest"
    with pytest.raises(ResourceNotFoundError):
        ml.online_deployments.get("wrong", "flow")
