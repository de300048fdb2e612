"""A green that fails every request: every way back to blue, and none to green."""

import os
import subprocess
from dataclasses import replace

import pytest

from tests.flows.desk import ROOT, make_desk, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A desk whose blue works and whose green answers 424 to everything."""
    with running(make_desk(tmp_path_factory.mktemp("back"))) as desk:
        desk("deploy")
        desk.edit(
            "scoring/score.py", "    event = start_event(request)\n", "    1 / 0\n"
        )
        desk("deploy", "--deployment", "green", status=3)
        desk("shift-traffic", "--green", "50")
        desk("load", "--rps", "20", "--for", "6s", "--allow-errors")
        yield desk


def test_a_rollback_leaves_a_broken_green_from_any_machine(broken):
    elsewhere = replace(
        broken,
        state=broken.state.with_name("elsewhere"),
        environment={"AML_OPS_LOCALCLOUD": str(broken.state / "localcloud")},
    )
    assert "nothing" not in elsewhere("history")  # though its journal is empty

    said = elsewhere("rollback", "--reason", "green answers 424")

    assert "blue 50% -> 100%  green 50% -> 0%" in said
    assert "unchanged" in elsewhere("rollback")
    assert broken.json("status")["traffic"] == {"blue": 100}


def test_nothing_leads_back_to_what_is_sicker(broken):
    number = next(
        str(row["number"])
        for row in broken.json("history")
        if row["verb"] == "shift-traffic"
    )

    for words in (("undo",), ("rollback", "--to", number)):
        assert "green is sicker than what it would replace" in broken(*words, status=1)
    assert broken.json("status")["traffic"] == {"blue": 100}
    assert "0% -> 50%" in broken("rollback", "--to", number, "--force", "--dry-run")


def test_a_promotion_goes_back_when_green_gets_sick(broken):
    promotion = subprocess.Popen(
        broken.command("promote-green", "--bake", "30m"),
        env={**os.environ, **broken.variables()},
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    broken("load", "--rps", "20", "--for", "8s", "--allow-errors")

    said, _ = promotion.communicate(timeout=60)

    assert promotion.returncode == 3, said
    assert "green got sick" in said
    assert "iris is back at blue 100%" in said
    assert broken.json("status")["traffic"] == {"blue": 100}
    assert broken.json("status")["deployments"]["blue"]["instances"] == 1
