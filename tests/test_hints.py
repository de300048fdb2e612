"""Every command that is told to be typed: it exists, is taken, and has its place."""

import re

import pytest
from hint_rig import GIVES_PLACE, HELP, in_code, in_documents
from test_commandline import typed  # noqa: F401

import tasks
from ops import errors
from ops.commandline import names

CODE, DOCUMENTS = list(in_code()), list(in_documents())
VERBS = set(names(tasks.ns))
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.OpsError)
}
# What a page shows of itself has no place; what it leads to is given one by the page.
ON_PAGES = ("ops/page/layout.py", "ops/page/lines.py")


def distinct(hints):
    return sorted({tuple(hint.words) for hint in hints})


@pytest.mark.parametrize("words", distinct(CODE), ids=" ".join)
def test_every_command_in_the_code_is_taken_by_the_command_line(words, typed):  # noqa: F811
    status, said = typed(*words)

    assert words[-1 if words[0] == "--help" else 0] in VERBS
    assert status == 0, said


@pytest.mark.parametrize("words", distinct(DOCUMENTS), ids=" ".join)
def test_every_command_in_the_documents_is_taken_too(words, typed):  # noqa: F811
    status, said = typed(*words)

    assert words[-1 if words[0] == "--help" else 0] in VERBS
    named = words[-1] == words[0] or words[-1].startswith("--")
    assert status == 0 or (named and "needs a" in said), said


def test_there_are_as_many_as_there_seem_to_be():
    """A way to find them that finds none would let every other test pass."""
    assert len(distinct(CODE)) >= 100
    assert len(distinct(DOCUMENTS)) >= 150


def test_none_has_a_word_to_be_filled_in():
    """A pasted `...` or NAME is refused; a reason alone is the person's own."""
    blank = re.compile(r"\.\.\.|\b(NAME|VERB|N|X)\b|<\w+>")
    written = (re.sub(r'--reason \\?"\.\.\.\\?"', "", hint.rest) for hint in CODE)

    assert not [each for each in written if blank.search(each)]


@pytest.mark.parametrize("hint", CODE, ids=lambda hint: hint.where)
def test_each_is_told_with_its_endpoint_and_stage(hint):
    """As a remedy of a refusal, which is given them, or by name."""
    given = GIVES_PLACE | HELP | KINDS
    remedy = hint.text.startswith("invoke ")
    placed = remedy or "--endpoint" in hint.rest or given.intersection(hint.around)

    assert placed or hint.where.startswith(ON_PAGES)
