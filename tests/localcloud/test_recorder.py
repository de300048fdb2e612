"""What instances use, what is exported of it, and how long all of it is kept."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from cloud_rig import until

from ops.localcloud import processes
from ops.localcloud.catalog import CATALOG, DEPLOYMENTS
from ops.localcloud.export import Export
from ops.localcloud.flows import TRAFFIC
from ops.localcloud.logstore import Batch
from ops.localcloud.measurements import cells
from ops.localcloud.retention import Bounds, Retention, bounds
from ops.localcloud.sampling import Sampler
from tests.localcloud.log_rig import BLUE, ENDPOINT, LogRig

BUSY = "while True: pass"
IDLE = "import time; time.sleep(60)"
# As an inference server is: a master that waits, and the worker that it has started.
WORKER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


@pytest.fixture
def rig(tmp_path):
    rig = LogRig(tmp_path)
    yield rig
    rig.close()


@pytest.fixture
def run(rig):
    """Run a script as the process of an instance; nothing of it is left."""
    started = []

    def run(script):
        child = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
        known = until(lambda: processes.identify(child.pid))
        started.append((child, known))
        name = f"blue-{len(started)}"
        return rig.instance(name, pid=known.pid, process_created=known.created)

    yield run
    for child, known in started:
        processes.kill(known)
        child.wait()


def latest(rig, metric):
    """The last sample of a metric of each instance."""
    found = next(one for one in CATALOG[DEPLOYMENTS] if one.name == metric)
    now = datetime.now(UTC)
    split = ("instanceid",)
    span = (now - timedelta(minutes=2), now + timedelta(minutes=1))
    read = cells(rig.store, BLUE, found, *span, split)
    return {cell.dimensions["instanceid"]: cell for cell in read}


def test_a_busy_process_shows_as_busy_and_an_idle_one_as_idle(rig, run):
    busy, idle = run(WORKER), run(IDLE)
    sampler = Sampler(rig.state, rig.store, rig.directory)

    def sampled():
        sampler.step(datetime.now(UTC))
        time.sleep(0.3)  # a share of time needs time
        found = latest(rig, "CpuUtilizationPercentage")
        return found if found and found[busy.id].most > 30 else None

    found = until(sampled)

    assert found[idle.id].most < 20
    assert latest(rig, "CpuMemoryUtilizationPercentage")[busy.id].least > 0
    assert latest(rig, "DeploymentCapacity")[idle.id].total == 1


def test_another_process_of_the_same_pid_is_not_measured(rig, run):
    instance = run(IDLE)
    rig.instance(instance.id, pid=instance.pid, process_created=1.0)
    Sampler(rig.state, rig.store, rig.directory).step(datetime.now(UTC))

    assert not latest(rig, "CpuMemoryUtilizationPercentage")


def test_metrics_are_exported_once_a_minute(rig):
    rig.let_flow()
    start = datetime.now(UTC).replace(second=0, microsecond=0)
    for number, second in enumerate((5, 10, 65)):
        at = (start + timedelta(seconds=second)).replace(tzinfo=None)
        rig.request(number, TimeGenerated=f"{at.isoformat()}Z", TotalDurationMs=second)
    rig.step()
    later = start + timedelta(seconds=130)
    for _ in range(2):
        Export(rig.state, rig.store).step(later)

    rows = rig.ask(
        "AzureMetrics | where MetricName == 'RequestLatency'"
        " | sort by TimeGenerated asc"
        " | project Average, Maximum, Count, Total, ResourceId, TimeGrain, UnitName"
    )
    about = {"ResourceId": ENDPOINT.upper(), "TimeGrain": "PT1M"}
    about["UnitName"] = "Milliseconds"
    assert rows == [
        {"Average": 7.5, "Maximum": 10, "Count": 2, "Total": 15, **about},
        {"Average": 65, "Maximum": 65, "Count": 1, "Total": 65, **about},
    ]
    percentiles = "AzureMetrics | where MetricName startswith 'RequestLatency_P'"
    assert len(rig.ask(percentiles)) == 8


def test_what_is_too_old_goes(rig):
    rig.let_flow()
    now = datetime.now(UTC)
    for age in (40, 20, 0):
        rig.store.append(requests(now - timedelta(days=age), 1))
    Retention(rig.store, Bounds(days=30)).step(now)

    assert len(rig.column("XRequestId", TRAFFIC)) == 2


def test_what_is_too_much_goes_oldest_first(rig):
    now = datetime.now(UTC)
    for hour in range(20, 0, -1):
        rig.store.append(requests(now - timedelta(hours=hour), 10_000))
    retention = Retention(rig.store, Bounds(size=3_000_000))
    first = rig.column("TimeGenerated", TRAFFIC)[0]
    rig.store.execute("CHECKPOINT")
    assert retention._used() > 3_000_000

    until(lambda: [retention.step(now), retention._used() <= 3_000_000][1])

    left = rig.column("TimeGenerated", TRAFFIC)
    assert 0 < len(left) < 200_000
    assert left[0] > first
    assert left[-1] > (now - timedelta(hours=2)).replace(tzinfo=None)


def requests(at, number):
    batch = Batch()
    moment = at.replace(tzinfo=None)
    rows = [
        {
            "TimeGenerated": moment + timedelta(milliseconds=n),
            "XRequestId": f"{hash((n, at)):032x}",
            "_ResourceId": ENDPOINT.lower(),
        }
        for n in range(number)
    ]
    batch.add(TRAFFIC, rows)
    return batch


def test_bounds_come_from_the_environment():
    assert bounds({}) == Bounds()
    found = bounds({"LOCALCLOUD_LOG_DAYS": "0.5", "LOCALCLOUD_LOG_MEGABYTES": "100"})
    assert found == Bounds(days=0.5, size=100_000_000)


@pytest.mark.parametrize("text", ["", "0", "-1", "many", "nan", "1e9"])
def test_a_bound_that_is_none_is_refused(text):
    if not text:
        assert bounds({"LOCALCLOUD_LOG_DAYS": text}) == Bounds()
        return
    with pytest.raises(ValueError, match="LOCALCLOUD_LOG_DAYS must be"):
        bounds({"LOCALCLOUD_LOG_DAYS": text})
