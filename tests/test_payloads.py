"""What requests carry: files, lines of files, and features that drift."""

import json

import pytest

from ops import payloads
from ops.errors import UsageError

NAMES = ["sepal_length", "sepal_width"]


def test_a_document_is_one_body_and_each_line_of_jsonl_another(tmp_path):
    for name in ("one.json", "many.jsonl"):
        (tmp_path / name).write_text('{"data": [[1]]}\n\n{"data": [[2]]}\n')

    assert len(payloads.cycle(str(tmp_path / "one.json"), "iris", None)) == 1
    assert payloads.cycle(str(tmp_path / "many.jsonl"), "iris", None) == [
        b'{"data": [[1]]}',
        b'{"data": [[2]]}',
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [("\n\n", "holds no request"), ("1\n{\n2\n}", "not JSON: 2, 4")],
)
def test_jsonl_without_a_request_on_each_line_is_refused(tmp_path, text, says):
    file = tmp_path / "bad.jsonl"
    file.write_text(text)

    with pytest.raises(UsageError, match=says):
        payloads.cycle(str(file), "iris", None)


@pytest.mark.parametrize(
    "body",
    [
        [[5.1, 3.5], [6, 3]],
        {"data": [[5.1, 3.5], [6, 3]]},
        {"input_data": [[5.1, 3.5], [6, 3]]},
        {"input_data": {"columns": NAMES, "data": [[5.1, 3.5], [6, 3]]}},
    ],
)
def test_drift_moves_the_named_feature_of_every_row(body):
    asked = payloads.shifts(["sepal_length=+1.5", "sepal_width=-0.5"])

    moved = json.loads(payloads.drifted(json.dumps(body).encode(), asked, NAMES))

    expected = json.dumps(body).replace(
        "[[5.1, 3.5], [6, 3]]", "[[6.6, 3.0], [7.5, 2.5]]"
    )
    assert moved == json.loads(expected)


def test_columns_of_the_request_itself_say_which_is_which():
    body = {"input_data": {"columns": NAMES[::-1], "data": [[3.5, 5.1]]}}

    moved = payloads.drifted(json.dumps(body).encode(), {"sepal_length": 1.0}, [])

    assert json.loads(moved)["input_data"]["data"] == [[3.5, 6.1]]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('{"data": [[1, 2]]}', "no feature 'petal' .*: sepal_length, sepal_width"),
        ('{"dat": [[1, 2]]}', "needs a request with rows"),
        ('"rows"', "needs a request with rows"),
        ("hello", "not JSON"),
    ],
)
def test_drift_of_what_is_not_there_is_refused(body, says):
    with pytest.raises(UsageError, match=says):
        payloads.drifted(body.encode(), {"petal": 1.0}, NAMES)


@pytest.mark.parametrize("row", ['["x", 1]', "[true, 1]", "[]", "[null]", "7"])
def test_drift_moves_numbers_alone(row):
    with pytest.raises(UsageError, match="is no number"):
        payloads.drifted(f'{{"data": [{row}]}}'.encode(), {NAMES[0]: 1.0}, NAMES)


@pytest.mark.parametrize("text", ["", "a", "a=", "=1", "a=x", "a=nan", "a=inf"])
def test_a_drift_that_cannot_be_meant_is_refused(text):
    with pytest.raises(UsageError, match=r"--drift takes feature=\+1.5"):
        payloads.shifts([text])


def test_a_feature_drifts_once():
    with pytest.raises(UsageError, match="a is given twice"):
        payloads.shifts(["a=1", "a=2"])


def test_a_load_sends_the_many_requests_that_came_with_a_model(tmp_path, monkeypatch):
    many = tmp_path / payloads.SAMPLES
    many.write_text('{"data": [[1]]}\n{"data": [[2]]}\n')
    there = {payloads.SAMPLES: many}
    monkeypatch.setattr(payloads, "_beside_model", lambda spec, name, f: there.get(f))

    assert payloads.cycle(None, "iris", None) == [
        b'{"data": [[1]]}',
        b'{"data": [[2]]}',
    ]
