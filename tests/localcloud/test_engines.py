"""All engines at work in their loops, as the control plane runs them."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine_rig import QUICK, Rig, over

from ops.localcloud import processes
from ops.localcloud.engines import Engines
from ops.localcloud.logstore import LogStore


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    rig.supervisor.close()  # the loops have their own
    yield rig
    rig.close()


async def outcome(rig, operation, seconds=30):
    deadline = time.monotonic() + seconds
    while not (ended := over(rig.state.operation(operation.id))):
        assert time.monotonic() < deadline, "the operation did not end in time"
        await asyncio.sleep(0.02)
    return ended


async def serve(rig, story):
    """Run the engines for as long as the story takes."""
    store = LogStore(rig.directory / "logs.duckdb", "tenant")
    engines = Engines(rig.state, rig.blobs, rig.directory, store)
    stop = asyncio.Event()
    engines.start()
    run = asyncio.create_task(engines.run(stop))
    try:
        return await story(engines)
    finally:
        stop.set()
        engines.ring()
        begun = time.monotonic()
        await run
        assert time.monotonic() - begun < 2
        store.close()


def test_a_deployment_of_a_built_environment_serves_in_seconds(rig):
    probe = {**QUICK, "initialDelay": "PT1S", "period": "PT1S"}

    async def story(engines):
        endpoint = rig.put_endpoint(traffic={"blue": 100})
        engines.ring()
        assert (await outcome(rig, endpoint, 2)).status == "Succeeded"
        operation = rig.deploy(probe=probe)
        engines.ring()
        return await outcome(rig, operation)

    ended = asyncio.run(serve(rig, story))

    assert ended.status == "Succeeded"
    assert (ended.ended - ended.started).total_seconds() < 10
    assert rig.score()[0] == 200  # though the engines have stopped


def test_the_next_engines_settle_what_the_last_left_open(rig):
    async def begin(engines):
        rig.put_endpoint(traffic={"blue": 100})
        operation = rig.deploy()
        engines.ring()
        while not rig.live(state="Starting"):
            await asyncio.sleep(0.02)
        return operation

    operation = asyncio.run(serve(rig, begin))
    assert rig.state.operation(operation.id).status == "InProgress"
    [before] = rig.state.instances()

    async def end(engines):
        return await outcome(rig, operation)

    assert asyncio.run(serve(rig, end)).status == "Succeeded"
    assert [(i.id, i.pid, i.restarts) for i in rig.live()] == [
        (before.id, before.pid, 0)
    ]


def test_a_failed_build_is_told_by_get_logs(rig):
    async def story(engines):
        rig.put_endpoint()
        operation = rig.deploy(conda="dependencies: [{pip: [no-such-package-at-all]}]")
        engines.ring()
        await outcome(rig, operation)
        return engines.logs(rig.deployment().id, "StorageInitializer", 100)

    assert "no-such-package-at-all was not found" in asyncio.run(serve(rig, story))


# A control plane in small: deploys three instances and is killed on the way.
DOOMED = """
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path[:0] = [{project!r}, {here!r}]
from engine_rig import Rig

rig = Rig(Path(sys.argv[1]))
rig.put_endpoint(traffic={{"blue": 100}})
rig.deploy(capacity=3)
while True:
    rig.step()
"""


@pytest.mark.parametrize(
    "started",
    [
        pytest.param(1, marks=pytest.mark.long),
        2,
        pytest.param(3, marks=pytest.mark.long),
    ],
)
def test_a_control_plane_killed_at_any_moment_is_followed_up(tmp_path, started):
    here = Path(__file__).parent
    script = DOOMED.format(project=str(here.parents[1]), here=str(here))
    doomed = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    while leaders(tmp_path) < 2 + started:  # the gateway and its listener too
        assert doomed.poll() is None
    doomed.kill()
    doomed.wait()

    rig = Rig(tmp_path)
    try:
        rig.succeed(rig.state.open_operation(rig.deployment().id))
        rig.until(lambda: leaders(tmp_path) == 5, "five processes in all")
        assert len(rig.state.instances()) == 3
    finally:
        rig.close()


def leaders(directory):
    return len([found for found in processes.marked(directory) if found.leader])
