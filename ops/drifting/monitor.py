"""Azure ML's own monitor of the same model, as `az ml schedule create -f` takes it.

It runs on Spark once a day, reads what the model data collector has stored, and alerts
by fixed limits (Azure: reference-yaml-monitor). docs/drift.md says what that means.
"""

from typing import Any

from ops.drifting import baseline
from ops.drifting.baseline import Baseline
from ops.errors import NotFound, UsageError
from ops.specs import EndpointSpec

SCHEMA = "https://azuremlschemas.azureedge.net/latest/monitorSchedule.schema.json"
COMPUTE = {"instance_type": "standard_e4s_v3", "runtime_version": "3.4"}


def schedule(
    spec: EndpointSpec, deployment: str, reference: str | None, emails: str
) -> dict[str, Any]:
    """The schedule; `reference` is the registered data that it was trained on."""
    baselines = baseline.in_files(spec)
    spec.deployment(deployment)
    if deployment not in baselines:
        raise NotFound(f"No file of {spec.folder.name} registers {deployment}'s model.")
    addresses = [each.strip() for each in emails.split(",") if each.strip()]
    if wrong := [each for each in addresses if "@" not in each]:
        raise UsageError(f"--email takes addresses, comma between, not {wrong[0]!r}.")
    if not reference or not reference.startswith("azureml:"):
        raise UsageError(
            "--reference takes the registered data that the model was trained on, "
            f"such as azureml:iris-train:1, not {reference!r}."
        )
    return _schedule(
        spec.folder.name, deployment, baselines[deployment], reference, addresses
    )


def text(schedule: dict[str, Any]) -> str:
    """The YAML of a schedule."""
    import yaml

    return str(yaml.safe_dump(schedule, sort_keys=False)).rstrip()


def _schedule(
    endpoint: str,
    deployment: str,
    base: Baseline,
    reference: str,
    addresses: list[str],
) -> dict[str, Any]:
    data = {"input_data": {"path": reference, "type": "mltable"}}
    training = {**data, "data_context": "training"}
    features = [each.name for each in base.features]
    signals: dict[str, Any] = {
        "data_drift": {
            "type": "data_drift",
            "reference_data": training,
            "features": features,
            "metric_thresholds": {
                "numerical": {"normalized_wasserstein_distance": 0.1},
                "categorical": {"jensen_shannon_distance": 0.1},
            },
        },
        "data_quality": {
            "type": "data_quality",
            "reference_data": training,
            "features": features,
            "metric_thresholds": {
                "numerical": {"null_value_rate": 0.01, "out_of_bounds_rate": 0.03},
                "categorical": {"null_value_rate": 0.01, "out_of_bounds_rate": 0.03},
            },
        },
    }
    if base.classes:
        signals["prediction_drift"] = {
            "type": "prediction_drift",
            "reference_data": training,
            "metric_thresholds": {
                "categorical": {"jensen_shannon_distance": 0.1},
            },
        }
    monitor = {
        "compute": COMPUTE,
        "monitoring_target": {
            "ml_task": "classification" if base.classes else "regression",
            "endpoint_deployment_id": f"azureml:{endpoint}:{deployment}",
        },
        "monitoring_signals": signals,
    }
    if addresses:
        monitor["alert_notification"] = {"emails": addresses}
    return {
        "$schema": SCHEMA,
        "name": f"{endpoint}-{deployment}-monitor",
        "display_name": f"Drift of {deployment} of {endpoint}",
        "trigger": {
            "type": "recurrence",
            "frequency": "day",
            "interval": 1,
            "schedule": {"hours": [3], "minutes": [15]},
        },
        "create_monitor": monitor,
    }
