"""A policy means what its file says; a file that can't be meant is refused whole."""

from pathlib import Path

import pytest

from ops.errors import InvalidSpec, NotFound
from ops.rollouts import policyfile
from ops.rollouts.policy import Step

STEPS = "steps:\n- {weight: 10, bake: 5m}\n"


def refusal(text):
    with pytest.raises(InvalidSpec) as caught:
        policyfile.parse(text, "rollout.yaml")
    return caught.value.problem


def test_the_example_is_sound():
    found = policyfile.load("iris")

    assert [step.shown for step in found.steps] == [
        *("mirror 10%", "5%", "20%", "50%", "100%")
    ]
    assert found.guardrails.errors_ratio == 0.05
    assert found.judge.warm_up_seconds == 30


def test_what_is_left_out_has_its_default():
    found = policyfile.parse(STEPS)

    assert found.steps == (Step(weight_percent=10, bake_seconds=300),)
    assert found.judge.alpha == 0.01
    assert found.missing_data.then == "hold"


@pytest.mark.parametrize("nothing", ["0", "0s"])
def test_no_bake_and_no_warm_up_can_be_said(nothing):
    text = f"steps:\n- {{weight: 10, bake: {nothing}}}\njudge: {{warm_up: {nothing}}}\n"
    found = policyfile.parse(text)

    assert (found.steps[0].bake_seconds, found.judge.warm_up_seconds) == (0, 0)


def test_a_pause_keeps_the_weights_of_the_step_before():
    found = policyfile.parse(STEPS + "- pause: look at the answers\n")

    assert found.steps[1].weight_percent == 10
    assert found.steps[1].pause == "look at the answers"
    assert found.steps[1].requests == 0


def test_all_mistakes_are_told_at_once():
    text = refusal("stpes: []\nlook: 5\npromote: {when: never}\n")

    assert "stpes: unknown key (did you mean steps?)" in text
    assert "look: 5 must be a time with its unit" in text
    assert "promote.when: 'never' must be one of: proof, bake" in text
    assert "steps: must list at least one step" in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- {weight: 10}", "steps[1]: 10 must be above 10, of an earlier step"),
        ("heartbeat: 20s", "heartbeat: must be at least two looks"),
        ("look: 500ms", "look: must be at least 1s"),
        ("missing_data: {after: 1s}", "missing_data.after: must be at least one look"),
        ("judge: {weigh: {errors: 0, latency: 0}}", "judge.weigh: errors and latency"),
        ("judge: 3", "judge: 3 must hold keys and values"),
        ("abort: {percent: true}", "abort.percent: True must be a whole number"),
        ("promote: {margin: .nan}", "promote.margin: nan must be a number"),
        ("look: null", "look: None must be a time"),
        ("1: 2", "1: unknown key"),
    ],
)
def test_what_can_not_be_meant_is_named(text, problem):
    assert problem in refusal(STEPS + text)


def test_proof_is_asked_for_before_the_last_comparison_ends():
    steps = "steps:\n- weight: 10\n- weight: 50\n- weight: 100\n"

    found = policyfile.parse(steps)
    baked = policyfile.parse(steps + "promote: {when: bake}\n")

    assert [found.needs_proof(index) for index in range(3)] == [False, True, False]
    assert not any(baked.needs_proof(index) for index in range(3))


def test_a_step_may_ask_for_proof_itself():
    found = policyfile.parse("steps:\n- {weight: 5, proof: true}\n- weight: 50\n")

    assert found.needs_proof(0)


def test_an_endpoint_without_a_policy_is_told_how_to_get_one(tmp_path):
    with pytest.raises(NotFound, match=r"does not exist(.|\n)*try: cp "):
        policyfile.load("iris", Path(tmp_path / "rollout.yaml"))
