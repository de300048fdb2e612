"""The verbs of a drill: what their flags ask for, and what they tell."""

from datetime import timedelta
from pathlib import Path

import pytest
from local_transport import InProcess

from ops import drills, orders
from ops.clients import Workspace
from ops.errors import Refused, ServiceError, UsageError
from ops.localcloud.records import Instance
from ops.settings import Stage
from ops.views import drillview

NOTHING = {
    "on": None,
    "effects": {},
    "when": {"late": False, "after": None, "times": None, "for": None},
    "instances": {},
    "alert": {},
    "clear": None,
}


@pytest.fixture
def cloud(tmp_path):
    cloud = InProcess(tmp_path)
    cloud.put_endpoint()
    yield cloud
    cloud.close()


@pytest.fixture
def workspace(cloud):
    workspace = cloud.workspace()
    drills.switch(workspace, on=True, off=False)
    return workspace


def order(on=None, effects=None, when=None, **more):
    changed = {"effects": effects or {}, "when": NOTHING["when"] | (when or {})}
    return orders.order("iris", **{**NOTHING, "on": on, **changed, **more})


def told(workspace):
    return [drillview.says(fault) for fault in drills.show(workspace).faults]


@pytest.mark.parametrize(
    ("on", "effects", "when", "says"),
    [
        (
            "PUT,PATCH */onlineEndpoints/iris",
            {"status": "503", "code": "ServerBusy"},
            {"after": "2", "times": "1"},
            "PUT,PATCH */onlineEndpoints/iris: answered 503 ServerBusy (after 2, once)",
        ),
        (
            "deployments/green",
            {"delay": "1m30s"},
            {"late": True},
            "deployments/green: held for 1m 30s when the work is done",
        ),
        ("get *", {"stale": "20s"}, {}, None),
        ("*", {"stale": "20s"}, {}, "*: stale for 20s after a write"),
        (
            "*",
            {"throttle": "7s"},
            {"times": "3"},
            "*: throttled, Retry-After 7s (3 times)",
        ),
        ("*", {"reset": True}, {}, "*: connection reset"),
        ("PUT *", {"fail": True}, {}, "PUT *: accepted, then failed"),
        ("*", {"count": True}, {}, "*: counted"),
    ],
)
def test_what_is_asked_for_is_what_is_told(workspace, on, effects, when, says):
    asked = order(on, effects, when)
    if says is None:
        with pytest.raises(ServiceError, match="stale takes no methods"):
            drills.carry_out(workspace, asked)
    else:
        drills.carry_out(workspace, asked)
        assert told(workspace) == [says]


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ({"on": "*"}, "--on takes one of --delay, --status"),
        ({"on": "*", "effects": {"count": True, "reset": True}}, "--on takes one of"),
        ({"effects": {"count": True}}, "What is it to strike"),
        ({"on": "FOO *", "effects": {"count": True}}, "'FOO' is no list of methods"),
        (
            {"on": "*", "effects": {"status": "200"}},
            "--status takes a whole number 400",
        ),
        ({"on": "*", "effects": {"delay": "soon"}}, "--delay takes a time"),
        ({"on": "*", "clear": "all"}, "One fault at a time"),
        ({"clear": "first"}, "--clear takes a fault's number or all"),
        ({"instances": {"slow": "green"}}, "--slow takes --delay"),
        (
            {"instances": {"kill": "green"}, "effects": {"delay": "1s"}},
            "takes no --delay",
        ),
        ({"instances": {"kill": "green", "freeze": "blue"}}, "Say one of --kill"),
        ({"alert": {"severity": "1"}}, "Which alert"),
        (
            {"alert": {"rule": "burn", "severity": "5"}},
            "--severity takes a whole number",
        ),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(flags, problem):
    with pytest.raises(UsageError, match=problem):
        order(**flags)


def test_without_flags_the_faults_are_listed(workspace):
    assert order() is None
    assert drills.carry_out(workspace, None).faults == []


def test_what_is_frozen_is_thawed_by_its_deployments_name(cloud, workspace):
    for name in ("blue", "green"):
        id_ = f"{cloud.cloud.workspace}/onlineEndpoints/iris/deployments/{name}".lower()
        state, facts = "Ready", {"pid": 2**22, "process_created": 1.0}
        cloud.state.save_instance(
            Instance(
                id=f"{name}-1", deployment=id_, fingerprint="f", state=state, **facts
            )
        )
        drills.carry_out(workspace, order(instances={"freeze": name}))

    drills.carry_out(workspace, order(instances={"thaw": "green"}))

    assert told(workspace) == ["instances of iris/blue: frozen"]


def test_an_alert_fires_and_resolves(cloud, workspace, capsys):
    about = {"rule": "burn", "severity": "2", "deployment": "green"}
    drills.carry_out(workspace, order(alert=about))
    (alert,) = cloud.state.of_type("alerts")
    assert alert.properties["essentials"]["targetResourceName"] == "green"
    assert alert.properties["essentials"]["severity"] == "Sev2"
    drillview.drill(drills.show(workspace))
    assert "alert burn (severity 2) fired" in (said := capsys.readouterr().out)
    assert "on iris/green" in said

    drills.carry_out(workspace, order(alert={"resolve": "burn"}))

    (alert,) = cloud.state.of_type("alerts")
    assert alert.properties["essentials"]["monitorCondition"] == "Resolved"


def test_the_clock_is_set_ahead_and_told(workspace, capsys):
    before = workspace.now()
    found = drills.move_clock(workspace, "2h", "60")
    drillview.clock(found)

    assert workspace.now() - before >= timedelta(hours=2)
    assert "2h" in capsys.readouterr().out
    assert found.rate == 60
    with pytest.raises(UsageError, match="--rate takes a whole number 1 to 600"):
        drills.move_clock(workspace, None, "0")


def test_switching_off_ends_the_faults(workspace):
    drills.carry_out(workspace, order("*", {"status": "500"}))

    off = drills.switch(workspace, on=False, off=True)

    assert (off.on, off.faults) == (False, [])
    with pytest.raises(
        ServiceError, match=r"(?s)switched off.*invoke cloud.drills --on"
    ):
        drills.carry_out(workspace, order("*", {"count": True}))


def test_there_are_no_drills_on_azure():
    stage = Stage(name="prod", cloud="azure", path=Path("prod.yaml"))

    with pytest.raises(Refused, match="prod is on Azure"):
        drills.show(Workspace(stage, None))
