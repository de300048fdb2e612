"""A runner may die at any write: what it leaves, another machine ends well.

The writes are counted in a rollout that nobody kills; then a runner is killed in front
of each of them, or of the endpoint's and some others where time is short. To die behind
a write is to die in front of the next.
"""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from ops import diagnostics, endpoints, rollout
from ops.lease import LEASE_SECONDS
from ops.rollouts import standing
from tests.local_transport import InProcess
from tests.rollout_rig import Moments
from tests.rollout_victim import DIED

pytestmark = pytest.mark.slow

POLICY = """
steps:
- {mirror: 10, bake: 1s, requests: 0}
- {weight: 50, bake: 1s, requests: 0}
promote: {when: bake}
missing_data: {after: 30d}
probes_per_second: 0
look: 1s
heartbeat: 3s
"""
BLUE = {"blue": 100}


@pytest.fixture(scope="module")
def victim():
    """Runs a rollout that dies at a write, in a process of its own."""
    command = [sys.executable, "-m", "tests.rollout_victim"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def kill(place, dies_at, breaks):
            order = {
                "cloud": str(place / "cloud"),
                "policy": str(place / "policy.yaml"),
                "state": str(place / "ana"),
                "dies_at": dies_at,
                "breaks": breaks,
            }
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield kill
        process.stdin.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """An endpoint whose rows flow, on a clock that goes fast."""
    place = tmp_path_factory.mktemp("prepared")
    (place / "policy.yaml").write_text(POLICY)
    (place / "cloud").mkdir()
    cloud = InProcess(place / "cloud")
    cloud.put_endpoint(traffic=BLUE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AML_OPS_STATE", str(place / "nobody"))
        diagnostics.turn_on(cloud.workspace(), "iris")
    cloud.clock.move(rate=30)
    cloud.close()
    return place


@pytest.fixture
def another_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "ben"))


def copied(prepared, tmp_path, name):
    return shutil.copytree(prepared, tmp_path / name)


def let_lease_end(cloud):
    """What waiting does; no lease lasts longer than it says."""
    container = f"azureml-blobstore-{cloud.cloud.workspace_id}"
    for row in cloud.state.blobs(container):
        held = cloud.state.lease(container, row["name"])
        if held is not None:
            assert held.ends is not None
            assert held.ends - time.time() <= LEASE_SECONDS
            over = replace(held, ends=time.time() - 1)
            cloud.state.set_lease(container, row["name"], over)


def left(place):
    """Where it stands when another machine has done what it can."""
    cloud = InProcess(place / "cloud")
    try:
        let_lease_end(cloud)
        workspace = cloud.workspace("ben@ci")
        workspace.real_time = Moments()
        here = standing.read(endpoints.get(workspace, "iris").tags)
        if here and here.active:
            for _ in rollout.resume(workspace, "iris", take_over=True):
                pass
        found = endpoints.get(workspace, "iris")
        assert sum(found.traffic.values()) == 100
        return found, standing.read(found.tags)
    finally:
        cloud.close()


@pytest.mark.parametrize(
    ("breaks", "every"),
    [
        pytest.param(False, 4, id="a good green", marks=pytest.mark.long),
        pytest.param(True, 4, id="a bad green"),
        pytest.param(False, 1, id="a good green, each", marks=pytest.mark.long),
        pytest.param(True, 1, id="a bad green, each", marks=pytest.mark.long),
    ],
)
def test_whoever_dies_at_whatever_write_leaves_a_rollout_that_ends_well(
    prepared, tmp_path, victim, another_machine, breaks, every
):
    whole = victim(copied(prepared, tmp_path, "whole"), 0, breaks)
    assert whole["status"] == 0
    writes = [each.split()[1] for each in whole["writes"]]
    assert writes.count("iris") >= 3  # the endpoint's; the others are the storage's
    # Until green fails all is as with a good one.
    begin = 1 if not breaks else [n for n, w in enumerate(writes) if w == "iris"][1]

    for number in range(begin, len(writes) + 1):
        if (number - begin) % every and writes[number - 1] != "iris":
            continue
        place = copied(prepared, tmp_path, str(number))
        died = victim(place, number, breaks)

        found, here = left(place)

        about = f"killed in front of write {number}, {died['writes'][-1]}"
        assert died["status"] in (0, DIED), about
        failed = found.deployments["green"].state == "Failed"
        if here is None or failed:
            assert found.traffic == BLUE, about
        else:
            assert found.traffic == {"green": 100}, about
        if here is not None:
            assert here.state == ("rolled back" if failed else "promoted"), about
