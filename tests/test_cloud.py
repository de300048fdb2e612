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
