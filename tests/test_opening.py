"""What is told and asked of whoever comes through the door."""

from datetime import timedelta

import pytest
from endpoint_rig import NOW, endpoint

from ops import door, tags
from ops.errors import Refused
from ops.lease import Held, Note
from ops.tags import Freeze


def note(**facts):
    return Note(verb="shift-traffic", who="mara@desk", since="14:02", **facts)


@pytest.mark.parametrize(
    ("wrote", "upon", "shown", "says"),
    [
        (0, 0, 0, ""),  # nobody has written yet
        (7, 5, 7, ""),
        (7, 5, 9, ""),  # a rollback that went without the lock
        (7, 5, 5, "is not there: it was cut off, or overwritten since"),
        (7, 5, 6, "was overwritten: the endpoint shows #6, an older one"),
        (7, 5, 0, "was overwritten: the endpoint shows #0, an older one"),
    ],
)
def test_a_write_that_is_not_shown_is_told(wrote, upon, shown, says):
    told = door.overwritten(note(wrote=wrote, upon=upon), shown)

    assert [says in each for each in told] == ([True] if says else [])


def test_each_write_has_a_number_higher_than_all_before():
    held = Held(None, Note(fence=4))

    assert held.announce(upon=2) == 4
    assert held.announce(upon=4) == 5  # a second one of the same holder
    assert held.announce(upon=41) == 42  # the lock's blob was new, the tags are not


def test_a_freeze_ends_by_the_services_clock():
    freeze = Freeze(until=NOW + timedelta(hours=8), who="mara@desk", reason="audit")
    live = endpoint({"blue": 100}, kept={tags.FREEZE: tags.frozen(freeze)})

    with pytest.raises(Refused, match=r"frozen until 2026-11-25 22:02:00 UTC by mara"):
        door.require_unfrozen(live, NOW)
    door.require_unfrozen(live, NOW + timedelta(hours=8))


@pytest.mark.parametrize(
    ("mirror", "until", "due"),
    [
        ({"green": 10}, NOW, True),
        ({"green": 10}, NOW + timedelta(seconds=1), False),
        ({}, NOW, False),
        ({"green": 10}, None, False),  # of another tool, which said no end
    ],
)
def test_a_mirror_is_due_when_its_time_is_over(mirror, until, due):
    kept = {tags.MIRROR_UNTIL: tags.stamp(until)} if until else {}

    assert door.mirror_due(endpoint({"blue": 100}, mirror, kept), NOW) == due
