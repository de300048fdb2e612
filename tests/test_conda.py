"""What a conda file asks for."""

import pytest

from ops import conda


def read(*dependencies, pip=("azureml-inference-server-http==1.5.1",)):
    return conda.read({"dependencies": [*dependencies, {"pip": list(pip)}]})


@pytest.mark.parametrize(
    ("entry", "python"),
    [
        ("python=3.11", "3.11"),
        ("python==3.11.7", "3.11.7"),
        ("python>=3.11,<3.14", ">=3.11,<3.14"),
        ("conda-forge::python=3.12", "3.12"),
    ],
)
def test_the_python_version_is_read(entry, python):
    assert read(entry, "pip").python == python


def test_pins_are_kept_under_normal_names():
    found = read("python=3.11", pip=["AzureML_Inference.server-http==1.5.1", "numpy"])

    assert found.pins == {"azureml-inference-server-http": "1.5.1", "numpy": ""}
    assert found.problems == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "no list of dependencies"),
        ({"dependencies": "x"}, "no list of dependencies"),
        ({"dependencies": ["pip"]}, "names no python version"),
        ({"dependencies": ["python=3.11"]}, "lacks azureml-inference-server-http"),
        ({"dependencies": ["python=3.11", 7]}, "7 is neither a package"),
        ({"dependencies": [{"pip": ["-r x.txt"]}]}, "is not a package requirement"),
        ({"dependencies": [{"pip": ["a @ file:///a"]}]}, "names an address"),
    ],
)
def test_what_is_wrong_is_told(data, says):
    assert any(says in problem for problem in conda.read(data).problems)


def test_versions_of_the_model_are_compared():
    found = read("python=3.11", pip=["onnxruntime==1.20.0", "numpy"])

    wrong = list(
        conda.mismatches(found, {"onnxruntime": "1.32.0", "numpy": "2.0", "torch": "2"})
    )

    assert wrong == [
        "the model was made with onnxruntime 1.32.0, but 1.20.0 is installed",
        "the model needs torch 2, which is not installed",
    ]
