"""The journal: what was changed, kept through crashes."""

import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from ops import journal
from ops.errors import Busy, OpsError, Refused, UsageError

NOW = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)


def changed(verb, endpoint="iris", reason="", **known):
    return journal.noted(verb, "local", endpoint, reason, at=NOW, **known)


@pytest.fixture(autouse=True)
def _state(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path))


def test_a_change_is_kept_with_before_and_after():
    with changed("scale", reason="load", before={"blue": 1}) as record:
        record.after = {"blue": 3}

    (entry,) = journal.entries("local")

    assert (entry.verb, entry.reason, entry.outcome) == ("scale", "load", "done")
    assert (entry.before, entry.after) == ({"blue": 1}, {"blue": 3})


def test_a_refusal_is_kept_as_failed():
    with pytest.raises(Refused), changed("scale"):
        raise Refused("no room")

    (entry,) = journal.entries("local")

    assert (entry.outcome, entry.detail) == ("failed", "no room")


def test_ctrl_c_is_kept_as_interrupted():
    with (
        pytest.raises(KeyboardInterrupt),
        changed("scale"),
    ):
        raise KeyboardInterrupt

    assert journal.entries("local")[0].outcome == "interrupted"


def test_a_change_without_an_end_was_cut_off(tmp_path):
    (entry,) = begun_elsewhere(tmp_path, pid=_dead())

    assert (entry.outcome, entry.open) == ("cut off", True)


def test_a_change_whose_process_lives_is_running(tmp_path):
    (entry,) = begun_elsewhere(tmp_path, pid=os.getpid())

    assert (entry.outcome, entry.open) == ("running", False)


def test_what_became_of_a_change_is_written_down_once(tmp_path):
    (entry,) = begun_elsewhere(tmp_path, pid=_dead())

    journal.settle(entry, "done", "the endpoint shows it")

    (settled,) = journal.entries("local")
    assert (settled.outcome, settled.open) == ("done", False)
    assert settled.after == entry.wanted == {"blue": 3}


def begun_elsewhere(state, pid):
    """The journal with a change that another process has begun and not ended."""
    with changed("scale", wanted={"blue": 3}):
        pass
    path = state / "journal" / "local.jsonl"
    first = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps({**first, "pid": pid}) + '\n{"id": "torn')
    return journal.entries("local")


def _dead():
    """The pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_torn_line_does_not_swallow_the_next_entry(tmp_path):
    path = tmp_path / "journal" / "local.jsonl"
    path.parent.mkdir()
    path.write_text('{"id": "torn')

    with changed("scale"):
        pass

    assert [entry.outcome for entry in journal.entries("local")] == ["done"]


def test_the_newest_come_first_and_others_stay_out():
    for endpoint in ("iris", "other", "iris"):
        with changed("deploy", endpoint) as record:
            record.after = endpoint

    assert [e.endpoint for e in journal.entries("local", "iris")] == ["iris", "iris"]
    assert len(journal.entries("local", most=2)) == 2


def test_two_changes_of_one_endpoint_exclude_each_other():
    with (
        journal.lock("deploy", "local", "iris"),
        pytest.raises(Busy, match="deploy, process"),
        journal.lock("scale", "local", "iris"),
    ):
        pass


def test_the_lock_of_one_who_is_soon_done_is_waited_for():
    with ThreadPoolExecutor() as pool, journal.lock("deploy", "local", "iris"):
        other = pool.submit(_take, patience_seconds=20)

    assert other.result() == "taken"


def _take(patience_seconds):
    with journal.lock("scale", "local", "iris", patience_seconds):
        return "taken"


def test_nothing_is_changed_where_the_journal_cannot_be_written(tmp_path):
    (tmp_path / "journal").write_text("a file in the way")

    with (
        pytest.raises(OpsError, match="Nothing has been changed"),
        changed("scale"),
    ):
        pytest.fail("the change went on without its journal entry")


def test_a_full_disk_does_not_keep_anybody_from_going_back(tmp_path):
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal/local.jsonl").symlink_to("/dev/full")
    (tmp_path / "localcloud").mkdir()

    with pytest.raises(OpsError) as raised, changed("rollback"):
        pytest.fail("it was changed")

    assert "No space left on device. Nothing has been changed." in raised.value.problem
    kept = f"AML_OPS_LOCALCLOUD={tmp_path}/localcloud"
    assert any(
        each.startswith(f"export {kept} AML_OPS_STATE=")
        for each in raised.value.remedies
    )


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


@pytest.mark.parametrize("earlier", [False, True], ids=["new", "of an earlier version"])
def test_the_journal_and_the_locks_are_read_by_their_owner_alone(tmp_path, earlier):
    umask = os.umask(0)
    try:
        if earlier:
            for name in ("journal/local.jsonl", "locks/local.iris"):
                (tmp_path / name).parent.mkdir()
                (tmp_path / name).write_text("")
        with journal.lock("scale", "local", "iris"), changed("scale"):
            pass
    finally:
        os.umask(umask)

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {
        "journal": 0o700,
        "local.jsonl": 0o600,
        "locks": 0o700,
        "local.iris": 0o600,
    }


def test_lines_that_were_garbled_are_passed_over(tmp_path):
    with changed("scale"):
        pass
    with (tmp_path / "journal/local.jsonl").open("ab") as stream:
        stream.write(b'\xff\xfe\n[1]\n{"id": "x", "verb": "scale"}\n7\n{"id": []}\n')

    assert [entry.verb for entry in journal.entries("local")] == ["scale"]


def test_a_journal_that_is_no_file_is_named(tmp_path):
    (tmp_path / "journal/local.jsonl").mkdir(parents=True)

    with pytest.raises(OpsError, match=r"local\.jsonl can't be read"):
        journal.entries("local")
    with pytest.raises(OpsError, match="can't be written"), changed("scale"):
        pass


def plainly(text, endpoint, most):
    """The ids of the latest changes, by reading everything from the beginning."""
    found = {}
    for line in text.split("\n"):
        try:
            row = json.loads(line)
            found.setdefault(row["id"], {}).update(row)
        except (ValueError, KeyError, TypeError):
            continue
    whole = [row for row in found.values() if row.keys() >= journal.NEEDED]
    chosen = [row for row in whole if endpoint in (None, row["endpoint"])]
    return [(row["id"], row.get("outcome")) for row in reversed(chosen[-most:])]


@pytest.mark.parametrize("seed", range(20))
def test_reading_from_the_end_finds_what_reading_everything_does(
    tmp_path, monkeypatch, seed
):
    chance = random.Random(seed)
    monkeypatch.setattr(journal, "BLOCK_BYTES", chance.choice([1, 7, 64, 4096]))
    lines = []
    for number in range(60):
        entry = {
            "id": f"{number:03}",
            "verb": "scale",
            "stage": "local",
            "endpoint": chance.choice(["iris", "wine"]),
            "at": "2026-11-25T14:02:00+00:00",
            "who": "mara@desk",
            "reason": "grün \U0001f680",
        }
        lines.append(json.dumps(entry, ensure_ascii=chance.random() < 0.5))
        for other in chance.sample(range(number + 1), min(number, 2)):
            outcome = chance.choice(["done", "failed", "not known"])
            lines.append(json.dumps({"id": f"{other:03}", "outcome": outcome}))
        if chance.random() < 0.2:
            lines.append(lines[-1][: chance.randrange(20)])  # torn by a crash
    text = "\n".join(lines) + chance.choice(["", "\n"])
    (tmp_path / "journal").mkdir(parents=True, exist_ok=True)
    (tmp_path / "journal/local.jsonl").write_text(text, encoding="utf-8")

    for endpoint in ("iris", None, "nobody"):
        for most in (1, 5, 1000):
            found = journal.entries("local", endpoint, most)
            told = {each.id: each.outcome for each in found}
            for (id, outcome), entry in zip(
                plainly(text, endpoint, most), found, strict=True
            ):
                assert entry.id == id
                assert outcome is None or told[id] == outcome
