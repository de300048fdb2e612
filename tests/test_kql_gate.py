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
def check(tmp_path_factory):
    """Run the gate over some files: {stem: {diagnostics, columns}}."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("the KQL gate needs Node.js and npm on the path")
    if not (GATE / "node_modules/@kusto").is_dir():
        install()

    def run(schema, files):
        path = tmp_path_factory.mktemp("gate") / "schema.json"
        path.write_text(json.dumps(schema))
        command = ["node", "check.js", str(path), *map(str, files)]
        done = subprocess.run(
            command, cwd=GATE, capture_output=True, check=True, timeout=120
        )
        return {Path(found["file"]).stem: found for found in json.loads(done.stdout)}

    return run


@pytest.fixture(scope="module")
def of_the_tests(check):
    """What the gate says of the queries of the tests."""
    return check(data.SCHEMA, PAIRS)


def install():
    command = ["npm", "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=GATE, capture_output=True, timeout=300)
    if done.returncode:
        pytest.skip("npm could not install Microsoft's language service")


def errors(found):
    return [d for d in found["diagnostics"] if d["severity"] == "Error"]


def test_microsoft_accepts_every_query_of_the_tests(of_the_tests):
    assert {name: errors(f) for name, f in of_the_tests.items() if errors(f)} == {}


def test_our_result_columns_are_those_microsoft_derives(of_the_tests):
    for name, found in of_the_tests.items():
        expected = json.loads((ROOT / f"tests/kql/{name}.expected").read_text())

        assert name in FROM_DATA or expected["columns"] == found["columns"], name


def test_microsoft_accepts_every_shipped_query(check, tmp_path):
    for name in kql.names():
        (tmp_path / f"{name}.kql").write_text(kql.bind(kql.named(name), {}))

    found = check(TABLES, sorted(tmp_path.glob("*.kql")))

    assert found
    assert {name: errors(f) for name, f in found.items() if errors(f)} == {}


def test_microsoft_accepts_what_workbooks_and_grafana_send(check, tmp_path):
    panels = [p for board in boardfile.load().values() for p in board.panels()]
    for panel in panels:
        if panel.source in ("logs", *portable.PROMISED):
            text = replaced(portable.text(panel, IRIS, grafanapanel.WORDS))
            (tmp_path / f"{panel.id}.kql").write_text(text)

    found = check(TABLES, sorted(tmp_path.glob("*.kql")))

    assert found
    assert {name: errors(f) for name, f in found.items() if errors(f)} == {}


def test_microsoft_accepts_what_rules_and_their_past_ask(check, tmp_path):
    for rule in rulefile.load().values():
        if getattr(rule.condition, "kind", "") == "drift":
            continue  # is asked for a model that is trained
        meant, _ = resolving.resolved(rule, "iris")
        for wanted in compiling.compiled(meant, PLACE):
            if wanted.kind == compiling.LOG_RULES:
                asked, _ = past.measured(wanted.body["properties"])
                (tmp_path / f"{rule.name}.kql").write_text(asked.query)
                (tmp_path / f"{rule.name}-past.kql").write_text(sliding.slid(asked))

    found = check(TABLES, sorted(tmp_path.glob("*.kql")))

    assert len(found) >= 20


def test_microsoft_accepts_the_questions_of_drift(check, tmp_path):
    base = drift_rig.baseline(tmp_path)
    asked = {"baseline": base, "versions": ("1", "2")}
    beside = Question(**asked, deployments=("green",), against="blue")
    (tmp_path / "beside.kql").write_text(asking.text(beside))
    (tmp_path / "rule.kql").write_text(
        "\n".join(
            [
                asking.lets(Question(**asked, deployments=(), by_day=False)),
                asking.parts("rule", "evidence"),
            ]
        )
    )

    found = check(TABLES, sorted(tmp_path.glob("*.kql")))

    assert len(found) == 2
    assert {name: errors(f) for name, f in found.items() if errors(f)} == {}


def test_the_gate_refuses_what_azure_would(check, tmp_path):
    wrong = tmp_path / "wrong.kql"
    wrong.write_text("AppRequests | where Nope == 1")

    assert [e["code"] for e in errors(check(TABLES, [wrong])["wrong"])] == ["KS142"]


def test_the_lock_file_names_no_registry():
    assert "http" not in (GATE / "package-lock.json").read_text()
