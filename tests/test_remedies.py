"""Where the remedies of a refusal act."""

import ast

import pytest
from invoke import Context

from ops import hints, settings
from ops.errors import Refused
from ops.verbs import CHANGING, Call, changes


@changes()
def refused(call):
    """Refuse."""
    raise Refused("No.", "invoke mirror --off   # first", "invoke cloud.up", "az login")


@pytest.mark.parametrize(
    ("flags", "remedy"),
    [
        ({}, "invoke mirror --off   # first"),
        ({"endpoint": "wine"}, "invoke mirror --off --endpoint wine   # first"),
        ({"stage": "prod"}, "invoke mirror --off --stage prod   # first"),
    ],
)
def test_a_remedy_acts_where_the_refused_verb_did(flags, remedy):
    defaults = {name: default for name, (default, _) in CHANGING.items()}

    with pytest.raises(Refused) as refusal:
        refused(Context(), **defaults | flags)

    stage = f" --stage {flags['stage']}" if "stage" in flags else ""
    remedies = [remedy, f"invoke cloud.up{stage}", "az login"]
    assert str(refusal.value) == "\n".join(["No.", *(f"  try: {r}" for r in remedies)])


ROOT = settings.ROOT
FILED = {"stage": "local", "endpoint": "iris"}  # in invoke.yaml


@pytest.mark.parametrize(
    ("own", "given", "remedy"),
    [
        ({}, {}, "invoke status"),
        ({}, FILED, "invoke status"),
        ({"endpoint": "wine"}, {}, "invoke status --endpoint wine"),
        ({"endpoint": "wine"}, FILED, "invoke status --endpoint iris"),
        ({"endpoint": "wine"}, {"endpoint": "a"}, "invoke status --endpoint a"),
        ({"stage": "dev"}, {}, "invoke status --stage dev"),
        ({"stage": "dev"}, FILED, "invoke status --stage local"),
        (
            {"stage": "dev", "endpoint": "wine"},
            FILED,
            "invoke status --stage local --endpoint iris",
        ),
    ],
)
def test_a_pasted_remedy_acts_there_with_the_persons_settings_or_without(
    own, given, remedy
):
    call = Call("scale", FILED | own, given)
    hints.act_at(**call.place)

    assert hints.led("invoke status") == remedy


@pytest.mark.parametrize(
    ("typed", "remedy"),
    [
        (
            "invoke score -n 5   # again",
            "invoke score -n 5 --stage dev --endpoint a   # again",
        ),
        ("invoke status --endpoint b", "invoke status --endpoint b --stage dev"),
        ("invoke cloud.drills --on", "invoke cloud.drills --on --stage dev"),
        ("invoke --help scale", "invoke --help scale"),
        ("az login", "az login"),
        ("ask for quota", "ask for quota"),
    ],
)
def test_only_what_needs_a_place_is_given_one(typed, remedy):
    hints.act_at(stage="dev", endpoint="a")

    assert hints.led(typed) == remedy


def test_a_hint_in_a_sentence_has_a_place_too():
    hints.act_at(endpoint="a")

    assert f"{hints.hint('split')} tells it" == "`invoke split --endpoint a` tells it"


def test_the_defaults_are_named_in_one_place():
    """Elsewhere `iris` or `local` would be right until invoke.yaml says otherwise."""
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in [*ROOT.glob("ops/**/*.py"), *ROOT.glob("verbs/*.py")]
        if "localcloud" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in ("iris", "local")
    ]

    assert {each.partition(":")[0] for each in named} == {"ops/verbs.py"}
    assert len(named) == 2
