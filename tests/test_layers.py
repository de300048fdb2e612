"""Who may import whom, read from the code itself."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Of the foundation, but for what is named below.
PACKAGES = (
    "alerting",
    "autoscaling",
    "boards",
    "drifting",
    "page",
    "rollouts",
    "views",
)


def words(text):
    return set(text.split())


CAPABILITIES = words(
    """
    alerts assets autoscale dashboards deployments diagnose drift drills freeze keys
    logs metrics mirroring openloop patterns query rollback scoring shifting training
    validate watch
    autoscaling.playing autoscaling.showing autoscaling.sizing
    autoscaling.suspending alerting.answering alerting.backtesting alerting.listing
    alerting.relaying alerting.showing alerting.silencing alerting.telling
    alerting.trying rollouts.forecast
    rollouts.preflight rollouts.rehearsal
    """
)
PROCEDURES = words(
    """
    deploy dryrun load promote rollout undo watchdog rollouts.detached
    rollouts.following
    """
)
FOUNDATION = words(
    """
    activity capacity clients clock cloud commandline conda connections
    contents creating
    credentials diagnostics door endpoints errors fields flow hints history journal
    kql lease likeness literals logrecords logrows measures orders outside payloads
    pipeline platform private proportions readings refusals reversal script settings
    sieve signin slo specs split startup storage suggestions tags tails tally times
    traffic typedline unfinished uploads verbs weights window writing yaml_file
    """
)


def module(path):
    """`traffic`, or `rollouts.course`: what comes after `ops.` in an import."""
    return ".".join(path.relative_to(ROOT / "ops").with_suffix("").parts)


OPS = sorted(
    path
    for folder in (".", *PACKAGES)
    for path in (ROOT / "ops" / folder).glob("*.py")
    if path.stem != "__init__"
)
# The live page stands where the verbs stand: it shows and steers what they do.
PAGE = {module(p) for p in OPS if p.parent.name == "page"}
BELOW = CAPABILITIES | PROCEDURES | PAGE
FOUNDATION |= {module(p) for p in OPS if "." in module(p)} - BELOW
KNOWN = FOUNDATION | BELOW
WRITTEN = {"rollouts.standing", "tags", "weights"}  # what stands in an endpoint itself
MAY_IMPORT_AZURE = {"clients", "creating", "pipeline", "signin"}
MAY_IMPORT_INVOKE = {"commandline", "errors", "verbs"}


@cache
def imported(path, *, top_level_only=False):
    """The modules a file imports; those under TYPE_CHECKING don't count."""
    return list(_imported(ast.parse(path.read_text()), path, top_level_only))


def _imported(tree, path, top_level_only):
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
    names = {name.removeprefix("ops.") for name in imported(path, **options)}
    inside = {"localcloud" for name in names if name.startswith("localcloud")}
    return names & KNOWN | inside


def test_every_module_has_its_storey():
    assert {module(path) for path in OPS} == KNOWN


@pytest.mark.parametrize("path", OPS, ids=module)
def test_imports_point_downward(path):
    allowed = {
        **dict.fromkeys(FOUNDATION, FOUNDATION),
        **dict.fromkeys(CAPABILITIES, FOUNDATION),
        **dict.fromkeys(PROCEDURES, FOUNDATION | CAPABILITIES),
        **dict.fromkeys(PAGE, KNOWN),
        "errors": {"hints"},
    }[module(path)]

    assert ops_modules(path) <= allowed | {module(path)}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "ops/diagnosis").glob("*.py")), ids=lambda path: path.stem
)
def test_rules_know_facts_and_nothing_that_reads_them(path):
    assert ops_modules(path) <= {"endpoints", "journal", "measures", "times", *WRITTEN}


def test_the_foundation_has_no_cycle():
    below = {module(p): ops_modules(p, top_level_only=True) - {module(p)} for p in OPS}
    done = set()
    while ready := {m for m, needs in below.items() if needs <= done} - done:
        done |= ready

    assert set(below) == done


@pytest.mark.parametrize("path", OPS, ids=module)
def test_azure_is_imported_inside_functions_of_few_modules(path):
    azure = {name for name in imported(path) if name.startswith("azure")}
    at_once = set(imported(path, top_level_only=True))

    assert not azure or path.stem in MAY_IMPORT_AZURE
    assert not {name for name in at_once if name.startswith("azure")}


@pytest.mark.parametrize("path", OPS, ids=module)
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
