"""localcloud, started where it can be."""

import os
from pathlib import Path

import pytest

from ops import cloud
from ops.errors import NotFound, OpsError


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


def test_a_shared_localcloud_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "ben"))
    monkeypatch.setenv("AML_OPS_LOCALCLOUD", str(tmp_path / "typo"))

    with pytest.raises(NotFound, match=r"names .*typo, where no localcloud is kept"):
        cloud.up()
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("before", [None, "/etc/ssl/own.pem"])
def test_only_this_process_trusts_localcloud_and_no_one_else(monkeypatch, before):
    monkeypatch.setattr(cloud, "AUTHORITIES", {})
    monkeypatch.setenv(cloud.SETTING, before or "")
    if before is None:
        monkeypatch.delenv(cloud.SETTING)
    ids = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w"}
    at = {"pid": 1, "url": "https://127.0.0.1:1", "port": 1, "gateway_url": ""}
    local = cloud.LocalCloud(directory=Path("/state"), **ids, **at)

    local.trust()
    local.trust()

    assert os.environ[cloud.SETTING] == "/state/ca.pem"
    assert cloud.outside().get(cloud.SETTING) == before
