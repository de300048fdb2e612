"""The activity log as it is kept: bounded, and true to how operations end."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from ops.localcloud import activity
from ops.localcloud.state import State

ID = "/subscriptions/s/x/y/onlineEndpoints/iris"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
EVER = (BEGAN - timedelta(days=1), datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "state.db")
    yield state
    state.close()


def begun(state):
    """A write of the endpoint, accepted a while ago."""
    resource = state.put({"id": ID, "name": "iris", "properties": {}})
    operation = state.begin("oe", resource)
    state.activity.add(BEGAN, ID, {"name": operation.id}, operation.id)
    return operation.id


def test_how_an_operation_ended_is_an_event_of_its_own(state):
    overtaken, failed = begun(state), begun(state)
    state.finish(failed, {"code": "BadRequest", "message": "no"})

    ends = state.activity.between(*EVER, resource=ID.upper())[:2]

    assert [(each.event["name"], each.ended) for each in ends] == [
        (failed, "Failed"),
        (overtaken, "Canceled"),
    ]
    assert ends[0].error["code"] == "BadRequest"
    assert state.activity.between(*EVER, resource=f"{ID}2") == []


def test_only_so_many_events_are_kept(state, monkeypatch):
    monkeypatch.setattr(activity, "MOST", 3)
    for number in range(5):
        state.activity.add(BEGAN + timedelta(hours=number), ID, {"name": number})

    found = state.activity.between(*EVER)

    assert [each.event["name"] for each in found] == [4, 3, 2]


def test_a_file_of_an_earlier_version_is_read(tmp_path):
    file = tmp_path / "state.db"
    with sqlite3.connect(file) as db:
        db.execute(
            "CREATE TABLE resources (id TEXT PRIMARY KEY, parent TEXT, type TEXT, "
            "body TEXT, generation INTEGER, created TEXT, modified TEXT)"
        )
        values = (ID.lower(), ID, "x", "{}", 1, BEGAN.isoformat(), BEGAN.isoformat())
        db.execute("INSERT INTO resources VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    db.close()

    state = State(file)
    kept = state.resource(ID)
    state.close()

    assert kept.modified_by == "localcloud"
