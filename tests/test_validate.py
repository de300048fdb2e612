"""Each mistake in tests/specs/ is found, and named so that it can be mended.

A file there replaces one of specs/iris/; its first comments say which, and what the
finding must say.
"""

import re
import shutil
from pathlib import Path

import pytest

from model import train
from ops import specs, validate
from ops.errors import InvalidSpec

ROOT = Path(__file__).parents[1]
MISTAKES = sorted((ROOT / "tests/specs").glob("*.yaml"))


@pytest.fixture(scope="session", autouse=True)
def _trained():
    if train.stale(train.OUT):
        train.train(train.OUT)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the example's files that a test may spoil."""
    for name in ("specs", "scoring", "model"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.setenv("AML_OPS_SPECS", str(tmp_path / "specs"))
    return tmp_path / "specs/iris"


def all_problems():
    try:
        spec = specs.load("iris")
    except InvalidSpec as error:
        return error.problem
    found = validate.check(spec)
    found += validate.check_schema(spec, found)
    return "\n".join(str(problem) for problem in found if problem.fatal)


def test_the_example_has_no_problems(folder):
    assert all_problems() == ""


@pytest.mark.parametrize(
    "name", ["rollout-night.yaml", "autoscale-sale.yml", "conda-green.yaml"]
)
def test_files_of_ours_are_told_by_how_their_names_begin(folder, name):
    (folder / name).write_text("steps: [50, 100]\n")

    assert all_problems() == ""


def test_a_file_of_no_kind_is_told_how_kinds_are_told_apart(folder):
    (folder / "night.yaml").write_text("steps: [50, 100]\n")

    assert "night.yaml: $schema: missing" in all_problems()
    assert "such as rollout-night.yaml" in all_problems()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_is_named(folder, mistake):
    text = mistake.read_text()
    replaced, says = re.findall(r"^# (?:replaces|says): (.*)$", text, re.MULTILINE)

    shutil.copy(mistake, folder / replaced)

    assert says in all_problems()


def test_all_problems_are_reported_together(folder):
    for mistake in ("51-instances", "traffic-of-110-percent", "no-python"):
        text = (ROOT / f"tests/specs/{mistake}.yaml").read_text()
        (folder / re.findall(r"replaces: (.*)", text)[0]).write_text(text)

    found = all_problems()

    assert "51 must be" in found
    assert "blue 90 + green 20" in found
    assert "names no python" in found
    assert found.count("endpoint.yaml: traffic: ") == 1, "the SDK's words say it again"


def test_a_file_that_cannot_be_read_is_one_item_of_the_list(folder):
    (folder / "blue.yaml").write_text("- a\n")

    assert re.search(r"^  - \S*blue.yaml: holds list", all_problems(), re.MULTILINE)


def test_a_conda_file_that_is_not_utf8_is_named(folder):
    (folder / "conda.yaml").write_bytes(b"name: \xe9\n")

    assert "conda.yaml: can't be read as YAML" in all_problems()


def test_a_file_that_lacks_is_named_once(folder):
    (folder / "conda.yaml").unlink()

    first = all_problems().splitlines()[0]

    assert first.count("environment.yaml") == 1


@pytest.mark.parametrize("content", ["[", "[1]", '{"scoring": 1}'])
def test_broken_versions_beside_a_model_are_named(folder, content):
    path = folder.parents[1] / "model/iris/1/versions.json"
    path.write_text(content)

    with pytest.raises(InvalidSpec, match=r"versions.json: does not hold"):
        validate.check(specs.load("iris"))


def test_what_an_unknown_endpoint_could_be_is_told(folder):
    with pytest.raises(Exception, match=r"no endpoint 'irsi' .* \(there are: iris\)"):
        specs.load("irsi")
