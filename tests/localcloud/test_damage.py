"""Files of a state directory that are deleted, cut short, overwritten or misplaced."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys

import pytest
from cloud_rig import Cloud, until

from ops import cloud as toolkit
from ops.localcloud import damage, directory, identity, processes
from ops.localcloud.clock import Clock
from ops.localcloud.database import Database, Unreadable
from ops.localcloud.keeper import Files
from ops.localcloud.lock import Lock, Serving, holder
from ops.localcloud.shutdown import shut_down

RESOURCE = {"id": "/a/endpoints/iris", "name": "iris", "properties": {}}


def garble(path):
    """Other bytes in the same place, as a broken disk or a wrong redirection leaves."""
    size = max(path.stat().st_size, 64)
    with path.open("r+b") as file:
        file.write(random.Random(1).randbytes(size))


def halve(path):
    os.truncate(path, path.stat().st_size // 2)


def misplace(path):
    """A folder in the place of a file: nobody can read it, root neither."""
    path.unlink()
    path.mkdir()


DAMAGES = {
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: os.truncate(path, 0),
    "halved": halve,
    "garbled": garble,
    "misplaced": misplace,
}
damages = pytest.mark.parametrize("spoil", DAMAGES.values(), ids=DAMAGES)


@damages
def test_a_file_with_a_known_content_is_written_again(tmp_path, spoil):
    path = tmp_path / "token"
    files = Files()
    files.write(path, b"secret" * 20)

    spoil(path)

    assert files.keep() == [path]
    assert path.read_bytes() == b"secret" * 20
    assert files.keep() == []


@damages
@pytest.mark.parametrize("name", identity.FILES)
def test_token_and_certificates_are_made_anew_where_they_are_spoiled(
    tmp_path, name, spoil
):
    identity.token(tmp_path)
    identity.server_context(tmp_path)

    spoil(tmp_path / name)
    directory.tidy(tmp_path)

    assert len(identity.token(tmp_path)) > 30
    identity._prove(identity.server_context(tmp_path), tmp_path)


@pytest.fixture
def kept(tmp_path):
    """A directory with a state and its copy, as after an orderly end."""
    database = Database(tmp_path / "state.db")
    database.write("INSERT INTO secrets VALUES ('owner', 'name', 'value')")
    (tmp_path / "backup").mkdir()
    database.copy(damage.copy_of(tmp_path))
    yield tmp_path
    database.close()


def secrets(path):
    database = Database(path)
    try:
        return [row["value"] for row in database.all("SELECT value FROM secrets")]
    finally:
        database.close()


def close_copy(path):
    """End what SQLite has beside the file, as a closed connection would."""
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    for name in ("state.db-wal", "state.db-shm"):
        path.with_name(name).unlink(missing_ok=True)


@damages
def test_a_spoiled_state_is_no_state_to_serve_from_and_is_brought_back(kept, spoil):
    close_copy(kept / "state.db")
    damage.require_state(kept)
    spoil(kept / "state.db")

    with pytest.raises(damage.Damaged) as refusal:
        damage.require_state(kept)
    assert refusal.value.copied
    directory.tidy(kept)
    said = damage.repair(kept)

    damage.require_state(kept)
    assert secrets(kept / "state.db") == ["value"]
    assert "brought state.db back" in said[-1]


@damages
def test_without_a_readable_copy_only_a_new_beginning_is_left(kept, spoil):
    close_copy(kept / "state.db")
    garble(kept / "state.db")
    spoil(damage.copy_of(kept))

    with pytest.raises(damage.Damaged) as refusal:
        damage.require_state(kept)
    assert not refusal.value.copied
    with pytest.raises(damage.Damaged):
        damage.repair(kept)

    (line,) = damage.keep_aside(kept)
    directory.empty(kept, keep=(directory.BROKEN,))
    assert [path.name for path in kept.iterdir()] == ["broken"]
    assert line.endswith("-state.db")


def test_a_lost_state_is_known_by_what_the_gateway_routes_to(tmp_path):
    damage.require_state(tmp_path)  # a new directory

    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway/routes.json").write_text('{"endpoints": {"iris": {}}}')

    with pytest.raises(damage.Damaged, match="not there"):
        damage.require_state(tmp_path)


@damages
def test_a_log_store_that_can_not_be_read_is_set_aside(tmp_path, spoil):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "logs.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range FROM range(100000)")
    assert damage.repair(tmp_path) == []

    spoil(path)
    directory.tidy(tmp_path)
    damage.repair(tmp_path)

    assert not path.is_file() or not damage.logs_problem(tmp_path, whole=True)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [("state.db", "deleted"), ("state.db", "misplaced"), ("state.db-wal", "misplaced")],
)
def test_a_state_that_is_deleted_in_use_is_written_again(tmp_path, name, spoil):
    database = Database(tmp_path / "state.db")
    database.write("INSERT INTO secrets VALUES ('owner', 'name', 'value')")
    assert not database.keep()

    DAMAGES[spoil](tmp_path / name)

    assert database.keep()
    assert not database.keep()
    database.write("INSERT INTO secrets VALUES ('owner', 'other', 'later')")
    database.close()
    assert secrets(tmp_path / "state.db") == ["value", "later"]


def test_another_who_reads_the_state_takes_nothing_from_who_serves(tmp_path):
    database = Database(tmp_path / "state.db")
    database.keep()

    script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])"
    query = "SELECT count(*) FROM secrets"
    command = [sys.executable, "-c", script, tmp_path / "state.db", query]
    subprocess.run(command, check=True)

    assert not database.keep()
    database.close()


@pytest.mark.parametrize("spoil", ["emptied", "garbled"])
def test_a_state_that_is_overwritten_in_use_is_noticed(tmp_path, spoil):
    database = Database(tmp_path / "state.db")

    DAMAGES[spoil](tmp_path / "state.db")

    with pytest.raises(Unreadable):
        database.keep()


def test_a_damaged_page_spoils_no_copy(tmp_path):
    database = Database(tmp_path / "state.db")
    for number in range(400):
        row = ("owner", str(number), "x" * 4000)
        database.write("INSERT INTO secrets VALUES (?, ?, ?)", *row)
    database.copy(tmp_path / "copy")
    database.all("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = (tmp_path / "copy").read_bytes()
    database.close()
    with (tmp_path / "state.db").open("r+b") as file:
        file.seek(200_000)
        file.write(os.urandom(300_000))
    database = Database(tmp_path / "state.db")

    with pytest.raises(Unreadable):
        database.copy(tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == whole
    database.close()


@damages
def test_a_lock_is_held_whatever_becomes_of_its_file(tmp_path, spoil):
    lock = Lock(tmp_path, serving=True)

    spoil(tmp_path / "lock")
    lock.keep()

    assert holder(tmp_path) == os.getpid()
    with pytest.raises(Serving):
        Lock(tmp_path, serving=True)
    lock.release()
    assert holder(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "no json", "[]", "null", '{"real": 0}', '{"real": 0, "clock": 0}'),
        '{"real": 0, "clock": 1e300, "rate": 1}',
        '{"real": 0, "clock": NaN, "rate": 1}',
        '{"real": 0, "clock": 0, "rate": -5}',
        '{"real": "x", "clock": 0, "rate": 1}',
        '{"real": 0, "clock": 0, "rate": 1, "earlier": 7}',
        '{"real": 0, "clock": 0, "rate": 1, "earlier": [1]}',
        "[" * 5000,
    ],
)
def test_a_clock_that_can_not_be_meant_is_passed_over(tmp_path, text, monkeypatch):
    (tmp_path / "clock.json").write_text(text)
    clock = Clock(tmp_path)

    for now in (clock.now(), toolkit.LocalClock(tmp_path).now()):
        assert abs(now.timestamp() - clock.real()) < 5
    assert clock.keep()
    assert not (tmp_path / "clock.json").exists()


@damages
def test_a_moved_clock_stays_where_it_is_while_it_runs(tmp_path, spoil):
    clock = Clock(tmp_path)
    clock.move(advance=7200)

    spoil(tmp_path / "clock.json")

    assert clock.now().timestamp() - clock.real() > 7000
    assert clock.keep()
    assert toolkit.LocalClock(tmp_path).now().timestamp() - clock.real() > 7000


def test_a_clock_goes_to_the_year_3000_and_no_further(tmp_path):
    clock = Clock(tmp_path)

    with pytest.raises(ValueError, match="3000"):
        clock.move(advance=1000 * 366 * 86400)

    clock.move(advance=960 * 366 * 86400, rate=1e9)
    assert clock.now().year <= 3000


def test_a_process_that_gets_its_mark_late_is_ended_too(tmp_path):
    """As one is that a control plane was starting when it was killed."""
    mark = processes.marks(tmp_path, "gateway")
    named = [f"{name}={value}" for name, value in mark.items()]
    script = 'sleep 0.02; exec env "$@" sleep 60'
    command = ["/bin/sh", "-c", script, "sh", *named]
    late = subprocess.Popen(command, start_new_session=True)
    try:
        shut_down(tmp_path)
        assert late.wait(timeout=5)
    finally:
        late.kill()
        late.wait()


def test_down_ends_what_runs_though_the_state_may_not_be_written(tmp_path):
    Database(tmp_path / "state.db").close()
    protect = ["chattr", "+i", tmp_path / "state.db"]
    if not shutil.which("chattr") or subprocess.run(protect).returncode:
        pytest.skip("no file can be protected from root here")
    marks = processes.marks(tmp_path, "blue-1")
    running = subprocess.Popen(["/bin/sleep", "60"], env=marks, start_new_session=True)
    try:
        stopped, said = shut_down(tmp_path)
        assert running.wait(timeout=5)
    finally:
        subprocess.run(["chattr", "-i", tmp_path / "state.db"], check=True)
        running.kill()
        running.wait()

    assert stopped.startswith("stopped blue-1")
    assert "state.db can't be read" in said


# Real control planes


@pytest.mark.slow
def test_a_gateway_that_was_begun_before_a_kill_is_ended_by_the_next_start(tmp_path):
    cloud = Cloud(tmp_path / "state")
    try:
        doomed = cloud.spawn()
        (first,) = until(lambda: gateways(cloud))
        processes.freeze(first)  # so that it announces itself late
        doomed.kill()
        doomed.wait()
        assert not (cloud.directory / "gateway/gateway.json").exists()

        cloud.up()

        assert not processes.running(first)
        (second,) = gateways(cloud)
        assert processes.running(second)
    finally:
        cloud.down()
    assert cloud.processes() == set()


@pytest.mark.slow
def test_the_gateway_keeps_its_port_though_its_folder_is_lost(cloud):
    before = cloud.facts["gateway_url"]
    cloud.down()
    shutil.rmtree(cloud.directory / "gateway")

    cloud.up()

    assert cloud.facts["gateway_url"] == before


def gateways(cloud):
    found = processes.marked(cloud.directory)
    return [each.identity for each in found if each.name == "gateway"]


FILES = [*identity.FILES, "port", "localcloud.json", "lock", "gateway/gateway.json"]


@pytest.mark.slow
def test_whatever_is_spoiled_under_a_running_localcloud_is_mended_by_it(cloud):
    name = "onlineEndpoints/kept"
    body = {"location": "local", "properties": {"authMode": "Key"}}
    assert cloud.settled(cloud.call("PUT", name, body))["status"] == "Succeeded"
    whole = {each: (cloud.directory / each).read_bytes() for each in FILES}
    for spoil in DAMAGES.values():
        for each in whole:
            spoil(cloud.directory / each)
        until(lambda: mended(cloud.directory, whole))
        assert cloud.call("GET", name).status == 200
    shutil.rmtree(cloud.directory / "gateway")
    until(lambda: mended(cloud.directory, whole))
    for times, spoil in enumerate(("deleted", "misplaced"), 1):
        DAMAGES[spoil](cloud.directory / "state.db")
        until(lambda times=times: rewritten(cloud) == times)
        assert cloud.call("GET", name).status == 200
    cloud.kill()
    cloud.up()

    assert cloud.call("GET", name).status == 200
    assert "Traceback" not in cloud.log.read_text()


def rewritten(cloud):
    """How often state.db was, and is in use again."""
    return cloud.log.read_text().count("state.db was deleted or replaced")


def mended(where, whole):
    return all(
        (where / name).is_file() and (where / name).read_bytes() == content
        for name, content in whole.items()
    )


@pytest.mark.slow
@damages
def test_a_localcloud_that_was_down_starts_whatever_is_spoiled(cloud, spoil):
    name = "onlineEndpoints/kept"
    body = {"location": "local", "properties": {"authMode": "Key"}}
    cloud.settled(cloud.call("PUT", name, body))
    cloud.down()
    for path in [p for p in cloud.directory.rglob("*") if p.is_file()]:
        if path.name not in ("state.db", "logs.duckdb"):
            spoil(path)
    for folder in ("blobs", "instances", "ended"):
        shutil.rmtree(cloud.directory / folder, ignore_errors=True)
        (cloud.directory / folder).write_text("")
    vars(cloud).pop("context", None)

    cloud.up()

    assert cloud.call("GET", name).status == 200
    assert "Traceback" not in cloud.log.read_text()


@pytest.mark.slow
def test_a_state_that_is_overwritten_ends_the_control_plane_and_nothing_else(cloud):
    until(damage.copy_of(cloud.directory).exists)
    others = cloud.processes() - {cloud.process.pid}
    garble(cloud.directory / "state.db")

    assert cloud.process.wait(timeout=10) == 1
    refused = cloud.run("serve")

    assert refused.returncode == 4
    assert "set aside as damaged" in refused.stderr
    assert others <= cloud.processes()
    assert "Traceback" not in cloud.log.read_text().split("damaged")[-1]
    assert cloud.run("repair").returncode == 0
    assert cloud.up().call("GET", "").status == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        *(("state.db", each) for each in ("deleted", "emptied", "garbled")),
        *(("logs.duckdb", each) for each in ("garbled", "misplaced")),
    ],
)
def test_down_and_reset_work_whatever_is_spoiled(cloud, name, spoil):
    until(damage.copy_of(cloud.directory).exists)
    until((cloud.directory / "logs.duckdb").exists)
    vars(cloud).pop("context", None)
    cloud.kill()
    DAMAGES[spoil](cloud.directory / name)

    for verb in ("down", "status", "reset"):
        done = cloud.run(verb)
        assert (done.returncode, done.stderr) == (0, "")
    assert cloud.processes() == set()
    left = [path.name for path in cloud.directory.iterdir()]
    assert left in ([], ["broken"])
    assert cloud.up().call("GET", "").status == 200
