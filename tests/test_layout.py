"""What verbs print fits 80, 120 and 200 columns, and names stand as they are."""

import re
import sys
from datetime import UTC, datetime, timedelta

import drift_rig
import pytest
from rich.cells import cell_len
from test_drift import judged, normal, sent

from ops import history
from ops.autoscaling import scaleview
from ops.autoscaling.sizing import Size
from ops.creating import Step
from ops.deploy import Phase, Plan
from ops.endpoints import Deployment, Endpoint
from ops.patterns import Found
from ops.validate import Problem
from ops.views import driftview, render, resultview, trafficview

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
# What Rich would take for an emoji, for its markup, and for the end of our own.
MODEL = "azureml:cancer:1"
REASON = "canary :warning: looks [red]bad[/red] [/] and [link=x]here"
WIDTHS = pytest.mark.parametrize("width", [80, 120, 200])


@pytest.fixture
def printed(capsys, monkeypatch):
    """What a function prints on a terminal of some width, without colours."""

    def run(width, function, *given):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        function(*given)
        return capsys.readouterr().out

    return run


def require_whole(out, width, *words):
    """No line is too long, and each word stands unbroken on one of them."""
    for line in out.splitlines():
        assert cell_len(line) <= width, line
    for word in words:
        assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", out), (word, out)


def an_endpoint():
    deployment = Deployment(
        name="blue",
        state="Succeeded",
        instances=12,
        instance_type="Standard_NC24ads_A100_v4",
        model=MODEL,
        environment="a-scoring-environment-of-ours:20261125",
        max_concurrent=20,
        request_timeout_ms=5000,
        tags={},
        body={},
    )
    return Endpoint(
        name="breast-cancer",
        state="Succeeded",
        auth_mode="Key",
        scoring_uri="https://breast-cancer.westeurope.inference.ml.azure.com/score",
        traffic={"blue": 90},
        mirror={"blue": 10},
        tags={},
        deployments={"blue": deployment},
        body={},
    )


@WIDTHS
def test_status(printed, width):
    out = printed(width, render.status, an_endpoint())

    require_whole(out, width, "Standard_NC24ads_A100_v4", MODEL, "Succeeded", "12")
    require_whole(out, width, "a-scoring-environment-of-ours:20261125")


def rows_of_history():
    shared = {"at": NOW, "endpoint": "breast-cancer", "outcome": "done"}
    shared |= {"told_by": "journal"}
    weights = {"blue": 80, "green": 20}
    return [
        history.Row(
            number=1234,
            verb="autoscale.suspend",
            who="a-long-user-name@a-long-host",
            before={"traffic": {"blue": 100}},
            after={"traffic": weights, "mirror": {"green": 10}},
            reason=REASON,
            **shared,
        ),
        history.Row(
            number=0,
            verb="deploy",
            who="me@here",
            before=None,
            after={"traffic": weights, "green": {"model": MODEL, "instances": 1}},
            reason="",
            **shared,
        ),
    ]


def test_an_inline_model_is_named_by_the_start_of_its_hash():
    digest = "f423dc032dc4c2f83eac3cc21780d8ef6c123ffbc2c54307a6cfa75972a0080b"

    assert render.asset(f"{digest}:1") == "inline f423dc03"
    assert render.asset(f"CliV2AnonymousEnvironment:{digest}") == "inline f423dc03"
    assert render.asset("iris:1") == "iris:1"


@WIDTHS
def test_history(printed, width):
    out = printed(width, trafficview.history, rows_of_history(), NOW)

    require_whole(out, width, "autoscale.suspend", "a-long-user-name@a-long-host")
    require_whole(out, width, *REASON.split(), MODEL, "1234")


@WIDTHS
def test_drift(printed, width, tmp_path):
    log = drift_rig.Log()
    log.write(sent(normal(200, 1.5)))
    drift = judged(log, drift_rig.baseline(tmp_path))
    name = "median_income_of_the_household"
    columns = tuple(renamed(each, name) for each in drift.columns)

    out = printed(width, driftview.show, [renamed(drift, None, columns=columns)])

    require_whole(out, width, name, "drift", "before", "now")
    assert out.count(f"{name}  ") >= len(columns)


def renamed(value, name, **more):
    from dataclasses import replace

    return replace(value, **({"name": name} if name else {}), **more)


def steps():
    return [
        Step(kind="model", target=MODEL, action="create", reason="new version"),
        Step(
            kind="environment",
            target="a-scoring-environment-of-ours:20261125",
            action="skip",
            reason="registered by another tool, contents not compared",
        ),
        Step(kind="deployment", target="green", action="update", reason=REASON),
    ]


def a_plan(steps):
    facts = dict.fromkeys(("spec", "deployment", "live"))
    return Plan(steps=steps, contents=[], first=False, **facts)


@WIDTHS
def test_the_plan_of_a_deploy(printed, width):
    plan = a_plan(steps())

    out = printed(width, render.plan, plan)

    require_whole(out, width, MODEL, "a-scoring-environment-of-ours:20261125")
    require_whole(out, width, *REASON.split())


@WIDTHS
def test_the_phases_of_a_deploy(printed, width):
    done = ("done", "skipped", "done")
    phases = [Phase(step=s, outcome=o) for s, o in zip(steps(), done, strict=True)]

    out = printed(width, render.phases, phases)

    require_whole(out, width, MODEL, "a-scoring-environment-of-ours:20261125")
    require_whole(out, width, "created", *REASON.split())


@WIDTHS
def test_what_validate_finds(printed, width):
    where = "specs/breast-cancer/blue-deployment.yaml: environment_variables"
    text = f"{MODEL} is not what the sample request of this deployment needs {REASON}"

    out = printed(width, render.problems, [Problem(where=where, text=text)] * 2, "it")

    require_whole(out, width, *where.split(), *text.split())


@WIDTHS
def test_capacity(printed, width):
    size = Size(
        deployment="a-deployment-with-a-name",
        instances=12,
        max_concurrent=20,
        percent=100,
        per_second=1234.5,
        latency_seconds=0.123,
        latency_of="another",
        needed=13,
        needed_for_all=60,
        refuses_above=13333,
        quota_instances=72,
        quota_cores=1728,
    )

    out = printed(width, scaleview.sizes, [size])

    require_whole(out, width, "a-deployment-with-a-name", "13,333/s", "72 instances")


@WIDTHS
def test_patterns(printed, width):
    pattern = Found(
        pattern=f"{MODEL} was read by <*> after <n> seconds [/] :warning: " * 3,
        counts={"blue": 12, "green": 100_000},
        before=5,
        level="error",
        new="on green",
        last=NOW - timedelta(days=1),
        example="",
    )

    out = printed(width, resultview.patterns, [pattern])

    require_whole(out, width, MODEL, ":warning:", "on green", "100000")


@WIDTHS
def test_a_table_whose_columns_all_fit_has_no_second_lines(printed, width):
    def show():
        table = render.grid("deployment", "state", "because", prose=["because"])
        table.add_row("blue", "Succeeded", "it answers its probes " * 10)
        render.console().print(table)

    out = printed(width, show)

    assert "because it" not in out
    require_whole(out, width, "blue", "Succeeded", "probes")


def test_a_word_wider_than_the_terminal_is_folded_and_not_lost(printed):
    def show():
        table = render.grid("digest", "size")
        table.add_row("sha256:" + "0123456789" * 12, "12 MB")
        render.console().print(table)

    out = printed(80, show)

    assert re.sub(r"\s", "", out).count("0123456789") == 12
    assert "12 MB" in out
