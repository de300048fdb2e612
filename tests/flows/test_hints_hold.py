"""What a person is told to type is typed, in the state in which it is told.

On an endpoint and a stage that nothing has by default, in one session from an empty
localcloud to a rollout: every refusal and every result below leads somewhere, and each
command that it names is run at once, with --dry-run where it would change something.
"""

import io
import sys

import pytest
from hinted import PLACE, Trail, misplaced, specs

pytestmark = [
    pytest.mark.slow,
    # A verb leaves behind what goes on when it ends: localcloud, a runner.
    pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning"),
]

DISTINCT = 60  # as many commands at least; that they are found is part of the test

NOTHING = """
status
logs
query --name errors
diagnostics
metrics
score
split
diagnose
drift
alerts
alerts.show
autoscale
capacity
keys
rollout
rollout.plan
rollout.start
rollout.abort
rollout.replay
freeze --reason x
mirror --off
shift-traffic --green 10
promote-green
scale --deployment alpha --instances 2
delete-endpoint --yes
dashboards.show
alerts.apply
autoscale.apply
rollback
undo
deploy
"""
ALPHA = """
deploy --deployment alpha
status
validate
score --deployment betta
score --file none.json
score --n 0
shift-traffic
shift-traffic --set alpha=50
shift-traffic --set beta=20,alpha=80
shift-traffic --set betta=20,alpha=80
mirror
mirror --set beta=10
scale
scale --deployment alpha
scale --deployment betta --instances 2
delete-deployment
delete-deployment --deployment alpha --yes
delete-endpoint
rollout.start
rollout.simulate --rollouts 1
rollout
rollout.pause
rollback
rollback --to 99
undo
promote-green --deployment beta
promote-green --deployment alpha
drift
drift --against beta
drift.monitor
keys
keys.rotate
keys.rotate --key secondary --yes
autoscale
autoscale.apply
autoscale.suspend
autoscale.suspend --deployment beta --for 1h
autoscale.simulate
autoscale.simulate --deployment alpha
autoscale.delete --deployment beta
autoscale.history
capacity
capacity --rps 100000
query
query --name nosuch
query --name errors --param x=1
query "Nosuch | take 1"
query "AmlOnlineEndpointTrafficLog | foo"
alerts.ack nosuch
alerts.ack
alerts.mute
alerts.mute --rule nosuch --for 1h --reason x
alerts.unmute --rule nosuch
alerts.show --rule errrors
alerts.apply --rule errrors
alerts.backtest --rule errrors
alerts.test --rule errrors
alerts.notify-test
dashboards.show --name overvieww
dashboards.export
dashboards.export --format grafana
dashboards.apply
dashboards.show
dashboards.open
diagnostics.off
logs
metrics
score
diagnose
rollout.start
capacity
diagnostics
diagnostics.on
"""
BOTH = """
deploy --deployment beta
status
score --n 20
shift-traffic --set beta=20,alpha=80
shift-traffic --green 10
delete-deployment --deployment beta --yes
rollback
rollback
rollback --to 1
undo
undo
mirror --set beta=10
mirror --set beta=10 --for 1s
shift-traffic --set beta=20,alpha=80
delete-deployment --deployment beta --yes
rollout.start
mirror --off
freeze
freeze --reason audit
shift-traffic --set beta=20,alpha=80
scale --deployment beta --instances 2
deploy --deployment beta
shfit-traffic --set beta=20,alpha=80
score 5
logs betta
capacity 50
metrics --snce 2h
alert
drift --aginst beta
query --nam errors
autoscale.apply
scale --deployment alpha --instances 2
autoscale.suspend --deployment alpha --for 1h --reason x
undo
autoscale.suspend --deployment alpha --off
keys.rotate --key secondary --yes
undo
alerts.apply
undo
autoscale.delete --deployment alpha
undo
unfreeze
unfreeze
scale --deployment beta --instances 2
undo
undo
score --deployment beta
split
logs
logs --level eror
logs --since 5x
logs.patterns
logs --request-id nosuch
logs --include (
metrics --since 90d
metrics --grain 7s
watch --json
load --rps 0
load --rps 20 --for 2s
load --deployment betta
history
cloud.fault --kill beta
diagnose
watchdog
delete-deployment --deployment beta --yes
undo
delete-endpoint --yes
undo
status
history
"""
ROLLOUT = """
deploy
deploy --deployment alpha
deploy --deployment beta
shift-traffic --set alpha=0,beta=0
score
load --rps 1 --for 1s
shift-traffic --set alpha=100
cloud.drills --on
cloud.fault --alert errors
alerts
status
alerts.list --since 1h
diagnose
alerts.ack errorz
alerts.mute --rule errors --for 1h --reason x
cloud.fault --alert errors --resolve errors
rollout.start --deployment beta --detach --reason x
status
rollout
rollout.start --deployment beta
rollout.resume
shift-traffic --set beta=20,alpha=80
delete-deployment --deployment alpha --yes
delete-deployment --deployment beta --yes
scale --deployment beta --instances 2
mirror --set beta=10
promote-green --deployment beta
undo
rollback --step
rollout.pause --reason x
rollout.pause
status
rollout.promote
rollout.abort --reason x
rollout.abort
rollback
undo
status
rollout
rollout.replay --id nosuch
history
"""


@pytest.fixture(scope="module")
def trail(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AML_OPS_SPECS", str(specs(folder)))
        patch.setenv("AML_OPS_STATE", str(folder / "state"))
        patch.setattr(sys, "stdin", io.StringIO())
        trail = Trail()
        try:
            yield trail
        finally:
            trail.type("cloud.down")


@pytest.mark.parametrize(
    "lines", [NOTHING, ALPHA, BOTH, ROLLOUT], ids=["nothing", "one", "two", "rollout"]
)
def test_what_is_told_to_be_typed_can_be_typed(trail, lines):
    before = len(trail.broken)
    for line in filter(None, lines.split("\n")):
        told = trail(line)
        assert "Traceback" not in told.said, told

    assert not trail.broken[before:]


def test_a_place_that_comes_from_the_environment_is_told_too(trail, monkeypatch):
    """Whoever pastes it, in another shell, acts on the same endpoint."""
    monkeypatch.setenv("INVOKE_ENDPOINT", "wine")
    monkeypatch.setenv("INVOKE_STAGE", "lab")
    trail.tried.clear()
    for line in ("scale", "scale --instances 2", "deploy --deployment nosuch"):
        told = trail(line, place=[])
        assert all(place in hint for hint in told.hints for place in PLACE), told

    assert trail.tried
    assert not trail.broken


def test_a_place_given_against_the_environment_is_told(trail, monkeypatch):
    monkeypatch.setenv("INVOKE_ENDPOINT", "wine")
    told = trail.type("delete-deployment", "--deployment", "x", "--endpoint", "iris")

    assert told.hints
    assert all("--endpoint iris" in hint for hint in told.hints), told


def test_enough_commands_were_told_and_typed(trail):
    said = f"{len(trail.told)} distinct commands told, {len(trail.ran)} of them typed"
    sys.stdout.write(f"{said}\n")  # pytest -rA shows it

    assert len(trail.ran) >= DISTINCT, said


def test_a_command_that_loses_its_place_is_noticed():
    at = ["--endpoint", "wine", "--stage", "lab"]

    assert misplaced("status", ["status", *at]) == ""
    assert misplaced("status", ["status", *at[:2]]) == "loses --stage lab"
    assert misplaced("status", ["status"]) == "loses --endpoint wine, --stage lab"
    assert misplaced("cloud.up", ["cloud.up", *at[2:]]) == ""
    assert misplaced("", ["stauts"]) == "there is no such verb"
