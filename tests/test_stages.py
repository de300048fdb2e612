"""Stages: which cloud a verb acts on, and what a stage sets in deployment files."""

import pytest

from ops import settings, specs
from ops.errors import InvalidSpec, NotFound
from ops.settings import Stage


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_SPECS", str(tmp_path))
    (tmp_path / "stages").mkdir()
    return tmp_path / "stages"


def test_the_shipped_local_stage_needs_nothing():
    assert settings.load_stage("local").local


@pytest.mark.parametrize("name", ["dev", "test", "prod"])
def test_a_shipped_stage_on_azure_asks_to_be_filled_in(name):
    with pytest.raises(InvalidSpec, match="workspace_name: must be filled in"):
        settings.load_stage(name)


def test_a_filled_in_stage_is_taken(folder):
    (folder / "prod.yaml").write_text(
        "cloud: azure\nsubscription_id: s\nresource_group: g\nworkspace_name: w\n"
        "protected: true\n"
    )

    stage = settings.load_stage("prod")

    assert (stage.subscription_id, stage.protected, stage.local) == ("s", True, False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cloud: aws", "'aws' is neither localcloud nor azure"),
        ("cloud: localcloud\nregion: x", "region: unknown key (allowed: cloud,"),
        ("cloud: localcloud\nport: many", "port: 'many' is not a int"),
        ("cloud: localcloud\nprotected: 1", "protected: 1 is not a bool"),
        ("cloud: [", "can't be read as YAML"),
        ("- cloud", "holds list, not keys and values"),
        ("", "holds nothing"),
    ],
)
def test_a_wrong_stage_file_is_told_by_field(folder, text, says):
    (folder / "x.yaml").write_text(text)

    with pytest.raises(InvalidSpec) as refusal:
        settings.load_stage("x")

    assert says in str(refusal.value)


def test_an_unknown_stage_is_told_with_those_there_are(folder):
    (folder / "local.yaml").write_text("cloud: localcloud")

    with pytest.raises(NotFound, match=r"no stage 'prd' .* \(there are: local\)"):
        settings.load_stage("prd")


def test_a_stage_overrides_fields_of_deployments():
    overrides = {
        "*": {"instance_count": 3, "request_settings": {"request_timeout_ms": 9}},
        "blue": {"instance_count": 5},
    }
    stage = Stage(name="p", cloud="azure", path=None, overrides=overrides)

    spec = specs.override(specs.load("iris"), stage)

    blue, green = spec.deployments["blue"].data, spec.deployments["green"].data
    assert (blue["instance_count"], green["instance_count"]) == (5, 3)
    assert blue["request_settings"]["request_timeout_ms"] == 9
    assert blue["request_settings"]["max_concurrent_requests_per_instance"] == 20


def test_an_override_that_holds_no_fields_is_told(tmp_path):
    stage = Stage(name="p", cloud="azure", path=tmp_path, overrides={"blue": 3})

    with pytest.raises(InvalidSpec, match="overrides: blue: must hold fields"):
        specs.override(specs.load("iris"), stage)
