"""Every query of the project passes Microsoft's own parser and binder."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ops import kql
from ops.alerting import compiling, past, resolving, rulefile, sliding
from ops.alerting.places import Place
from ops.boards import boardfile, grafanapanel, portable
from ops.drifting import asking
from ops.drifting.asking import Question
from ops.localcloud.kql import TABLES
from tests import drift_rig
from tests.board_rig import IRIS, replaced
from tests.kql import data

ROOT = Path(__file__).parents[1]
GATE = ROOT / "tools/kql-gate"
PAIRS = sorted((ROOT / "tests/kql").glob("*.kql"))
PLACE = Place(endpoint="iris", id="/iris", location="", deployments={}, groups={})
# Their columns are only known from the data, so the binder can't name or type them.
FROM_DATA = {"bag_unpack_types", "oncall_33", "oncall_34", "pivot_counts"}


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    """What the gate says of all queries: {whose: {stem: {diagnostics, columns}}}.

    One run: to load Microsoft's parser takes longer than to check with it.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("the KQL gate needs Node.js and npm on the path")
    if not (GATE / "node_modules/@kusto").is_dir():
        install()
    folder = tmp_path_factory.mktemp("gate")
    asked = {"tests": (data.SCHEMA, PAIRS)}
    for write in (shipped, panels, rules, drift, wrong):
        (folder / write.__name__).mkdir()
        write(folder / write.__name__)
        asked[write.__name__] = TABLES, sorted((folder / write.__name__).glob("*.kql"))
    jobs = [
        {"schema": schema, "files": list(map(str, files))}
        for schema, files in asked.values()
    ]
    (folder / "jobs.json").write_text(json.dumps(jobs))
    command = ["node", "check.js", str(folder / "jobs.json")]
    done = subprocess.run(
        command, cwd=GATE, capture_output=True, check=True, timeout=120
    )
    return {
        whose: {Path(each["file"]).stem: each for each in found}
        for whose, found in zip(asked, json.loads(done.stdout), strict=True)
    }


def install():
    command = ["npm", "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=GATE, capture_output=True, timeout=300)
    if done.returncode:
        pytest.skip("npm could not install Microsoft's language service")


def errors(found):
    return [d for d in found["diagnostics"] if d["severity"] == "Error"]


def shipped(folder):
    for name in kql.names():
        (folder / f"{name}.kql").write_text(kql.bind(kql.named(name), {}))


def panels(folder):
    """What workbooks and Grafana send."""
    for panel in [p for board in boardfile.load().values() for p in board.panels()]:
        if panel.source in ("logs", *portable.PROMISED):
            text = replaced(portable.text(panel, IRIS, grafanapanel.WORDS))
            (folder / f"{panel.id}.kql").write_text(text)


def rules(folder):
    """What alert rules ask, and what is asked of their past."""
    for rule in rulefile.load().values():
        if getattr(rule.condition, "kind", "") == "drift":
            continue  # is asked for a model that is trained
        meant, _ = resolving.resolved(rule, "iris")
        for wanted in compiling.compiled(meant, PLACE):
            if wanted.kind == compiling.LOG_RULES:
                asked, _ = past.measured(wanted.body["properties"])
                (folder / f"{rule.name}.kql").write_text(asked.query)
                (folder / f"{rule.name}-past.kql").write_text(sliding.slid(asked))


def drift(folder):
    asked = {"baseline": drift_rig.baseline(folder), "versions": ("1", "2")}
    beside = Question(**asked, deployments=("green",), against="blue")
    (folder / "beside.kql").write_text(asking.text(beside))
    (folder / "rule.kql").write_text(
        "\n".join(
            [
                asking.lets(Question(**asked, deployments=(), by_day=False)),
                asking.parts("rule", "evidence"),
            ]
        )
    )


def wrong(folder):
    (folder / "wrong.kql").write_text("AppRequests | where Nope == 1")


@pytest.mark.parametrize(
    ("whose", "at_least"),
    [("tests", 1), ("shipped", 1), ("panels", 1), ("rules", 20), ("drift", 2)],
)
def test_microsoft_accepts_every_query(gate, whose, at_least):
    found = gate[whose]

    assert len(found) >= at_least
    assert {name: errors(f) for name, f in found.items() if errors(f)} == {}


def test_our_result_columns_are_those_microsoft_derives(gate):
    for name, found in gate["tests"].items():
        expected = json.loads((ROOT / f"tests/kql/{name}.expected").read_text())

        assert name in FROM_DATA or expected["columns"] == found["columns"], name


def test_the_gate_refuses_what_azure_would(gate):
    assert [e["code"] for e in errors(gate["wrong"]["wrong"])] == ["KS142"]


def test_the_lock_file_names_no_registry():
    assert "http" not in (GATE / "package-lock.json").read_text()
