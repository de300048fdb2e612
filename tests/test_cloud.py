"""localcloud, started where it can be."""

import pytest

from ops import cloud
from ops.errors import OpsError


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    state = tmp_path / "state"
    state.write_text("a file in the way")
    monkeypatch.setenv("AML_OPS_STATE", str(state))

    with pytest.raises(OpsError, match=r"localcloud can't be kept in .*state"):
        cloud.up()


def test_two_state_directories_may_share_one_localcloud(tmp_path, monkeypatch):
    shared = tmp_path / "ana" / "localcloud"
    found = []
    for name in ("ana", "ben"):
        monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / name))
        if name == "ben":
            monkeypatch.setenv("AML_OPS_LOCALCLOUD", str(shared))
        found.append(cloud.directory())

    assert found == [shared, shared]
