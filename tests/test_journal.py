"""The journal: what was changed, kept through crashes."""

from datetime import UTC, datetime

import pytest

from ops import journal
from ops.errors import Busy, OpsError, Refused, UsageError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _state(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path))


def test_a_change_is_kept_with_before_and_after():
    with journal.change(
        "scale", "local", "iris", "load", before={"blue": 1}, at=NOW
    ) as record:
        record.after = {"blue": 3}

    (entry,) = journal.entries("local")

    assert (entry.verb, entry.reason, entry.outcome) == ("scale", "load", "done")
    assert (entry.before, entry.after) == ({"blue": 1}, {"blue": 3})


def test_a_refusal_is_kept_as_failed():
    with pytest.raises(Refused), journal.change("scale", "local", "iris", at=NOW):
        raise Refused("no room")

    (entry,) = journal.entries("local")

    assert (entry.outcome, entry.detail) == ("failed", "no room")


def test_ctrl_c_is_kept_as_interrupted():
    with (
        pytest.raises(KeyboardInterrupt),
        journal.change("scale", "local", "iris", at=NOW),
    ):
        raise KeyboardInterrupt

    assert journal.entries("local")[0].outcome == "interrupted"


def test_a_change_without_an_end_was_cut_off(tmp_path):
    with journal.change("scale", "local", "iris", at=NOW):
        pass
    path = tmp_path / "journal" / "local.jsonl"
    first, _ = path.read_text().splitlines()
    path.write_text(first + '\n{"id": "torn')

    assert journal.entries("local")[0].outcome == "cut off"


def test_a_torn_line_does_not_swallow_the_next_entry(tmp_path):
    path = tmp_path / "journal" / "local.jsonl"
    path.parent.mkdir()
    path.write_text('{"id": "torn')

    with journal.change("scale", "local", "iris", at=NOW):
        pass

    assert [entry.outcome for entry in journal.entries("local")] == ["done"]


def test_the_newest_come_first_and_others_stay_out():
    for endpoint in ("iris", "other", "iris"):
        with journal.change("deploy", "local", endpoint, at=NOW) as record:
            record.after = endpoint

    assert [e.endpoint for e in journal.entries("local", "iris")] == ["iris", "iris"]
    assert len(journal.entries("local", most=2)) == 2


def test_two_changes_of_one_endpoint_exclude_each_other():
    with (
        journal.change("deploy", "local", "iris", at=NOW),
        pytest.raises(Busy, match="deploy, process"),
        journal.change("scale", "local", "iris", at=NOW),
    ):
        pass

    assert len(journal.entries("local")) == 1


def test_nothing_is_changed_where_the_journal_cannot_be_written(tmp_path):
    (tmp_path / "journal").write_text("a file in the way")

    with (
        pytest.raises(OpsError, match="Nothing has been changed"),
        journal.change("scale", "local", "iris", at=NOW),
    ):
        pytest.fail("the change went on without its journal entry")


def test_nothing_is_changed_where_the_lock_cannot_be_taken(tmp_path):
    (tmp_path / "locks").write_text("a file in the way")

    with (
        pytest.raises(OpsError, match="Nothing has been changed"),
        journal.lock("scale", "local", "iris"),
    ):
        pytest.fail("the change went on without its lock")


@pytest.mark.parametrize("text", ["0", "-1", "many", "10001"])
def test_most_is_a_sensible_number(text):
    with pytest.raises(UsageError):
        journal.most(text)
