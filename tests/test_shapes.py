"""A 200 with garbage in it is told by what a good answer looks like."""

import json

import pytest

from ops.rollouts import shapes

GOOD = {
    "model": "iris",
    "labels": ["setosa", "virginica"],
    "probabilities": [[0.9, 0.1], [0.2, 0.8]],
    "note": None,
}


def told(answer, wanted=GOOD):
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return shapes.difference(shapes.shape(json.dumps(wanted).encode()), body)


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        {**GOOD, "model": "another"},
        {**GOOD, "more": [1]},
        {**GOOD, "note": "anything"},
        {**GOOD, "labels": ["setosa"]},
        {**GOOD, "probabilities": [[1, 0, 0]]},
    ],
)
def test_a_newer_model_may_say_more_and_other_values(answer):
    assert told(answer) == ""


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "the answer is empty"),
        (b"<html>It works!</html>", "the answer is not JSON"),
        ([GOOD], "answer is a list, not an object"),
        ({"message": "failed"}, "answer.model is missing"),
        ({**GOOD, "labels": []}, "answer.labels is empty"),
        ({**GOOD, "labels": None}, "answer.labels is null, not a list"),
        ({**GOOD, "labels": ["a", 1]}, "answer.labels[1] is a number, not text"),
        ({**GOOD, "model": True}, "answer.model is true or false, not text"),
        (
            {**GOOD, "probabilities": [[0.9, float("nan")]]},
            "answer.probabilities[0][1] is nan, not a finite number",
        ),
    ],
)
def test_garbage_is_told_by_where_it_is(answer, says):
    assert told(answer) == says


def test_what_good_answers_do_not_agree_on_is_not_asked_for():
    several = [b'{"a": 1, "b": "x"}', b'{"a": "one"}', b'{"a": 2, "b": "y"}']

    wanted = shapes.learned(several)

    assert wanted == {"a": shapes.ANY}
    assert shapes.difference(wanted, b'{"a": [1]}') == ""


def test_an_answer_that_is_no_json_only_has_to_be_there():
    wanted = shapes.learned([b"\x89PNG\r\n"])

    assert shapes.difference(wanted, b"other bytes") == ""
    assert shapes.difference(wanted, b" ") == "the answer is empty"


def test_a_shape_survives_being_written_down():
    wanted = shapes.shape(json.dumps(GOOD).encode())

    assert json.loads(json.dumps(wanted)) == wanted


def test_of_nothing_nothing_is_learned_and_nothing_asked():
    assert shapes.learned([]) is None
    assert shapes.difference(None, b"anything") == ""
