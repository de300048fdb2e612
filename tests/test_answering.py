"""Who takes an alert, and which one is meant."""

from datetime import timedelta

import pytest

from ops import freeze, journal, undo
from ops.alerting import answering, fired, listing
from ops.errors import NotFound, Unhealthy, UsageError
from ops.localcloud import alerts
from tests.firing_rig import fire
from tests.local_transport import InProcess

DAY = timedelta(days=1)


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    made = InProcess(tmp_path)
    made.put_endpoint()
    yield made
    made.close()


def take(cloud, name="", state=fired.ACKNOWLEDGED, every=False, **how):
    workspace = cloud.workspace("ana@desk")
    found = answering.chosen(workspace, "iris", name, every=every)
    return list(answering.answer(workspace, "iris", found, state, **how))


def states(cloud):
    found = fired.since(cloud.workspace(), DAY, "iris")
    return {f"{each.rule} {each.deployment}": each.state for each in found}


def test_a_rules_name_takes_each_of_its_alerts_that_is_fired(cloud):
    fire(cloud, "errors", "green")
    fire(cloud, "errors", "blue")
    fire(cloud, "latency", "blue")

    take(cloud, "errors", comment="looking")

    assert states(cloud) == {
        "errors green": "acknowledged",
        "errors blue": "acknowledged",
        "latency blue": "new",
    }
    entry, *_ = journal.entries("local", "iris")
    assert (entry.verb, entry.reason) == ("alerts.ack", "looking")
    assert entry.after == {"errors": "acknowledged"}


def test_the_beginning_of_an_id_takes_one_alert_resolved_or_not(cloud):
    over = fire(cloud, "errors", "green")
    alerts.resolve(cloud.state, over, cloud.clock.now())
    fire(cloud, "errors", "blue")

    take(cloud, over.name[:8], fired.CLOSED)

    assert states(cloud) == {"errors green": "closed", "errors blue": "new"}


def test_a_name_that_is_none_is_refused_with_those_there_are(cloud):
    there = fire(cloud, "errors")

    with pytest.raises(NotFound, match=rf"errors \({there.name[:8]}\)"):
        take(cloud, "eror")
    with pytest.raises(UsageError, match="Which alert"):
        take(cloud)


def test_taking_an_alert_is_no_change_of_the_endpoint_to_undo(cloud):
    fire(cloud)
    workspace = cloud.workspace("ana@desk")
    freeze.freeze(workspace, "iris", timedelta(hours=1), reason="audit")
    take(cloud, "errors")

    assert undo.last(workspace, "iris").verb == "freeze"


def test_what_is_taken_already_is_told_and_not_journalled_again(cloud):
    fire(cloud)
    take(cloud, "errors")

    (again,) = take(cloud, "errors")

    assert (again.changed, again.alert.by) == (False, "ana@desk")
    assert len(journal.entries("local", "iris")) == 1


def test_a_dry_run_takes_nothing(cloud):
    fire(cloud)

    (told,) = take(cloud, every=True, dry_run=True)

    assert (told.changed, told.done) == (True, False)
    assert states(cloud) == {"errors green": "new"}


def test_a_grave_alert_that_nobody_has_taken_is_unhealthy(cloud):
    fire(cloud, "drift", severity=3)
    listing.require_seen(listing.look(cloud.workspace(), "iris", DAY))

    fire(cloud, "errors", severity=1)
    with pytest.raises(Unhealthy, match="errors on green") as refusal:
        listing.require_seen(listing.look(cloud.workspace(), "iris", DAY))
    assert "invoke alerts.ack errors" in refusal.value.remedies

    take(cloud, "errors")
    listing.require_seen(listing.look(cloud.workspace(), "iris", DAY))
