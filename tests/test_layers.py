"""Who may import whom, read from the code itself."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ERRORS = {"errors"}
FOUNDATION = ERRORS | {
    *(
        "clients",
        "clock",
        "cloud",
        "conda",
        "creating",
        "endpoints",
        "journal",
        "pipeline",
    ),
    *("charts", "diagnostics", "kql", "literals", "logrecords", "logrows", "logview"),
    *("refusals", "resultview", "tails"),
    *("render", "script", "settings", "sieve", "specs", "times", "verbs", "window"),
}
FOUNDATION |= {
    "drillview",
    "live",
    "measures",
    "panels",
    "platform",
    "readings",
    "screen",
    "shapes",
}
FOUNDATION |= {"decisions", "evidence", "fields", "observed", "policy", "reasons"}
FOUNDATION |= {"orders", "policyfile", "verdicts"}
FOUNDATION |= {"arrivals", "canary", "credentials", "firing", "probes"}
FOUNDATION |= {
    "acting",
    "course",
    "observing",
    "progress",
    "records",
    "replay",
    "replayview",
}
FOUNDATION |= {"restoring", "rolloutview", "runner", "standing"}
FOUNDATION |= {"forecastview", "simtraffic", "simulation"}
FOUNDATION |= {"connections", "loadview", "payloads", "tally"}
FOUNDATION |= {
    "activity",
    "capacity",
    "door",
    "flow",
    "history",
    "lease",
    "outside",
    "proportions",
}
FOUNDATION |= {"split", "storage", "tags", "traffic", "trafficview", "unfinished"}
FOUNDATION |= {"weights", "writing"}
FOUNDATION |= {"rulefields", "scalefile", "scalerules", "scaling", "schedules"}
FOUNDATION |= {"timefields", "zones", "scaleengine", "scaleloads", "scalemetrics"}
FOUNDATION |= {"floors", "scalefate", "scalesettings", "scaleview", "scalewords"}
CAPABILITIES = {
    *("forecast", "rehearsal"),
    *(
        "assets",
        "deployments",
        "keys",
        "logs",
        "preflight",
        "scoring",
        "freeze",
        "mirroring",
        "rollback",
        "shifting",
        "training",
    ),
    *(
        "diagnose",
        "drills",
        "metrics",
        "openloop",
        "patterns",
        "query",
        "validate",
        "watch",
    ),
    *("autoscale", "scaleshow", "scalesim", "sizing", "suspending"),
}
PROCEDURES = {"deploy", "dryrun", "load", "promote", "undo"}
PROCEDURES |= {"detached", "following", "rollout", "watchdog"}
KNOWN = FOUNDATION | CAPABILITIES | PROCEDURES
WRITTEN = {"standing", "weights"}  # what stands in an endpoint itself
MAY_IMPORT_AZURE = {"clients", "creating", "pipeline"}
MAY_IMPORT_INVOKE = {"errors", "verbs"}


def imported(path, *, top_level_only=False):
    """The modules a file imports; those under TYPE_CHECKING don't count."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ops_modules(path, **options):
    names = {name for name in imported(path, **options) if name.startswith("ops.")}
    return {name.split(".")[1] for name in names} & (KNOWN | {"localcloud"})


OPS = sorted(path for path in (ROOT / "ops").glob("*.py") if path.stem != "__init__")


def test_every_module_has_its_storey():
    assert {path.stem for path in OPS} == KNOWN


@pytest.mark.parametrize("path", OPS, ids=lambda path: path.stem)
def test_imports_point_downward(path):
    allowed = {
        **dict.fromkeys(FOUNDATION, FOUNDATION),
        **dict.fromkeys(CAPABILITIES, FOUNDATION),
        **dict.fromkeys(PROCEDURES, FOUNDATION | CAPABILITIES),
        "errors": set(),
    }[path.stem]

    assert ops_modules(path) <= allowed | {path.stem}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "ops/diagnosis").glob("*.py")), ids=lambda path: path.stem
)
def test_rules_know_facts_and_nothing_that_reads_them(path):
    assert ops_modules(path) <= {"endpoints", "journal", "measures", *WRITTEN}


def test_the_foundation_has_no_cycle():
    below = {p.stem: ops_modules(p, top_level_only=True) - {p.stem} for p in OPS}
    done = set()
    while ready := {m for m, needs in below.items() if needs <= done} - done:
        done |= ready

    assert set(below) == done


@pytest.mark.parametrize("path", OPS, ids=lambda path: path.stem)
def test_azure_is_imported_inside_functions_of_few_modules(path):
    azure = {name for name in imported(path) if name.startswith("azure")}
    at_once = set(imported(path, top_level_only=True))

    assert not azure or path.stem in MAY_IMPORT_AZURE
    assert not {name for name in at_once if name.startswith("azure")}


@pytest.mark.parametrize("path", OPS, ids=lambda path: path.stem)
def test_only_the_edge_knows_invoke(path):
    names = {name.split(".")[0] for name in imported(path)}

    assert "invoke" not in names or path.stem in MAY_IMPORT_INVOKE


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "ops/localcloud").rglob("*.py")),
    ids=lambda path: str(path.relative_to(ROOT / "ops")),
)
def test_localcloud_shares_no_code_with_the_toolkit(path):
    outside = {
        name
        for name in imported(path)
        if name.startswith("ops.") and not name.startswith("ops.localcloud")
    }

    assert not outside


@pytest.mark.parametrize("path", [*(ROOT / "scoring").glob("*.py")], ids=str)
def test_the_scoring_script_stands_alone(path):
    assert not {name for name in imported(path) if name.split(".")[0] == "ops"}


@pytest.mark.parametrize(
    "path", [p for p in ROOT.glob("ops/**/*.py")], ids=lambda p: p.stem
)
def test_files_stay_small(path):
    assert len(path.read_text().splitlines()) <= 350
