"""A search that finds nothing is worth what it would find: doors broken on purpose."""

import pytest
from search_rig import here

from ops import door, lease, outside, tags, unfinished, writing
from ops.lease import Held, Note
from tests.search.searching import Found, search

# A thread that is killed ends with SystemExit, which threading itself passes over.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)
MOST = 8_000  # requests, until it must be found


def no_lock(patch):
    patch.setattr(lease, "_taken", lambda *a: Held(None, Note(), without="broken"))


def not_compared_before_the_write(patch):
    patch.setattr(writing, "_require_unchanged", lambda *a: None)


def a_lost_lock_does_not_count(patch):
    patch.setattr(lease._Lock, "_check", lambda self, reply: None)


def stale_reads_believed(patch):
    """Not read again, neither under the lock nor just before the write."""
    patch.setattr(writing, "STALE_SECONDS", -1.0)
    patch.setattr(writing, "_require_unchanged", lambda *a: None)


def not_read_back(patch):
    patch.setattr(writing, "read_back", lambda *a: None)


def activity_log_not_read(patch):
    patch.setattr(outside, "_foreign", lambda *a: [])


def others_tags_dropped(patch):
    patch.setattr(tags, "merged", lambda kept, new: tags.ours({**kept, **drop(new)}))


def record_not_written(patch):
    patch.setattr(
        tags, "recorded", lambda change, kept: {tags.FENCE: str(change.fence)}
    )


def freeze_not_heeded(patch):
    patch.setattr(door, "require_unfrozen", lambda *a: None)


def cut_off_means_done(patch):
    patch.setattr(unfinished, "became", lambda *a: ("done", "broken"))


def never_released(patch):
    patch.setattr(lease._Lock, "_lease", held_on(lease._Lock._lease))


def held_on(asked):
    def ask(self, action):
        return asked(self, "renew" if action == "release" else action)

    return ask


def drop(new):
    return {name: value for name, value in new.items() if value is not None}


QUICK = (no_lock, not_read_back, others_tags_dropped, record_not_written)
MORE = (
    *(not_compared_before_the_write, a_lost_lock_does_not_count),
    *(stale_reads_believed, activity_log_not_read, freeze_not_heeded),
    *(cut_off_means_done, never_released),
)


@pytest.mark.parametrize(
    "break_it",
    [*QUICK, *(pytest.param(each, marks=pytest.mark.long) for each in MORE)],
    ids=lambda each: each.__name__,
)
def test_a_broken_door_is_found(break_it, monkeypatch, record_property):
    here(monkeypatch)
    break_it(monkeypatch)

    found = search("broken", MOST)

    assert isinstance(found, Found)
    record_property("requests", found.requests)
