"""Drift as an alert rule: what a block means, how large it gets, what it spends."""

import math
from pathlib import Path

import pytest

from ops.drifting import alerting, monitor
from ops.drifting.baseline import Baseline, Column
from ops.errors import InvalidSpec, UsageError


def wide(features, version="1"):
    """A baseline of so many features with long names."""
    edges = tuple(index * 1.234567891 for index in range(11))
    columns = tuple(
        Column(
            name=f"a_feature_with_quite_a_long_name_{index:03}",
            kind="feature",
            edges=edges,
            counts=(0, *[123456] * 10, 0),
            means=(0.123456789, *edges),
        )
        for index in range(features)
    )
    return Baseline(model="m", version=version, columns=columns, classes=(), path=None)


@pytest.fixture
def of(monkeypatch):
    """expand() for an endpoint whose deployments have these baselines."""

    def expand(baselines, **block):
        found = {str(index): each for index, each in enumerate(baselines)}
        monkeypatch.setattr(alerting.baseline, "in_files", lambda spec: found)
        return alerting.expand("iris", {"what": "features", **block})

    return expand


def test_thirty_features_of_two_versions_fit_a_rule_of_azure(of):
    found = of([wide(30), wide(30, "2")])

    assert len(found.query.encode()) < 64_000
    assert found.dimensions == ("DeploymentName", "Feature")


def test_a_rule_that_would_be_too_large_says_what_to_do(of):
    with pytest.raises(InvalidSpec, match=r"name fewer in drift\.columns"):
        of([wide(140), wide(140, "2")])


def test_fewer_columns_can_be_named(of):
    name = wide(1).columns[0].name

    found = of([wide(140)], columns=[name])

    assert found.query.count(name) == 1
    with pytest.raises(InvalidSpec, match="nope is none of"):
        of([wide(2)], columns=["nope"])


def test_the_threshold_spends_alpha_over_columns_deployments_and_evaluations(of):
    few, many = of([wide(3)]), of([wide(30)])

    assert few.threshold == pytest.approx(math.log10(3 * 2 * 43_200 / 0.05), abs=1e-3)
    assert many.threshold == pytest.approx(few.threshold + 1, abs=1e-3)


def test_models_with_other_columns_are_not_watched_by_one_rule(of):
    with pytest.raises(InvalidSpec, match="m:1, m:2 have other columns"):
        of([wide(3), wide(4, "2")])


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({}, "drift.what: must be given"),
        ({"what": "moods"}, "drift.what"),
        ({"what": "features", "alpa": 0.1}, "alpha"),
        ({"what": "features", "alpha": 2}, "drift.alpha"),
        ({"what": "features", "columns": [1]}, "drift.columns"),
    ],
)
def test_a_wrong_block_is_told(block, said):
    _, mistakes = alerting.check(block)

    assert said in "\n".join(map(str, mistakes))


@pytest.fixture
def spec(monkeypatch):
    found = wide(3)
    monkeypatch.setattr(monitor.baseline, "in_files", lambda spec: {"blue": found})
    return monitor.EndpointSpec(
        folder=Path("iris"),
        endpoint=None,
        deployments={"blue": None},
        models={},
        environments={},
    )


def test_the_monitor_of_azure_ml_is_one_that_its_sdk_loads(spec, tmp_path):
    from azure.ai.ml.entities._load_functions import load_schedule

    path = tmp_path / "monitor.yaml"
    found = monitor.schedule(spec, "blue", "azureml:iris-train:1", "a@example.com")
    path.write_text(monitor.text(found))

    loaded = load_schedule(path)

    assert loaded.name == "iris-blue-monitor"
    assert set(loaded.create_monitor.monitoring_signals) == {
        "data_drift",
        "data_quality",
    }


@pytest.mark.parametrize(
    ("reference", "email", "said"),
    [
        (None, "", "--reference"),
        ("iris", "", "--reference"),
        ("azureml:a:1", "me", "me"),
    ],
)
def test_a_monitor_without_what_it_needs_is_refused(spec, reference, email, said):
    with pytest.raises(UsageError, match=said):
        monitor.schedule(spec, "blue", reference, email)
