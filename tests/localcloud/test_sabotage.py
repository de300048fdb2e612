"""What a drill does to instances, done to real processes of the inference server."""

import time
from datetime import timedelta

import psutil
import pytest
from engine_rig import ENDPOINT, Rig

from ops.localcloud.faults import Fault, Faults, every

BLUE = f"{ENDPOINT}/deployments/blue".lower()


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    rig.faults = Faults(rig.state)
    rig.faults.switch(True)
    rig.succeed(rig.put_endpoint(traffic={"blue": 100}))
    yield rig
    began = time.monotonic()
    rig.close()
    assert time.monotonic() - began < 8, "what is frozen must not hold up the end"


def strike(rig, do, **facts):
    """Add a fault on all instances of blue that run."""
    running = [each.id for each in rig.live()]
    fault = Fault(number=0, do=do, deployment=BLUE, instances=running, **facts)
    return rig.faults.add(fault)


def status(instance):
    return psutil.Process(instance.pid).status()


def test_instances_are_slowed_frozen_thawed_and_killed(rig):
    calm = {"livenessProbe": {"initialDelay": "PT1H", "period": "PT1H"}}
    rig.succeed(rig.deploy(**calm))
    (before,) = rig.live()

    strike(rig, "slow", seconds=0.5)
    table = rig.directory / "gateway" / "routes.json"
    rig.until(lambda: '"delay_ms": 500' in table.read_text())
    began = time.monotonic()
    assert rig.score()[0] == 200
    assert time.monotonic() - began >= 0.5
    rig.faults.clear()

    end = rig.state.clock.now() + timedelta(hours=1)
    strike(rig, "freeze", until=end.isoformat())
    rig.until(lambda: status(before) == psutil.STATUS_STOPPED)
    assert every(rig.state)[0].struck == 1
    rig.state.clock.move(advance=3600)
    rig.until(lambda: status(before) != psutil.STATUS_STOPPED)
    assert rig.score()[0] == 200

    strike(rig, "kill")
    rig.until(lambda: rig.live() and rig.live()[0].pid != before.pid, seconds=90)
    assert rig.live()[0].restarts == 1
    rig.until(lambda: rig.score()[0] == 200)

    strike(rig, "freeze")  # and so it is left, for the rig's end
    rig.step()


def test_a_deployment_whose_instances_may_not_start_fails_and_says_why(rig):
    strike(rig, "refuse")

    refusal = rig.refusal(rig.deploy())

    assert "fault 1 of a drill lets no instance start" in refusal["message"]
