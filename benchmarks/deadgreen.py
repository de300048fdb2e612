"""How long a green keeps 5 % of the traffic after it has begun to fail every request.

    python -m benchmarks.deadgreen [--rounds 100]

No request but the probes is sent: it is what a rollout needs on a quiet endpoint, and
waits for no log. Each round begins a rollout, lets green fail from a random moment on,
and takes the time until the endpoint shows that blue has everything again.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).parents[1]
POLICY = """
steps:
- {weight: 5, bake: 1h}
guardrails: {saturation: {then: ignore}}
"""
GOAL_SECONDS = 15.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        place = furnished(Path(folder))
        invoke("deploy")
        invoke("deploy", "--deployment", "green")
        try:
            taken = sorted(caught(place) for _ in range(rounds))
        finally:
            invoke("cloud.down")
    print("| rounds | median s | p95 | p99 | slowest | goal |")
    print("|---|---|---|---|---|---|")
    found = (taken[int(len(taken) * share)] for share in (0.5, 0.95, 0.99))
    numbers = " | ".join(f"{seconds:.1f}" for seconds in (*found, taken[-1]))
    print(f"| {rounds} | {numbers} | p99 under {GOAL_SECONDS:g} s |")


def furnished(place: Path) -> Path:
    """A state of our own, and specs whose scoring script fails when it is told to."""
    for name in ("specs", "scoring", "model"):
        shutil.copytree(PROJECT / name, place / name)
    shutil.copy(PROJECT / "tests/flows/moody.py", place / "scoring/moody.py")
    for name in ("blue", "green"):
        file = place / f"specs/iris/{name}.yaml"
        text = file.read_text().replace("script: score.py", "script: moody.py")
        mood = f"environment_variables:\n  MOOD: {place}/{name}.json\n"
        file.write_text(text.replace("environment_variables:\n", mood))
    (place / "policy.yaml").write_text(POLICY)
    os.environ["AML_OPS_STATE"] = str(place / "state")
    os.environ["AML_OPS_SPECS"] = str(place / "specs")
    return place


def caught(place: Path) -> float:
    """Seconds from the first request that must fail until the weights are back."""
    from ops import clients, endpoints, rollout, settings
    from ops.rollouts import preflight

    mood = place / "green.json"
    mood.unlink(missing_ok=True)
    workspace = clients.connect(settings.load_stage("local"))
    policy = str(place / "policy.yaml")
    events = rollout.start(workspace, preflight.ready(workspace, "iris", policy=policy))
    began = 0.0

    def fail() -> None:
        nonlocal began
        began = time.monotonic()
        mood.write_text(json.dumps({"fail_ratio": 1}))

    for event in events:
        if event.what == "started":
            threading.Timer(2 + random.random(), fail).start()
        if event.what == "rolled back":
            seconds = time.monotonic() - began
            assert endpoints.get(workspace, "iris").traffic == {"blue": 100}
            return seconds
    raise AssertionError("green was not caught")


def invoke(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "invoke", *words],
        cwd=PROJECT,
        check=True,
        stdout=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    main()
