"""What a service says, turned into a cause and a remedy."""

import pytest
import requests

from ops import refusals
from ops.errors import Interrupted, InvalidSpec, OpsError, Unhealthy, UsageError
from ops.views import render


class Body:
    def __init__(self, code, message, details=()):
        self.code, self.message, self.details = code, message, list(details)


class Failure:
    def __init__(self, body):
        self.error = body


def test_the_inner_code_names_the_cause_and_the_remedy():
    inner = Body("ImageBuildFailure", "no such package")
    failure = Failure(Body("UserError", "The deployment failed.", [inner]))

    assert refusals.code(failure) == "ImageBuildFailure"
    assert "storage-initializer" in refusals.remedies(failure)[0]
    assert refusals.cause(failure).splitlines() == [
        "UserError: The deployment failed.",
        "  ImageBuildFailure: no such package",
    ]


def test_an_unknown_code_has_no_invented_remedy():
    failure = Failure(Body("Surprise", "?"))

    assert (refusals.code(failure), refusals.remedies(failure)) == ("Surprise", ())


def test_colours_of_the_sdk_are_removed():
    assert refusals.plain("\x1b[31m\nno\x1b[0m \n\n") == "no"


def test_who_did_not_answer_is_told_in_few_words():
    with pytest.raises(requests.ConnectionError) as refused:
        requests.get("https://127.0.0.1:1/none", timeout=5)

    assert refusals.silence(str(refused.value)) == "127.0.0.1:1: Connection refused"
    assert refusals.silence("timed out\n") == "timed out"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext", "plain\ttext"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x1b]0;title\x07after", "after"),
        ("back\x08\x08space\r", "backspace"),
        ("\x9b31mred", "red"),
        ("ünïcödé ✓", "ünïcödé ✓"),
    ],
)
def test_nothing_a_model_prints_drives_the_terminal(text, shown):
    assert render.clean(text) == shown


@pytest.mark.parametrize(
    ("kind", "status"),
    [(OpsError, 1), (UsageError, 2), (Unhealthy, 3), (Interrupted, 130)],
)
def test_each_refusal_has_its_exit_status(kind, status):
    refusal = kind("{problem} with braces", "remedy")

    assert refusal.code == status
    assert str(refusal) == "{problem} with braces\n  try: remedy"


def test_all_problems_of_a_spec_are_told_together():
    text = str(InvalidSpec(["a: wrong", "b: missing"]))

    assert text.splitlines() == [
        "2 problems in the specs:",
        "  - a: wrong",
        "  - b: missing",
    ]
