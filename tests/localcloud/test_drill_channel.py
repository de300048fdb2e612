"""The drill channel over HTTPS: kept off, gathered problems, held requests, alerts."""

import http.client
import json

import pytest
from cloud_rig import Cloud, until

DRILLS = "/-/drills"
IRIS = "onlineEndpoints/iris"
ALERTS = "providers/Microsoft.AlertsManagement/alerts"
BODY = {"location": "local", "properties": {"authMode": "Key"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    cloud = Cloud(tmp_path_factory.mktemp("drills") / "state")
    try:
        yield cloud.up()
    finally:
        cloud.down()


@pytest.fixture
def cloud(server):
    """A cloud with an endpoint and drills switched on."""
    server.settled(server.call("PUT", IRIS, BODY))
    assert server.call("PUT", DRILLS, {"on": True}).status == 200
    yield server
    server.call("PUT", DRILLS, {"on": False})
    server.call("DELETE", IRIS)
    until(lambda: server.call("GET", IRIS).status == 404)


def add(cloud, **fault):
    reply = cloud.call("POST", f"{DRILLS}/faults", fault)
    assert reply.status == 201, reply.content
    return reply.body["number"]


def faults(cloud):
    return cloud.call("GET", DRILLS).body["faults"]


def held(cloud, **fault):
    """A PUT of the endpoint that the fault holds: its connection, not yet read."""
    add(cloud, do="delay", path=IRIS, methods=["PUT"], seconds=3600, **fault)
    connection = http.client.HTTPSConnection(
        "127.0.0.1", cloud.port, context=cloud.context, timeout=30
    )
    headers = {"Authorization": f"Bearer {cloud.token}"}
    content = json.dumps({**BODY, "tags": {"by": "held"}})
    connection.request("PUT", f"{cloud.workspace}/{IRIS}", content, headers)
    until(lambda: faults(cloud)[0]["struck"])
    return connection


def tags(cloud):
    return cloud.call("GET", IRIS).body["tags"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {"advance_seconds": 60}),
        ("faults", {"do": "count", "path": "*"}),
        ("alerts", {"rule": "burn", "endpoint": "iris"}),
    ],
)
def test_nothing_is_made_to_fail_before_drills_are_on(server, path, body):
    reply = server.call("POST", f"{DRILLS}/{path}", body)

    assert (reply.status, reply.error["code"]) == (403, "DrillsAreOff")
    assert faults(server) == []


def test_a_held_write_is_done_once_it_is_let_go(cloud):
    connection = held(cloud)
    assert tags(cloud) == {}

    cloud.call("DELETE", f"{DRILLS}/faults")

    assert connection.getresponse().status == 200
    assert tags(cloud) == {"by": "held"}
    connection.close()


def test_who_gives_up_while_held_has_asked_for_nothing(cloud):
    held(cloud).close()
    log = until(lambda: "the client has gone" in cloud.log.read_text() or None)
    cloud.call("DELETE", f"{DRILLS}/faults")

    assert log
    assert tags(cloud) == {}


def test_an_answer_can_be_held_when_the_work_is_done(cloud):
    connection = held(cloud, late=True)

    assert tags(cloud) == {"by": "held"}
    connection.close()


def test_a_reset_is_one_on_the_wire(cloud):
    add(cloud, do="reset", path=IRIS)

    with pytest.raises((ConnectionError, http.client.RemoteDisconnected, OSError)):
        cloud.call("GET", IRIS)
    assert faults(cloud)[0]["struck"] == 1


def test_a_drill_cannot_lock_itself_in(cloud):
    add(cloud, do="status", path="*", status=500)

    assert cloud.call("GET", IRIS).status == 500
    assert cloud.call("DELETE", f"{DRILLS}/faults").body == {"cleared": 1}
    assert cloud.call("GET", IRIS).status == 200


def test_every_problem_of_a_fault_is_named_at_once(cloud):
    wrong = {"do": "delay", "late": True, "times": 0, "status": 500}

    reply = cloud.call("POST", f"{DRILLS}/faults", wrong)

    told = [detail["message"] for detail in reply.error["details"]]
    assert len(told) == 4
    assert "A fault on requests needs the path that it strikes." in told


def test_the_clock_is_moved_and_never_back(cloud):
    before = cloud.call("GET", DRILLS).body["clock"]["ahead_seconds"]
    moved = {"advance_seconds": 7200, "rate": 600}
    after = cloud.call("POST", f"{DRILLS}/clock", moved).body["clock"]
    back = cloud.call("POST", f"{DRILLS}/clock", {"advance_seconds": -1, "rate": 0})

    assert after["ahead_seconds"] >= before + 7200
    assert after["rate"] == 600
    assert len(back.error["details"]) == 2


def test_an_alert_fires_is_acknowledged_and_resolves(cloud):
    subscription = f"/subscriptions/{cloud.facts['subscription_id']}"
    fired = {"rule": "burn", "severity": 0, "endpoint": "iris"}
    assert cloud.call("POST", f"{DRILLS}/alerts", fired).status == 201

    def listed(**asked):
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        return cloud.call("GET", f"{subscription}/{ALERTS}?{query}").body["value"]

    iris = f"{cloud.workspace}/{IRIS}"
    (alert,) = listed(monitorCondition="Fired", severity="Sev0", targetResource=iris)
    essentials = alert["properties"]["essentials"]
    assert essentials["alertRule"].endswith("/scheduledqueryrules/burn")
    assert essentials["alertState"] == "New"
    assert listed(alertRule="other") == []

    seen = f"{alert['id']}/changestate?newState=Acknowledged"
    changed = cloud.call("POST", seen, {}).body["properties"]["essentials"]
    assert (changed["alertState"], changed["monitorCondition"]) == (
        *("Acknowledged", "Fired"),
    )

    cloud.call("PUT", DRILLS, {"on": False})
    shown = cloud.call("GET", alert["id"]).body["properties"]["essentials"]
    assert shown["monitorCondition"] == "Resolved"
    assert shown["monitorConditionResolvedDateTime"]
    assert listed(monitorCondition="Fired") == []
