"""Which step of a deploy is taken and why: pure functions of files and live state."""

import pytest

from ops import assets, deployments, settings
from ops.endpoints import to_deployment, to_endpoint
from ops.errors import Conflict, NotFound, Refused
from ops.specs import SpecFile


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.onnx").write_text("weights")
    (tmp_path / "code").mkdir()
    (tmp_path / "code/score.py").write_text("def init(): ...")
    return tmp_path


def model_file(folder):
    data = {"name": "iris", "version": 1, "path": "model"}
    return SpecFile(path=folder / "model.yaml", kind="model", data=data)


def deployment_file(folder, **fields):
    data = {
        "name": "blue",
        "instance_count": 2,
        "code_configuration": {"code": "code", "scoring_script": "score.py"},
        **fields,
    }
    return SpecFile(path=folder / "blue.yaml", kind="deployment", data=data)


def live_deployment(file, *, state="Succeeded", instances=2, **tags):
    return to_deployment(
        {
            "name": "blue",
            "sku": {"capacity": instances},
            "tags": {
                deployments.SPEC_TAG: deployments.deployment_fingerprint(file),
                deployments.CODE_TAG: deployments.code_content(file),
                deployments.COUNT_TAG: str(deployments.spec_count(file)),
                **tags,
            },
            "properties": {"provisioningState": state},
        }
    )


def test_a_model_that_is_not_registered_is_created(folder):
    assert assets.model_step(model_file(folder), None).action == "create"


def test_a_model_with_the_same_contents_is_skipped(folder):
    file = model_file(folder)
    tags = {assets.CONTENT_TAG: assets.model_content(file)}

    step = assets.model_step(file, {"properties": {"tags": tags}})

    assert (step.action, step.reason) == ("skip", "unchanged")


def test_a_registered_model_is_not_served_with_other_contents(folder):
    file = model_file(folder)
    tags = {assets.CONTENT_TAG: assets.model_content(file)}
    (folder / "model/model.onnx").write_text("other weights")

    with pytest.raises(Refused, match="versions are immutable"):
        assets.model_step(file, {"properties": {"tags": tags}})


def test_a_model_of_another_tool_is_left_alone_and_said_so(folder):
    step = assets.model_step(model_file(folder), {"properties": {"tags": None}})

    assert (step.action, "another tool" in step.reason) == ("skip", True)


@pytest.mark.parametrize("trained", [True, False])
def test_a_missing_model_names_the_verb_that_makes_it(folder, monkeypatch, trained):
    (folder / "model/model.onnx").unlink()
    (folder / "model").rmdir()
    if trained:
        monkeypatch.setattr(settings, "TRAINED", folder / "model")

    with pytest.raises(NotFound) as missing:
        assets.model_content(model_file(folder))

    assert missing.value.remedies == (("invoke train",) if trained else ())


def test_an_environment_is_compared_by_what_it_says(folder):
    (folder / "conda.yaml").write_text("dependencies: [python=3.11]\nname: a\n")
    data = {"name": "e", "version": 1, "image": "i", "conda_file": "conda.yaml"}
    file = SpecFile(path=folder / "e.yaml", kind="environment", data=data)
    same = "name: a\ndependencies:\n- python=3.11\n"

    live = {"properties": {"condaFile": same, "image": "i"}}
    assert assets.environment_step(file, live).action == "skip"

    live["properties"]["image"] = "another"
    with pytest.raises(Refused, match="set `version: 2`"):
        assets.environment_step(file, live)


def test_live_weights_are_no_part_of_the_endpoints_fingerprint(folder):
    plain = SpecFile(path=folder / "e.yaml", kind="endpoint", data={"name": "iris"})
    weighted = SpecFile(
        path=folder / "e.yaml",
        kind="endpoint",
        data={"name": "iris", "traffic": {"blue": 100}},
    )
    tags = {deployments.SPEC_TAG: deployments.endpoint_fingerprint(plain)}
    live = to_endpoint({"name": "iris", "properties": {}, "tags": tags}, {})

    assert deployments.endpoint_step(weighted, live).action == "skip"
    assert deployments.endpoint_step(plain, None).action == "create"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"environment_variables": {"A": "1"}}, "changed"),
        ({"instance_count": 3}, "instance_count changed"),
    ],
)
def test_what_changed_in_the_file_is_the_reason(folder, change, reason):
    live = live_deployment(deployment_file(folder))

    step = deployments.deployment_step(deployment_file(folder, **change), live)

    assert step.action == "update"
    assert reason in step.reason


def test_changed_code_is_the_reason(folder):
    live = live_deployment(deployment_file(folder))
    (folder / "code/score.py").write_text("def init(): print()")

    step = deployments.deployment_step(deployment_file(folder), live)

    assert (step.action, step.reason) == ("update", "the scoring code changed")


def test_python_s_own_leftovers_are_no_change(folder):
    live = live_deployment(deployment_file(folder))
    (folder / "code/__pycache__").mkdir()
    (folder / "code/__pycache__/score.pyc").write_text("bytes")

    assert deployments.deployment_step(deployment_file(folder), live).action == "skip"


def test_a_failed_deployment_is_tried_again(folder):
    file = deployment_file(folder)

    step = deployments.deployment_step(file, live_deployment(file, state="Failed"))

    assert (step.action, step.reason) == ("update", "the last attempt failed")


def test_a_deployment_that_is_being_changed_is_left_alone(folder):
    file = deployment_file(folder)

    with pytest.raises(Conflict, match="blue is Updating"):
        deployments.deployment_step(file, live_deployment(file, state="Updating"))


def test_a_count_set_by_scale_survives_a_deploy(folder):
    file = deployment_file(folder)
    scaled = live_deployment(file, instances=5)

    assert deployments.count_to_write(file, scaled) == 5
    assert (
        deployments.count_to_write(deployment_file(folder, instance_count=3), scaled)
        == 3
    )
    assert deployments.count_to_write(file, None) == 2
