"""How a rollout goes, who may interfere with it, and what it does then.

All of it is real but the engines: the toolkit, the wire, localcloud's handlers. Each
runner is a generator, so two of them take turns as the test says.
"""

import re
import signal
from datetime import timedelta

import pytest

from ops import (
    freeze,
    history,
    reversal,
    rollback,
    rollout,
    shifting,
    traffic,
    undo,
    watchdog,
)
from ops.errors import Interrupted, Refused, RolledBack
from ops.rollouts import following, standing
from ops.rollouts.standing import RETURNING
from tests.local_transport import InProcess
from tests.rollout_rig import BLUE, POLICY, Rig, until


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_a_rollout_goes_step_by_step_and_ends_promoted(cloud):
    events = cloud.begin()

    assert cloud.endpoint.traffic == {"blue": 90, "green": 10}
    assert until(events, "advanced").here.step == 1
    assert cloud.endpoint.traffic == {"blue": 50, "green": 50}
    last = until(events, "promoted")
    assert cloud.endpoint.traffic == {"green": 100}
    assert cloud.here.state == "promoted"
    rollout.require_success(last)


def test_errors_in_the_rows_roll_it_back_with_their_numbers(cloud):
    events = cloud.begin()
    cloud.served("blue", 900, seconds_ago=0)
    cloud.served("green", 60, seconds_ago=0)
    cloud.served("green", 40, status=500, seconds_ago=0)
    cloud.clock.move(advance=80)  # the latest minute may not be whole, nor a bin
    cloud.served("blue", 1, seconds_ago=0)

    last = until(events, "rolled back", "advanced")

    assert last.what == "rolled back"
    assert "errors 40% of 100 against blue's 0% of 900" in last.text
    assert cloud.endpoint.traffic == BLUE
    with pytest.raises(RolledBack) as ended:
        rollout.require_success(last)
    assert ended.value.code == 3


def test_a_ctrl_c_while_its_beginning_is_told_leaves_it_to_nobody(cloud):
    events = cloud.begin()

    signal.raise_signal(signal.SIGINT)
    with pytest.raises(Interrupted, match="Traffic stays blue 90%, green 10%"):
        until(events, "promoted")

    assert not cloud.here.runner


def test_a_person_pauses_it_and_the_runner_goes_on_when_it_is_resumed(cloud):
    events = cloud.begin()
    ben = cloud.workspace("ben@desk")

    rollout.pause(ben, "iris", reason="lunch")
    looks = [next(events) for _ in range(2)]
    assert [look.decision.action for look in looks] == ["pause", "pause"]
    (told,) = rollout.resume(ben, "iris")
    assert "goes on" in told.text

    assert until(events, "advanced")
    assert cloud.here.run == 1


def test_a_step_can_wait_for_a_person(cloud):
    events = cloud.begin(POLICY.replace("50, bake: 2m", "50, pause: look at it"))

    paused = until(events, "paused")
    assert paused.text == "waiting for a person: look at it"
    list(rollout.resume(cloud.workspace("ben@desk"), "iris"))

    assert until(events, "promoted")


def test_two_do_not_run_one_rollout(cloud):
    cloud.begin()

    with pytest.raises(Refused, match=r"runs this rollout; it was heard of \d+ s ago"):
        next(rollout.resume(cloud.workspace("ben@desk"), "iris"))
    with pytest.raises(Refused, match="A rollout of green is running on iris, step 1"):
        cloud.begin(who="ben@desk")


def test_whoever_is_taken_over_from_only_tells_how_it_ends(cloud):
    events = cloud.begin()
    ben = cloud.workspace("ben@desk")
    others = cloud.running(rollout.resume(ben, "iris", take_over=True))
    assert next(others).what == "resumed"

    assert until(events, "taken over")
    before = cloud.endpoint.tags
    assert until(others, "promoted")
    last = until(events, "promoted")

    assert last.here.run == 2
    assert cloud.endpoint.tags != before
    rollout.require_success(last)


def test_an_abort_goes_back_and_ends_the_runner_as_rolled_back(cloud):
    events = cloud.begin()
    ben = cloud.workspace("ben@desk")

    told = list(rollout.finish(ben, "iris", "abort", reason="wrong model"))

    assert told[-1].what == "aborted"
    assert cloud.endpoint.traffic == BLUE
    last = until(events, "aborted")
    with pytest.raises(RolledBack, match="green was not promoted: aborted"):
        rollout.require_success(last)


def test_an_abort_works_where_the_record_cannot_be_read(cloud):
    cloud.begin()
    container = f"azureml-blobstore-{cloud.cloud.workspace_id}"
    cloud.cloud.blobs.delete(container, record_name(cloud, container))

    (told,) = rollout.finish(cloud.workspace("ben@desk"), "iris", "abort")

    assert "by the endpoint's tags alone" in told.text
    assert cloud.endpoint.traffic == BLUE
    assert cloud.here.state == "aborted"


def record_name(cloud, container):
    names = [row["name"] for row in cloud.state.blobs(container)]
    return next(name for name in names if "/rollouts/" in name)


def test_promoting_by_hand_skips_the_rest(cloud):
    events = cloud.begin()

    ended = list(rollout.finish(cloud.workspace("ben@desk"), "iris", "promote"))

    assert ended[-1].what == "promoted"
    assert cloud.endpoint.traffic == {"green": 100}
    assert until(events, "promoted").here.run == 2


def test_the_rollback_verb_ends_a_rollout(cloud):
    events = cloud.begin()

    ben = cloud.workspace("ben@desk")
    decide, how = rollback.decide(ben, "iris", None), rollback.how(force=False)
    traffic.change(ben, "iris", decide, verb="rollback", how=how)

    assert cloud.endpoint.traffic == BLUE
    assert cloud.here.state == "aborted"
    assert until(events, "aborted", "promoted").what == "aborted"


def go_back(cloud, *, step=False, who="ben@desk"):
    """`rollback`, or `rollback --step`; return the live weights after it."""
    workspace = cloud.workspace(who)
    decide = rollback.decide(workspace, "iris", None, step)
    verb = reversal.STEP if step else reversal.ROLLBACK
    how = rollback.how(force=False)
    traffic.change(workspace, "iris", decide, verb=verb, how=how)
    return cloud.endpoint.traffic


def test_a_rollback_after_a_promotion_takes_all_of_its_steps_back(cloud):
    until(cloud.begin(), "promoted")

    assert go_back(cloud) == BLUE
    assert go_back(cloud) == BLUE  # it is back already


def test_a_step_back_after_a_promotion_is_one_step_and_the_rest_may_follow(cloud):
    until(cloud.begin(), "promoted")

    assert go_back(cloud, step=True) == {"blue": 50, "green": 50}
    assert go_back(cloud, step=True) == {"blue": 90, "green": 10}
    assert go_back(cloud) == BLUE


def test_a_rollout_of_more_steps_than_the_tags_keep_is_gone_back_from_whole(cloud):
    step = "- {weight: 50, bake: 2m, requests: 0}\n"
    more = (15, 20, 25, 30, 35, 40, 42, 44, 46, 48, 50)
    steps = "".join(step.replace("50", str(each)) for each in more)
    until(cloud.begin(POLICY.replace(step, steps)), "promoted")

    assert go_back(cloud) == BLUE


def test_one_step_back_is_refused_in_the_middle_of_a_rollout(cloud):
    cloud.begin()

    with pytest.raises(Refused, match="going back one step would leave it to go on"):
        go_back(cloud, step=True)


def undone(cloud):
    """The live weights that `undo` leads to."""
    row = undo.last(cloud.workspace("ben@desk"), "iris")
    return undo.before(cloud.endpoint, row).traffic


def test_undo_after_a_promotion_takes_all_of_its_steps_back(cloud):
    until(cloud.begin(), "promoted")

    assert undone(cloud) == BLUE


def test_undo_never_gives_a_canary_back_what_its_judge_took(cloud):
    events = cloud.begin()
    list(rollout.finish(cloud.workspace("ben@desk"), "iris", "abort"))
    assert until(events, "aborted").what == "aborted"

    with pytest.raises(Refused, match="took traffic back from what was tried"):
        undone(cloud)


def test_undo_is_refused_in_the_middle_of_a_rollout(cloud):
    cloud.begin()

    with pytest.raises(Refused, match="its steps are one change, which is not over"):
        undone(cloud)


def test_the_history_says_how_a_rollout_ended(cloud):
    until(cloud.begin(), "promoted")

    (latest, *_) = history.of(cloud.workspace(), "iris", 5)

    assert latest.after == {"traffic": {"green": 100}, "rollout": "promoted"}


def test_a_split_of_weights_that_were_changed_meanwhile_is_not_judged(cloud):
    for ago in range(1, 200, 2):
        cloud.served("blue", 20, seconds_ago=ago)
    workspace = cloud.workspace("ana@laptop")
    asked = traffic.split({"blue": 80, "green": 20})
    events = shifting.run(
        workspace, "iris", asked, verb="shift-traffic", approve=lambda what: None
    )
    next(events)
    next(events)
    ben = cloud.workspace("ben@desk")
    traffic.change(ben, "iris", traffic.split({"blue": 100}), verb="shift-traffic")
    cloud.served("blue", 500, seconds_ago=-5)

    (seen,) = events

    said = r"not judged: changed meanwhile by \S+ \(shift-traffic, #3\), to blue 100%"
    assert re.fullmatch(said, seen.unseen)


def test_a_shift_by_hand_is_refused_meanwhile(cloud):
    cloud.begin()

    with pytest.raises(Refused, match="the weights are its own until it is over"):
        traffic.change(
            cloud.workspace("ben@desk"),
            "iris",
            traffic.split({"blue": 0, "green": 100}),
            verb="shift-traffic",
        )


def test_weights_that_others_set_outside_pause_it_and_name_them(cloud):
    events = cloud.begin()
    outside(cloud, {"blue": 30, "green": 70})

    paused = until(events, "paused", "advanced")

    assert paused.what == "paused"
    assert re.search(r"carol@portal set blue 30%, green 70% at", paused.text)
    assert "this rollout had set blue 90%, green 10%" in paused.text
    assert cloud.endpoint.traffic == {"blue": 30, "green": 70}


def test_a_resume_sets_the_steps_own_weights_again(cloud):
    events = cloud.begin()
    outside(cloud, {"blue": 30, "green": 70})
    assert until(events, "paused")

    ben = cloud.workspace("ben@desk")
    others = cloud.running(rollout.resume(ben, "iris", take_over=True))

    assert "at blue 90%, green 10%" in next(others).text
    assert cloud.endpoint.traffic == {"blue": 90, "green": 10}


def test_tags_that_others_wiped_are_written_again(cloud):
    events = cloud.begin()
    path = f"{cloud.cloud.workspace}/onlineEndpoints/iris"
    cloud.ask("PATCH", path, {"tags": {"team": "iris"}}, "carol@portal")
    assert cloud.here is None

    assert until(events, "advanced")

    assert cloud.here.step == 1
    assert cloud.endpoint.tags["team"] == "iris"


def outside(cloud, weights):
    """What the portal does: a PUT of its own, that knows nothing of us."""
    path = f"{cloud.cloud.workspace}/onlineEndpoints/iris"
    properties = {"authMode": "Key", "traffic": weights}
    body = {"location": "local", "tags": cloud.endpoint.tags, "properties": properties}
    assert cloud.ask("PUT", path, body, "carol@portal").status < 300


def test_while_frozen_nothing_begins_or_advances_but_going_back_goes(cloud):
    events = cloud.begin()
    ben = cloud.workspace("ben@desk")
    freeze.freeze(ben, "iris", timedelta(hours=1), reason="audit")

    trouble = until(events, "trouble", "advanced")
    assert trouble.text.startswith("advance: iris is frozen until")
    assert list(rollout.finish(ben, "iris", "abort"))[-1].what == "aborted"
    assert cloud.endpoint.traffic == BLUE
    with pytest.raises(Refused, match="is frozen until"):
        cloud.begin()


def test_nothing_begins_where_rows_do_not_flow(cloud):
    path = f"{cloud.cloud.workspace}/onlineEndpoints/iris"
    setting = f"{path}/providers/Microsoft.Insights/diagnosticSettings/aml-ops"
    cloud.ask("DELETE", setting)

    with pytest.raises(Refused, match="don't flow to Log Analytics") as refusal:
        cloud.begin()

    assert refusal.value.remedies[0].startswith("invoke diagnostics.on")


def test_traffic_goes_back_in_parts_to_a_stable_that_is_too_small(cloud):
    events = cloud.begin(POLICY + "abort: {how: stepwise, percent: 20, every: 1m}\n")
    assert until(events, "advanced")
    for name in ("blue", "green"):  # 20 a second, of 100 ms: one instance does 7
        cloud.served(name, 600, ms=100, seconds_ago=30)
    fail(cloud, "green")

    assert until(events, "returning").here.state == RETURNING
    parts = []
    while (event := until(events, "returning", "rolled back")).what == "returning":
        parts.append(event.text)
    assert parts[0] == "30% is left on green"
    assert cloud.endpoint.traffic == BLUE
    assert event.here.state == "rolled back"


def fail(cloud, name):
    id_ = f"{cloud.cloud.workspace}/onlineEndpoints/iris/deployments/{name}"
    cloud.state.observe(id_, provisioningState="Failed")


def test_an_alert_that_fires_meanwhile_rolls_it_back(cloud):
    events = cloud.begin()
    assert cloud.ask("PUT", "/-/drills", {"on": True}).status == 200
    alert = {"rule": "latency-burn", "endpoint": "iris", "severity": 1}
    assert cloud.ask("POST", "/-/drills/alerts", alert).status < 300

    last = until(events, "rolled back", "advanced")

    assert last.what == "rolled back"
    assert "latency-burn fired at" in last.text


def test_a_step_waits_while_green_is_too_small_for_it(cloud):
    events = cloud.begin()
    for _ in range(3):  # 20 a second, of 100 ms: half of it needs two instances
        cloud.served("blue", 1200, ms=100, seconds_ago=0)
        cloud.clock.move(advance=20)

    trouble = until(events, "trouble", "advanced")

    assert "advance: green has 1 instance, but 50% of" in trouble.text
    assert cloud.endpoint.traffic == {"blue": 90, "green": 10}


def test_neither_deployment_is_replaced_or_deleted_meanwhile(cloud):
    cloud.begin()

    for name in ("blue", "green"):
        with pytest.raises(Refused, match=f"{name} is part of it until it is over"):
            standing.require_free(cloud.endpoint, name)
    standing.require_free(cloud.endpoint, "purple")


def test_a_machine_without_the_sample_goes_on_without_probes(
    cloud, tmp_path, monkeypatch
):
    cloud.begin()
    ben = cloud.workspace("ben@desk")
    (name,) = (each for each in ben.container.names("aml-ops/rollouts/iris/"))
    record = ben.container.get(name)
    changed = record.replace(b"probes_per_second: 0", b"probes_per_second: 2")
    ben.container.put(name, changed)
    monkeypatch.setenv("AML_OPS_SPECS", str(tmp_path / "none"))

    events = cloud.running(rollout.resume(ben, "iris", take_over=True))

    assert next(events).what == "resumed"
    assert "no probes from here" in next(events).text


def test_the_watchdog_leaves_a_rollout_alone_that_is_seen_to(cloud):
    cloud.begin()

    (found,) = watchdog.sweep(cloud.workspace("ci@watchdog"))

    assert "rollout of green running, run by" in found.said
    assert not found.restored


def test_the_watchdog_says_where_there_is_nothing_to_watch(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    empty = InProcess(tmp_path)
    try:
        (found,) = watchdog.sweep(empty.workspace("ci@watchdog"))
    finally:
        empty.close()

    assert found.said == "there are no endpoints"
    watchdog.require_quiet([found])


def test_the_watchdog_restores_safe_weights_when_the_runner_is_dead(cloud):
    cloud.begin()
    ci = cloud.workspace("ci@watchdog")
    cloud.clock.move(advance=200)

    (would,) = watchdog.sweep(ci, dry_run=True)
    assert would.said.startswith("would restore blue 100%")
    (found,) = watchdog.sweep(ci)

    assert found.restored
    assert cloud.endpoint.traffic == BLUE
    assert cloud.here.state == "rolled back"
    assert watchdog.silence(cloud.here, ci.now()) != found.said
    with pytest.raises(RolledBack, match="Safe weights restored: iris"):
        watchdog.require_quiet([found])
    (again,) = watchdog.sweep(ci)
    assert again.said == "no rollout under way"


def test_a_runner_that_comes_back_after_the_watchdog_writes_nothing(cloud):
    events = cloud.begin()
    cloud.clock.move(advance=400)
    assert next(watchdog.sweep(cloud.workspace("ci@watchdog"))).restored

    assert until(events, "rolled back", "advanced").what == "rolled back"
    assert cloud.endpoint.traffic == BLUE


def test_who_watches_is_told_how_a_dead_runners_rollout_ended(cloud, monkeypatch):
    monkeypatch.setattr(following, "WATCH_SECONDS", 0.01)
    assert until(cloud.begin(), "advanced")
    watched = following.watch(cloud.workspace("ben@desk"), "iris")
    assert next(watched)
    cloud.clock.move(advance=400)
    assert next(watchdog.sweep(cloud.workspace("ci@watchdog"))).restored

    last = [*watched][-1]

    assert last.what == "rolled back"
    assert last.text.startswith("by watchdog of ")


def test_the_watchdog_ends_mirror_traffic_that_is_due(cloud):
    ben = cloud.workspace("ben@desk")
    traffic.change(ben, "iris", traffic.mirror({"green": 10}), verb="mirror")
    cloud.clock.move(advance=3700)

    (found,) = watchdog.sweep(cloud.workspace("ci@watchdog"))

    assert found.said == "mirror traffic cleared: it was due"
    assert cloud.endpoint.mirror == {}


def test_a_status_and_a_replay_are_told_from_the_storage(cloud):
    events = cloud.begin()
    assert until(events, "promoted")
    ben = cloud.workspace("ben@desk")

    found = following.status(ben, "iris")
    again = following.again(ben, "iris", None, None)

    assert [event.what for event in found.events] == ["started", "advanced", "promoted"]
    assert found.ids == (again.id,)
    assert again.exact
    assert again.looks > 10
