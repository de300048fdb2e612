"""The metrics that there are, as metricDefinitions describes them.

Azure: supported-metrics, microsoft-machinelearningservices-workspaces-onlineendpoints,
-onlineendpoints-deployments and microsoft-insights-autoscalesettings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ENDPOINTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
DEPLOYMENTS = f"{ENDPOINTS}/deployments"
AUTOSCALE = "Microsoft.Insights/autoscalesettings"

# How the minutes of a grain, and the dimensions that nobody asked for, become a value:
# mean of all that was measured; number a minute; number a second; or a level, which is
# summed over dimensions and averaged over time.
How = Literal["mean", "a minute", "a second", "level"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric as metricDefinitions describes it."""

    name: str
    unit: str
    text: str
    dimensions: tuple[str, ...] = ()
    how: How = "mean"
    exported: bool = False  # by diagnostic settings, into AzureMetrics
    wide: bool = False  # Minimum and Maximum too


def _percentiles(dimensions: tuple[str, ...], *, exported: bool) -> tuple[Metric, ...]:
    return tuple(
        Metric(
            name=f"RequestLatency_P{number}",
            unit="Milliseconds",
            text=f"The P{number} of the time that requests took to be answered.",
            dimensions=dimensions,
            exported=exported,
        )
        for number in (50, 90, 95, 99)
    )


def _utilization(name: str, what: str, *more: str) -> Metric:
    return Metric(
        name=name,
        unit="Percent",
        text=f"How much of an instance's {what} is used.",
        dimensions=("instanceId", *more),
        exported=True,
        wide=True,
    )


def _collection(*dimensions: str) -> tuple[Metric, ...]:
    return tuple(
        Metric(
            name=f"DataCollection{name}PerMinute",
            unit="Count",
            text=f"The number of data collection {name.lower()} a minute.",
            dimensions=(*dimensions, *more, "type"),
            how="a minute",
            wide=True,
        )
        for name, more in (("Events", ()), ("Errors", ("reason",)))
    )


CODES = ("statusCode", "statusCodeClass", "modelStatusCode")
CATALOG: Mapping[str, tuple[Metric, ...]] = {
    ENDPOINTS: (
        Metric(
            name="RequestsPerMinute",
            unit="Count",
            text="The number of requests sent to the endpoint within a minute.",
            dimensions=("deployment", *CODES),
            how="a minute",
        ),
        Metric(
            name="RequestLatency",
            unit="Milliseconds",
            text="The time that requests took to be answered.",
            dimensions=("deployment",),
            exported=True,
        ),
        *_percentiles(("deployment",), exported=True),
        Metric(
            name="ConnectionsActive",
            unit="Count",
            text="The number of connections that clients have open.",
        ),
        Metric(
            name="NewConnectionsPerSecond",
            unit="CountPerSecond",
            text="The number of connections that clients open in a second.",
        ),
        Metric(
            name="NetworkBytes",
            unit="BytesPerSecond",
            text="The bytes of requests and answers in a second.",
            how="a second",
        ),
        *_collection("deployment"),
    ),
    DEPLOYMENTS: (
        _utilization("CpuUtilizationPercentage", "CPU"),
        _utilization("CpuMemoryUtilizationPercentage", "memory"),
        _utilization("GpuUtilizationPercentage", "GPU"),
        _utilization("GpuMemoryUtilizationPercentage", "GPU memory"),
        _utilization("DiskUtilization", "disk", "disk"),
        Metric(
            name="DeploymentCapacity",
            unit="Count",
            text="The number of instances in the deployment.",
            dimensions=("instanceId", "State"),
            how="level",
            wide=True,
        ),
        Metric(
            name="RequestsPerMinute",
            unit="Count",
            text="The number of requests sent to the deployment within a minute.",
            dimensions=("envoy_response_code",),
            how="a minute",
        ),
        *_percentiles((), exported=False),
        Metric(
            name="GpuEnergyJoules",
            unit="Count",
            text="The energy that an instance's GPU has used.",
            dimensions=("instanceId",),
            wide=True,
        ),
        *_collection("instanceId"),
    ),
    # Azure: supported-metrics, microsoft-insights-autoscalesettings. It has three more,
    # of the values that rules compare and of the actions taken.
    AUTOSCALE: (
        Metric(
            name="ObservedCapacity",
            unit="Count",
            text="The instance count that the autoscale engine found when it looked.",
            exported=True,
        ),
    ),
}


def kind_of(resource: str) -> str:
    """The type of a resource that has metrics, by its id."""
    id_ = resource.lower()
    if "/autoscalesettings/" in id_:
        return AUTOSCALE
    return DEPLOYMENTS if "/deployments/" in id_ else ENDPOINTS
