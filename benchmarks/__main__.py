"""Run every benchmark and write BENCHMARKS.md.

python -m benchmarks            # minutes; writes BENCHMARKS.md
python -m benchmarks --smoke    # once each, to see that they run; writes nothing
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

PROJECT = Path(__file__).parents[1]
HEAD = """# What things cost

Written by `python -m benchmarks`. Each pair is measured side by side in one run,
because machines are noisy: read the ratios. Last run {when} on {cores} cores, Python
{python}.
"""
BRIEFLY = ("--rounds", "1", "--seconds", "0.3")
BESIDE = "The gateway beside a direct call"
GATEWAY = {
    f"{BESIDE}, the iris model": "--script scoring/score.py --model model/iris/1",
    f"{BESIDE}, a model that computes for 5 ms": "--work-ms 5",
    f"{BESIDE}, a script that does nothing": "",
    "The gateway before a stub": "--stub",
}
SECTIONS = (
    ("Verbs", "benchmarks.verbs", ("--runs", "5"), ("--runs", "1")),
    ("A second deployment", "benchmarks.deploy", ("--runs", "3"), ("--runs", "1")),
    *(
        (title, "benchmarks.gateway", tuple(text.split()), (*text.split(), *BRIEFLY))
        for title, text in GATEWAY.items()
    ),
    (
        "Logs taken in while they are queried, 20,000 lines a second",
        "benchmarks.ingest",
        ("--seconds", "60"),
        ("--seconds", "1"),
    ),
    (
        "KQL beside hand-written SQL, ten million requests",
        "benchmarks.kql",
        ("--rows", "10000000"),
        ("--rows", "20000"),
    ),
    (
        "The live page of a month beside that of an hour, two million requests",
        "benchmarks.page",
        ("--rows", "2000000"),
        ("--rows", "20000", "--runs", "1"),
    ),
    (
        "200 alert rules evaluated over ten million rows",
        "benchmarks.alerts",
        (),
        ("--rules", "14", "--rows", "20000"),
    ),
    (
        "Burn-rate rules on a thousand months in which the objective is just met",
        "benchmarks.burnrates",
        (),
        ("--months", "2"),
    ),
    (
        "Drift: false discoveries, power beside others, and the log engine's part",
        "benchmarks.drift",
        (),
        ("--streams", "2", "--rows", "5000", "--alone"),
    ),
    (
        "Rollouts judged, beside other rules",
        "benchmarks.rollouts",
        (),
        ("--rollouts", "40", "--caught", "10"),
    ),
    (
        "A green that dies at 5 % of the traffic, until it has none",
        "benchmarks.deadgreen",
        ("--rounds", "100"),
        ("--rounds", "1"),
    ),
    (
        "Autoscale rules played over a week of minutes",
        "benchmarks.autoscale",
        (),
        ("--rounds", "1"),
    ),
    ("Model formats", "benchmarks.formats", (), None),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    when = datetime.now(UTC).date().isoformat()
    python = platform.python_version()
    parts = [HEAD.format(when=when, cores=os.cpu_count(), python=python)]
    with tempfile.TemporaryDirectory() as state:
        invoke(state, "train", "deploy")
        try:
            for title, module, full, quick in SECTIONS:
                flags = quick if smoke else full
                if flags is not None:
                    parts.append(f"## {title}\n\n{section(state, module, flags)}")
                    print(parts[-1], flush=True)
        finally:
            invoke(state, "cloud.down")
    if not smoke:
        (PROJECT / "BENCHMARKS.md").write_text("\n".join(parts))


def section(state: str, module: str, flags: tuple[str, ...]) -> str:
    """What a benchmark printed, as Markdown; its errors go to the terminal."""
    printed = subprocess.run(
        [sys.executable, "-m", module, *flags],
        cwd=PROJECT,
        env={**os.environ, "AML_OPS_STATE": state},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return printed if printed.startswith("|") else f"```text\n{printed}```\n"


def invoke(state: str, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "invoke", *words],
        cwd=PROJECT,
        env={**os.environ, "AML_OPS_STATE": state},
        check=True,
        stdout=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    main()
