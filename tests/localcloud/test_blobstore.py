"""The bytes of blobs: whole or absent, and never outside the store."""

import sqlite3

import pytest

from ops.localcloud.blobstore import BlobStore
from ops.localcloud.state import State


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "state.db")
    yield state
    state.close()


@pytest.fixture
def blobs(tmp_path, state):
    return BlobStore(tmp_path / "blobs", state)


def write(blobs, name, content, container="c"):
    file = blobs.new_file()
    file.write_bytes(content)
    return blobs.commit(container, name, file, content_type="text/plain", metadata={})


def files(tmp_path):
    return [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def test_a_replaced_blob_leaves_no_bytes_behind(blobs, tmp_path):
    write(blobs, "a", b"old")
    row = write(blobs, "a", b"new")

    assert blobs.path(row).read_bytes() == b"new"
    assert len(files(tmp_path)) == 1
    assert blobs.delete("c", "a")
    assert files(tmp_path) == []


def test_a_write_that_is_not_recorded_leaves_nothing(blobs, tmp_path):
    with pytest.raises(sqlite3.IntegrityError):
        write(blobs, "a", b"lost", container=None)

    assert files(tmp_path) == []


def test_what_was_on_its_way_at_a_crash_is_swept_away(blobs, state, tmp_path):
    blobs.new_file().write_bytes(b"half")
    row = write(blobs, "kept", b"whole")

    again = BlobStore(tmp_path / "blobs", state)

    assert files(tmp_path) == [again.path(row)]


def test_a_download_keeps_the_last_part_of_the_prefix(blobs, tmp_path):
    for name in ("up/1/model/a", "up/1/model/b/c", "up/1/model2/d", "up/2/model/e"):
        write(blobs, name, name.encode())

    count = blobs.download("c", "up/1/model", tmp_path / "to")

    found = {
        str(path.relative_to(tmp_path / "to"))
        for path in (tmp_path / "to").rglob("*")
        if path.is_file()
    }
    assert found == {"model/a", "model/b/c"}
    assert count == 2


def test_a_name_that_steps_upwards_is_not_downloaded(blobs, tmp_path):
    write(blobs, "up/model/../../evil", b"1")

    with pytest.raises(ValueError, match="leaves its folder"):
        blobs.download("c", "up/model", tmp_path / "to")


def test_blocks_are_joined_in_the_order_asked(blobs, tmp_path):
    for block, content in (("b", b"2"), ("a", b"1"), ("x", b"9")):
        file = blobs.new_file()
        file.write_bytes(content)
        blobs.stage("c", "n", block, file)

    joined = blobs.assemble("c", "n", ["a", "b", "a"])

    assert joined.read_bytes() == b"121"
    assert blobs.staged("c", "n", "x")
    blobs.drop_blocks("c", "n")
    assert not blobs.staged("c", "n", "x")
