"""Where the remedies of a refusal act."""

import pytest
from invoke import Context

from ops.errors import Refused
from ops.verbs import CHANGING, changes


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

    remedies = [remedy, "invoke cloud.up", "az login"]
    assert str(refusal.value) == "\n".join(["No.", *(f"  try: {r}" for r in remedies)])
