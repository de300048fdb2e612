"""Alerts as they are kept: who may change what of them, and how long they stay."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.localcloud import alerts
from ops.localcloud.alerts import Firing
from ops.localcloud.state import State

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
TARGET = (
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices"
    "/workspaces/ws/onlineEndpoints/iris"
)
FIRING = Firing(rule=f"{TARGET}/rules/burn", severity=1, target=TARGET, description="")


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "state.db")
    yield state
    state.close()


def test_an_alert_remembers_all_that_became_of_it_newest_first(state):
    alert = alerts.fire(state, FIRING, NOW)
    alerts.change_state(state, alert, "Acknowledged", NOW, "ana", "looking")
    alerts.resolve(state, alert, NOW + timedelta(minutes=9))

    told = alerts.history(state, alert)

    assert [(each["modificationEvent"], each["newValue"]) for each in told] == [
        ("MonitorConditionChange", "Resolved"),
        ("StateChange", "Acknowledged"),
        ("AlertCreated", ""),
    ]
    assert (told[1]["modifiedBy"], told[1]["comments"]) == ("ana", "looking")


def test_what_the_system_resolves_stays_what_a_person_said(state):
    alert = alerts.fire(state, FIRING, NOW)
    alerts.change_state(state, alert, "Acknowledged", NOW, "ana", "")

    found = alerts.essentials(alerts.resolve(state, alert, NOW))

    assert found["alertState"] == "Acknowledged"
    assert found["monitorCondition"] == "Resolved"
    assert alerts.fired(state) == []


def test_an_alert_is_kept_for_thirty_days(state):
    old = alerts.fire(state, FIRING, NOW - timedelta(days=30, minutes=1))
    young = alerts.fire(state, FIRING, NOW - timedelta(days=29))

    alerts.trim(state, NOW)

    assert [each.id for each in alerts.kept(state)] == [young.id]
    assert alerts.history(state, old) == []


def test_of_too_many_the_oldest_resolved_ones_go_first(state, monkeypatch):
    monkeypatch.setattr(alerts, "MOST", 2)
    ages = [timedelta(hours=hours) for hours in (3, 2, 1)]
    found = [alerts.fire(state, FIRING, NOW - age) for age in ages]
    alerts.resolve(state, found[1], NOW)

    alerts.trim(state, NOW)

    assert [each.id for each in alerts.kept(state)] == [found[0].id, found[2].id]


def test_a_rule_is_asked_for_by_its_id_or_its_name(state):
    alerts.fire(state, FIRING, NOW)

    assert alerts.fired(state, "BURN")
    assert alerts.fired(state, FIRING.rule)
    assert alerts.fired(state, "urn") == []
