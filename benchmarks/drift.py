"""Drift: how often it is told where there is none, how soon where there is, the cost.

`python -m benchmarks.drift --streams 200 --rows 10000000`. False discoveries are
counted on streams of 500 features, looked at each day of a year over the last 7 days.
Power stands beside what Evidently and NannyML flag by default on the same streams:
they are installed into an environment that is made for it (--others DIR keeps it).
The log engine's part is one query over so many logged rows, in a process of its own.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from model import train
from ops.drifting import asking, baseline, judging
from ops.drifting.asking import Question

FEATURES, DAYS, WINDOW, CELLS = 500, 365, 7, 10
BASELINE_ROWS, DAILY_ROWS = 1000, 100
COLUMNS = 40
SIZES = ((1000, 100), (12_000, 1000))  # rows of the reference, of the window
SHIFTS = (0.0, 0.1, 0.25, 0.5, 1.0)
OTHERS = ("evidently==0.7.23", "nannyml==0.13.1", "pandas<2.3")
CONSOLE = "AmlOnlineEndpointConsoleLog"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--others", type=Path)
    parser.add_argument("--alone", action="store_true", help="without the others")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        return read(options.read)
    false_discoveries(options.streams)
    with tempfile.TemporaryDirectory() as folder:
        others = None if options.alone else options.others or Path(folder) / "others"
        power(others, Path(folder))
        engine(options.rows, Path(folder))
    return None


def false_discoveries(streams):
    """The largest share of false ones among the flagged, of any look of a year."""
    print(f"| {FEATURES} features, a look a day for a year; of them drift ", end="")
    print("| streams | false discovery rate | at most (95 %) |")
    print("|---|---|---|---|")
    for drifting in (0, 50):
        shares = [worst_look(seed, drifting) for seed in range(streams)]
        mean, bound = np.mean(shares), upper(shares)
        print(f"| {drifting} | {streams} | {100 * mean:.2f} % | {100 * bound:.2f} % |")


def worst_look(seed, drifting):
    random = np.random.default_rng(seed)
    share = np.full(CELLS, 1 / CELLS)
    moved = share * np.linspace(0.8, 1.2, CELLS)
    base = random.multinomial(BASELINE_ROWS, share, FEATURES)
    recent, most = [], 0.0
    for day in range(DAYS):
        rows = random.multinomial(DAILY_ROWS, share, FEATURES)
        if drifting and day >= DAYS // 2:
            rows[:drifting] = random.multinomial(DAILY_ROWS, moved, drifting)
        recent = [*recent[1 - WINDOW :], rows]
        found = evidence(sum(recent), base)
        if found.max() < judging.least_evidence(judging.level(), FEATURES, FEATURES):
            continue
        flagged = judging.discoveries(dict(enumerate(found.tolist())), judging.level())
        if flagged:
            false = sum(name >= drifting or day < DAYS // 2 for name in flagged)
            most = max(most, false / len(flagged))
    return most


LOG_FACTORIAL = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, 200_000)))])


def evidence(counts, base):
    """What drift.kql computes, of many columns at once: rows of cells."""
    surprises = np.concatenate(
        [
            surprise(counts, base),
            surprise(np.cumsum(counts, 1), np.cumsum(base, 1), counts, base),
        ],
        axis=1,
    )
    tests = 4 * counts.shape[1]
    return np.maximum(surprises.max(1) - math.log10(tests), 0)


def surprise(a, b, counts=None, base=None):
    n = (a if counts is None else counts).sum(1, keepdims=True)
    m = (b if base is None else base).sum(1, keepdims=True)
    ours = a * m >= b * n
    high, of_high = np.where(ours, a, b), np.where(ours, n, m)
    low, of_low = np.where(ours, b, a), np.where(ours, m, n)
    ratio = (of_high - high) * low / ((high + 1) * (of_low - low + 1))
    chance = choose(of_high, high) + choose(of_low, low)
    chance -= choose(of_high + of_low, high + low)
    bound = -chance + np.log(np.where(ratio < 1, 1 - ratio, 1))
    return np.where(ratio < 1, np.maximum(bound, 0), 0) / math.log(10)


def choose(total, chosen):
    return LOG_FACTORIAL[total] - LOG_FACTORIAL[chosen] - LOG_FACTORIAL[total - chosen]


def upper(shares):
    """A 95 % upper bound on the mean of shares.

    Clopper and Pearson's where each is 0 or 1; else Hoeffding's, by relative entropy.
    """
    from scipy.stats import beta

    mean, count = float(np.mean(shares)), len(shares)
    if set(shares) <= {0.0, 1.0}:
        return float(beta.ppf(0.95, sum(shares) + 1, count - sum(shares)))
    low, high = mean, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        apart = (1 - mean) * math.log((1 - mean) / (1 - middle))
        apart += mean * math.log(mean / middle) if mean else 0
        low, high = (middle, high) if count * apart < math.log(20) else (low, middle)
    return high


def power(others, folder):
    cases = {}
    for reference, window in SIZES:
        for shift in SHIFTS:
            random = np.random.default_rng(len(cases))
            name = f"{reference}/{window}/{shift}"
            cases[f"{name}/reference"] = random.normal(0, 1, (reference, COLUMNS))
            cases[f"{name}/window"] = random.normal(shift, 1, (window, COLUMNS))
    path = folder / "streams.npz"
    np.savez(path, **cases)
    told = asked_of(others, path) if others else {}
    print(
        f"\n| reference | window | shift | flagged of {COLUMNS} columns: this ", end=""
    )
    print("| Evidently | NannyML |")
    print("|---|---|---|---|---|---|")
    for name in dict.fromkeys(each.rpartition("/")[0] for each in cases):
        here = sum(
            map(flagged, cases[f"{name}/reference"].T, cases[f"{name}/window"].T)
        )
        found = told.get(name, {})
        reference, window, shift = name.split("/")
        print(
            f"| {int(reference):,} | {int(window):,} | {shift} sd | {here} "
            f"| {found.get('evidently', '-')} | {found.get('nannyml', '-')} |"
        )


def flagged(reference, window):
    cells = train.cells(reference)
    place = np.searchsorted(cells["edges"], window)
    counts = np.bincount(place, minlength=len(cells["counts"]))
    (found,) = evidence(counts[None], np.array([cells["counts"]]))
    return found >= judging.least_evidence(judging.level(), COLUMNS)


def asked_of(others, path):
    """What the others say, by case; {} where they can't be installed."""
    python = others / "bin/python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", others], check=True)
        install = [python, "-m", "pip", "install", "-q", *OTHERS]
        done = subprocess.run(install, capture_output=True, text=True, timeout=900)
        if done.returncode:
            print(f"\nthe others can't be installed: {done.stderr[-300:]}")
            return {}
    script = Path(__file__).with_name("drift_others.py")
    quiet = {**os.environ, "NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        [python, script, path], capture_output=True, text=True, timeout=900, env=quiet
    )
    lines = [each for each in done.stdout.splitlines() if each.startswith("{")]
    return {found["case"]: found for found in map(json.loads, lines)}


def engine(rows, folder):
    """One question over so many logged rows, in a process whose memory is watched."""
    database = folder / "lines.duckdb"
    fill(database, rows)
    command = [sys.executable, "-m", "benchmarks.drift", "--read", database]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, cpu, peak = done.stdout.split()
    print("\n| logged rows | one query | its CPU time | most memory of its process |")
    print("|---|---|---|---|")
    print(f"| {rows:,} | {float(seconds):.0f} s | {float(cpu):.0f} s | {peak} MB |")


def fill(database, rows):
    import duckdb

    from ops.localcloud.kql import TABLES, create_table

    connection = duckdb.connect(str(database), config={"memory_limit": "512MB"})
    connection.execute(create_table(CONSOLE, TABLES[CONSOLE]))
    numbers = ["round(4.3 + random() * 3.6, 1)", "round(2 + random() * 2.4, 1)"]
    numbers += ["round(1 + random() * 5.9, 1)", "round(0.1 + random() * 2.4, 1)"]
    features = " || ', ' || ".join(numbers)
    scores = " || ', ' || ".join(["round(random(), 6)"] * 3)
    message = (
        """'{"event": "score", "time": "2026-11-22T10:00:00.000+00:00", """
        """"request_id": "' || uuid() || '", "client_request_id": "", """
        """"model": "iris", "model_version": "1", "rows": 1, "features": [[' || """
        f'{features} || \']], "predictions": ["setosa"], "probabilities": [[\' || '
        f"""{scores} || ']], "status": 200, "duration_ms": 0.4}}'"""
    )
    step = 500_000
    for start in range(0, rows, step):
        count = min(step, rows - start)
        connection.execute(
            f'INSERT INTO "{CONSOLE}" (TimeGenerated, DeploymentName, Message) SELECT '
            "TIMESTAMP '2026-11-18 12:00:00'"
            f" + to_milliseconds(i * 604800000 // {rows}), 'blue', {message}"
            f" FROM range({start}, {start + count}) t(i)"
        )
    connection.close()


def read(database):
    """Ask, and print the seconds, the CPU seconds and the megabytes that it took."""
    import duckdb

    from ops.localcloud.kql import TABLES, Engine, harden
    from ops.localcloud.logstore import MEMORY

    config = {"memory_limit": MEMORY, "threads": min(os.cpu_count() or 1, 4)}
    connection = duckdb.connect(str(database), config=config)
    connection.execute("SET TimeZone = 'UTC'")
    harden(connection)
    base = baseline.read(train.OUT / "1/baseline.json")
    question = Question(baseline=base, deployments=("blue",), versions=("1",))
    began, before = time.perf_counter(), os.times()
    text = asking.text(question)
    found = Engine({CONSOLE: TABLES[CONSOLE]}).query(
        connection, text, now=NOW, seconds=600
    )
    after = os.times()
    assert len(found.tables[0].rows) == 8 * (7 + 2), found.tables[0].rows
    cpu = after.user + after.system - before.user - before.system
    print(time.perf_counter() - began, cpu, most_memory())


def most_memory():
    """Megabytes; getrusage() would count what the parent held when this one began."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main()
