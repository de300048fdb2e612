"""A follower shows each row once, however late it came, through all that happens."""

from datetime import timedelta

import pytest
from local_transport import InProcess

from ops import logs, sieve
from ops.localcloud.kql.tables import TABLES
from ops.localcloud.logstore import Batch, naive
from ops.logrecords import Note

CONSOLE = "AmlOnlineEndpointConsoleLog"


class Desk:
    """A follower of iris, and who writes what it is to find."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.workspace = cloud.workspace()
        asked = logs.asked(
            streams={},
            times=(None, None, None),
            lines="2",
            request_id=None,
            which=sieve.sieve(patterns={}),
            now=self.workspace.now(),
        )
        self._shown = logs.follow(self.workspace, "iris", asked)

    def write(self, message, **before):
        at = self.cloud.clock.now() - timedelta(**before)
        row = dict.fromkeys(("ContainerName", "ContainerImageName"), "")
        row |= {"TimeGenerated": naive(at), "Message": message, "InstanceId": "b-1"}
        row |= {"DeploymentName": "blue", "_ResourceId": self.endpoint}
        assert row.keys() <= TABLES[CONSOLE].keys()
        batch = Batch()
        batch.add(CONSOLE, [row])
        self.cloud.store.append(batch)

    @property
    def endpoint(self):
        return f"{self.cloud.cloud.workspace}/onlineEndpoints/iris".lower()

    def shown(self):
        """What the next records say, each marked where it is late."""
        found = next(self._shown)
        while isinstance(found, Note):
            found = next(self._shown)
        return [f"{'late ' if each.late else ''}{each.message}" for each in found]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setitem(logs.EVERY_SECONDS, True, 0.0)
    cloud = InProcess(tmp_path)
    cloud.put_endpoint()
    yield Desk(cloud)
    cloud.close()


def looks(desk, number=10):
    """So many looks, among them one as far back as a row may hide."""
    for each in range(number):
        desk.write(f"look {each}")
        assert desk.shown() == [f"look {each}"]


def test_a_row_that_is_taken_in_an_hour_late_is_shown_once(desk):
    for message in ("one", "two", "three"):
        desk.write(message)
    assert desk.shown() == ["two", "three"]

    desk.write("of yesterday", days=1)
    desk.write("of an hour ago", hours=1, minutes=30)

    assert desk.shown() == ["late of yesterday", "late of an hour ago"]
    looks(desk)


def test_what_was_written_before_the_clock_was_moved_is_shown_once(desk):
    desk.write("before")
    assert desk.shown() == ["before"]

    desk.cloud.clock.move(advance=3 * 86400)
    desk.write("ahead")
    desk.write("late by the move", days=3)

    assert desk.shown() == ["late late by the move", "ahead"]
    desk.cloud.clock.move(rate=60)
    looks(desk)


def test_what_comes_while_the_store_is_opened_anew_is_shown_once(desk):
    desk.write("before")
    assert desk.shown() == ["before"]

    desk.cloud.store.close()
    desk.write("after", minutes=5)

    assert desk.shown() == ["late after"]
    looks(desk)


def test_what_nobody_asked_for_is_still_not_new(desk):
    for number in range(5):
        desk.write(f"old {number}", hours=2)
    desk.write("new")

    assert desk.shown() == ["new"]
    looks(desk)
