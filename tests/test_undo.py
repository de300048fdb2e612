"""What can be undone, and what is said where it can't."""

import pytest
from endpoint_rig import NOW

from ops import undo
from ops.errors import Refused
from ops.history import Row


def row(verb, told_by="journal", **facts):
    known = {"before": {"a": 1}, "after": {"a": 2}, "reason": "", "outcome": "done"}
    return Row(
        number=7,
        at=NOW,
        endpoint="iris",
        verb=verb,
        who="mara@desk",
        told_by=told_by,
        **known | facts,
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (row("delete-deployment"), "a deleted deployment is gone"),
        (row("delete-endpoint"), "a deleted endpoint is gone"),
        (row("keys.rotate"), "the old key is gone for good"),
        (row("deploy"), "not kept by Azure under the same name"),
        (row("onlineEndpoints/write", "activity log"), "what it changed is not known"),
        (row("scale", before=None), "what was before is not known"),
        (row("some.verb"), "it knows changes of weights, scale, freeze"),
        (row("diagnose.x", before=["a"]), "it knows changes of weights, scale, freeze"),
    ],
)
def test_what_cannot_be_undone_is_said_plainly(change, why):
    with pytest.raises(Refused, match=why):
        list(undo.run(None, "iris", change, approve=lambda what: None))


def test_it_is_said_what_is_undone():
    text = undo.described(row("scale"))

    assert text == "scale (#7) of 2026-11-25 14:02:00 UTC by mara@desk"
