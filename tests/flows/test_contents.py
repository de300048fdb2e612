"""What a deployment is made of changes without its file: the new contents serve."""

import shutil

import pytest

from tests.flows.desk import make_desk, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with running(make_desk(tmp_path_factory.mktemp("contents"))) as desk:
        yield desk


def served(desk):
    sample = desk.folder / "model/iris/2/sample_request.json"
    return desk("score", "--file", str(sample))


def test_an_inline_model_whose_files_change_is_deployed_and_serves(desk):
    shutil.copytree(desk.folder / "model/iris/1", desk.folder / "m")
    desk.edit("specs/iris/blue.yaml", "model: azureml:iris:1", "model: {path: ../../m}")
    desk("deploy")
    assert '"model_version": "1"' in served(desk)
    said = desk("deploy")
    assert "updated" not in said

    shutil.rmtree(desk.folder / "m")
    shutil.copytree(desk.folder / "model/iris/2", desk.folder / "m")

    assert "model ../../m: contents changed" in desk("deploy", "--dry-run")
    assert '"model_version": "1"' in served(desk)
    assert "model ../../m: contents changed" in desk("deploy")
    assert '"model_version": "2"' in served(desk)


def test_what_an_ignore_file_keeps_back_is_no_change(desk):
    (desk.folder / "m/.amlignore").write_text("*.log\n")
    desk("deploy")

    (desk.folder / "m/train.log").write_text("epoch 1")

    assert "contents changed" not in desk("deploy", "--dry-run")


def test_an_inline_environment_whose_conda_file_changes_is_deployed(desk):
    desk.edit(
        "specs/iris/blue.yaml",
        "environment: azureml:iris-scoring:1",
        "environment:\n"
        "  image: mcr.microsoft.com/azureml/minimal-py312-inference:latest\n"
        "  conda_file: conda.yaml",
    )
    desk("deploy")
    desk.edit("specs/iris/conda.yaml", "dependencies:", "# pinned\ndependencies:")

    assert "environment conda.yaml: contents changed" in desk("deploy", "--dry-run")


def test_a_label_means_what_is_newest_at_each_deploy(desk):
    desk("deploy", "--deployment", "green")  # registers iris:2
    desk.edit(
        "specs/iris/blue.yaml", "model: {path: ../../m}", "model: azureml:iris@latest"
    )
    desk("deploy")
    assert desk.json("status")["deployments"]["blue"]["model"] == "iris:2"
    assert "updated" not in desk("deploy")

    desk.edit("specs/iris/green.yaml", "azureml:iris:2", "azureml:iris:3")
    for file in desk.iris.glob("model*.yaml"):
        file.write_text(file.read_text().replace("version: 2", "version: 3"))
    desk("deploy", "--deployment", "green")

    assert "model azureml:iris@latest: 2 -> 3" in desk("deploy", "--dry-run")
    desk("deploy")
    assert desk.json("status")["deployments"]["blue"]["model"] == "iris:3"


def test_a_label_of_nothing_is_refused_before_anything_is_written(desk):
    desk.edit("specs/iris/blue.yaml", "azureml:iris@latest", "azureml:nosuch@latest")

    said = desk("deploy", status=1)

    assert "model: azureml:nosuch@latest: no version of nosuch is registered" in said
