"""Azure Monitor's own metrics of an endpoint: there without any set-up, by the minute.

Azure: supported metrics of Microsoft.MachineLearningServices/workspaces/onlineEndpoints
and .../onlineEndpoints/deployments.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ops import endpoints
from ops.clients import Workspace
from ops.measures import Latency, Outcome, Point, Usage, Window
from ops.pipeline import refused

CPU = "CpuUtilizationPercentage"
MEMORY = "CpuMemoryUtilizationPercentage"
CAPACITY = "DeploymentCapacity"
REQUESTS = "RequestsPerMinute"
LATENCIES = {
    50: "RequestLatency_P50",
    90: "RequestLatency_P90",
    95: "RequestLatency_P95",
    99: "RequestLatency_P99",
}
GRAINS = (1, 5, 15, 30, 60, 360, 720, 1440)  # minutes; no others are served
ENDED = "deployment eq '*' and statusCode eq '*' and modelStatusCode eq '*'"
MOST_SERIES = 200


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric with one set of dimension values; points without data are left out."""

    metric: str
    dimensions: Mapping[str, str]  # names in lower case, as Azure returns them
    points: list[tuple[datetime, float, float]]  # when, average, maximum


def usage(workspace: Workspace, endpoint: str, name: str, window: Window) -> Usage:
    """CPU, memory and instances of one deployment."""
    path = endpoints.path(endpoint, name)
    metrics = f"{CPU},{MEMORY},{CAPACITY}"
    return to_usage(read(workspace, path, metrics, window, filter="instanceId eq '*'"))


def to_usage(series: Iterable[Series]) -> Usage:
    """The latest values, the mean of the instances, and the highest of the window."""
    by_metric: dict[str, list[Series]] = defaultdict(list)
    for each in series:
        if each.points:
            by_metric[each.metric].append(each)
    cpu, memory = by_metric[CPU], by_metric[MEMORY]
    running = _counts(by_metric[CAPACITY] or cpu)
    return Usage(
        cpu=_mean(_latest(cpu)),
        cpu_highest=_highest(cpu),
        memory=_mean(_latest(memory)),
        memory_highest=_highest(memory),
        instances=running[-1] if running else None,
        instances_lately=max(running[-2:], default=None),
    )


def outcomes(workspace: Workspace, endpoint: str, window: Window) -> list[Outcome]:
    """How requests ended, counted by the minute: no reasons, no request ids."""
    path = endpoints.path(endpoint)
    found = read(workspace, path, REQUESTS, window, filter=ENDED)
    return [each for one in found if (each := to_outcome(one, window)).count]


def to_outcome(series: Series, window: Window) -> Outcome:
    moments = [at for at, average, _ in series.points if average > 0]
    return Outcome(
        deployment=_named(series.dimensions.get("deployment", "")),
        status=_status(series.dimensions.get("statuscode", "")),
        model_status=_status(series.dimensions.get("modelstatuscode", "")),
        count=_count(series, window),
        first=min(moments, default=None),
        last=max(moments, default=None),
    )


def latencies(
    workspace: Workspace, endpoint: str, window: Window, counts: Mapping[str, int]
) -> dict[str, Latency]:
    """The highest minute's percentiles: what the whole window's can't exceed."""
    found = read(
        workspace,
        endpoints.path(endpoint),
        ",".join(LATENCIES.values()),
        window,
        filter="deployment eq '*'",
    )
    return to_latencies(found, counts)


def to_latencies(
    series: Iterable[Series], counts: Mapping[str, int]
) -> dict[str, Latency]:
    values: dict[str, dict[int, float]] = defaultdict(dict)
    percentile = {name: number for number, name in LATENCIES.items()}
    for each in series:
        if each.points and each.metric in percentile:
            name = _named(each.dimensions.get("deployment", ""))
            values[name][percentile[each.metric]] = max(a for _, a, _ in each.points)
    return {
        name: Latency(count=counts.get(name, 0), percentiles=found, bound=True)
        for name, found in values.items()
    }


def points(workspace: Workspace, endpoint: str, window: Window) -> list[Point]:
    """Requests and errors over time; Azure counts mirrored ones with the others."""
    path = endpoints.path(endpoint)
    wanted = "deployment eq '*' and statusCode eq '*'"
    return to_points(read(workspace, path, REQUESTS, window, filter=wanted), window)


def to_points(series: Iterable[Series], window: Window) -> list[Point]:
    minutes = minutes_of(window)
    totals: dict[tuple[datetime, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for each in series:
        name = _named(each.dimensions.get("deployment", ""))
        failed = _status(each.dimensions.get("statuscode", "")) >= 400
        for at, average, _ in each.points:
            sums = totals[at, name]
            sums[0] += average * minutes
            sums[1] += average * minutes * failed
    return [
        Point(
            at=at,
            deployment=name,
            requests=round(whole),
            errors=round(bad),
            live=round(whole),
        )
        for (at, name), (whole, bad) in sorted(totals.items())
    ]


def minutes_of(window: Window) -> int:
    """The finest grain Azure serves that is no finer than the window's."""
    asked = window.grain / timedelta(minutes=1)
    return next((grain for grain in GRAINS if grain >= asked), GRAINS[-1])


def flatten(answer: Any) -> list[Series]:
    """The SDK's response as plain series."""
    return [
        Series(
            metric=metric.name.value,
            dimensions={
                pair.name.value.lower(): pair.value or ""
                for pair in one.metadatavalues or []
            },
            points=[
                (_aware(p.time_stamp), p.average or 0.0, p.maximum or p.average or 0.0)
                for p in one.data or []
                if p.average is not None
            ],
        )
        for metric in answer.value
        for one in metric.timeseries or []
    ]


def read(
    workspace: Workspace, path: str, metrics: str, window: Window, *, filter: str
) -> list[Series]:
    """Metrics of what lies there below the workspace, one series for each split."""
    minutes = minutes_of(window)
    with refused():
        answer = workspace.metrics.list(
            f"{workspace.id}/{path}".lstrip("/"),
            timespan=f"{_text(window.since)}/{_text(window.until)}",
            interval=f"P{minutes // 1440}D" if minutes >= 1440 else _interval(minutes),
            metricnames=metrics,
            aggregation="Average,Maximum" if path.count("/") > 1 else "Average",
            filter=filter,
            top=MOST_SERIES,
        )
    return flatten(answer)


def _interval(minutes: int) -> str:
    return f"PT{minutes // 60}H" if minutes >= 60 else f"PT{minutes}M"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _latest(series: list[Series]) -> list[float]:
    """Each instance's latest value, of those heard of in the last two moments."""
    moments = sorted({at for each in series for at, _, _ in each.points})[-2:]
    last = [each.points[-1] for each in series]
    return [average for at, average, _ in last if at in moments]


def _counts(series: list[Series]) -> list[int]:
    """How many instances were there at each moment, oldest first."""
    heard = Counter(
        at for each in series for at, average, _ in each.points if average > 0
    )
    return [count for _, count in sorted(heard.items())]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _highest(series: list[Series]) -> float | None:
    return max((most for each in series for _, _, most in each.points), default=None)


def _count(series: Series, window: Window) -> int:
    minutes = minutes_of(window)
    return round(sum(average * minutes for _, average, _ in series.points))


def _named(dimension: str) -> str:
    return "" if dimension.lower() in ("unknown", "none", "-") else dimension


def _status(dimension: str) -> int:
    return int(dimension) if dimension.isdigit() else 0
