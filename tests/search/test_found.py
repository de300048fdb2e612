"""What the search has found, each as the shortest story that shows it."""

import os

import pytest

from ops import activity, door, freeze, journal, traffic
from ops.flow import Recent
from ops.localcloud.faults import Fault
from tests.local_transport import InProcess

SOME = {"blue": 80, "green": 20}


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "ana"))
    cloud = InProcess(tmp_path)
    cloud.put_endpoint(traffic={"blue": 100})
    yield cloud
    cloud.close()


def shift(workspace):
    asked = traffic.split(SOME)
    return traffic.change(workspace, "iris", asked, verb="shift", recent=Recent())


def edit(cloud, who, traffic, kept=None):
    path = f"{cloud.cloud.workspace}/onlineEndpoints/iris"
    properties = {"authMode": "Key", "traffic": traffic}
    body = {"location": "local", "tags": kept or {}, "properties": properties}
    assert cloud.ask("PUT", path, body, who).status == 200


def late_reads(cloud, times):
    path = "*/onlineEndpoints/iris"
    cloud.faults.add(Fault(number=0, do="stale", path=path, seconds=60, times=times))


@pytest.mark.parametrize("reads", [2, 3])
def test_what_a_late_read_has_hidden_is_told_by_who_overwrites_it(cloud, reads):
    ana = cloud.workspace()
    late_reads(cloud, reads)
    edit(cloud, "portal@corp", {"green": 100})

    shift(ana)

    assert "portal@corp wrote iris" in ana.notes[0]
    assert "what that had set is overwritten" in ana.notes[0]


def test_tags_that_a_late_read_has_hidden_are_told(cloud):
    ana = cloud.workspace()
    late_reads(cloud, 3)
    edit(cloud, "portal@corp", {"blue": 100}, {"team": "ml"})

    freeze.freeze(ana, "iris", freeze.LONGEST, reason="Black Friday")

    assert "portal@corp wrote iris" in ana.notes[0]


def test_a_write_whose_record_another_tool_has_dropped_was_done(cloud):
    ana = cloud.workspace()
    shift(ana)
    cut_off(journal._path("local"))
    edit(cloud, "portal@corp", {"blue": 100})

    with door.opened(cloud.workspace(), "iris", "status"):
        pass

    (entry,) = journal.entries("local", "iris")
    assert entry.outcome == "done"
    assert entry.detail.endswith("the activity log has its write")


def test_a_write_that_was_overtaken_was_there_all_the_same():
    def row(status, second):
        return {
            "eventTimestamp": f"2026-11-25T03:00:0{second}Z",
            "caller": "portal@corp",
            "correlationId": "one",
            "operationName": {"value": "x/onlineEndpoints/write"},
            "status": {"value": status},
        }

    taken = [row("Started", 0), row("Accepted", 1), row("Failed", 2)]
    refused = [row("Started", 0), row("Failed", 1)]

    assert [activity.told(rows)[0].accepted for rows in (taken, refused)] == [1, 0]


def test_a_change_of_the_toolkit_that_was_not_seen_is_told_too(cloud):
    ana, ben = cloud.workspace("ana@desk"), cloud.workspace("ben@desk")
    late_reads(cloud, 3)
    ben.change = "0123456789ab"
    edit_by(ben)

    shift(ana)

    assert "ben@desk wrote iris" in ana.notes[0]


def edit_by(workspace):
    body = workspace.get("onlineEndpoints/iris")
    body["properties"]["traffic"] = {"green": 100}
    workspace.put("onlineEndpoints/iris", body)


def cut_off(path):
    """The journal of a process that was killed when it had written."""
    first = path.read_text().splitlines()[0]
    path.write_text(first.replace(f'"pid": {os.getpid()}', '"pid": 0') + "\n")
