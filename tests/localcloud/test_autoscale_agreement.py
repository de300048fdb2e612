"""The engine at work and a simulation of it do the same, minute by minute."""

import math

import pytest
from log_rig import BLUE

from ops.localcloud.autoscaling.simulation import simulate
from tests.localcloud.autoscale_rig import CPU, profile, rule
from tests.localcloud.test_autoscaler import Scaler

MINUTES = 150


@pytest.fixture
def scaler(tmp_path):
    made = Scaler(tmp_path, instances=1)
    yield made
    made.state.close()
    made.store.close()


def loads():
    """All instances together: up and down, then a gap."""
    waves = [40 + 120 * math.sin(i / 12) ** 2 for i in range(MINUTES)]
    return [None if 100 <= i < 112 else value for i, value in enumerate(waves)]


def test_a_simulation_and_the_engine_agree_minute_by_minute(scaler):
    setting = scaler.scale_by(
        profile(
            *(rule("> 60", "+1", cooldown="PT3M"), rule("< 25", "-1", cooldown="PT4M")),
            most=4,
            default=2,
        )
    )
    values = loads()
    scaler.state.clock.move(advance=65 - scaler.now.second)
    scaler.measure(values[0], minutes=5)

    counts = []
    start = scaler.now
    for minute in range(MINUTES):
        counts.append(scaler.run(60 if minute else 0))
        if scaler.state.open_operation(BLUE):
            scaler.settle()
        if values[minute] is not None:
            scaler.sample(min(values[minute] / counts[-1], 100), ago=-20)

    cpu = {"metric": CPU, "resource": BLUE, "values": values}
    play = simulate(
        {
            "properties": setting.properties,
            "start": start.isoformat(),
            "minutes": MINUTES,
            "instances": 1,
            "loads": [{**cpu, "shared": True, "most": 100}],
        }
    )
    assert counts == play["counts"]
    assert len(play["actions"]) > 6
