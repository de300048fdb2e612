"""What the relay posts where, that it posts nothing twice, and waits for nobody."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ops.alerting import fired, muting, posting, relayed, relaying, silencing, targets
from ops.alerting.relaying import Relay
from ops.errors import Busy, NotFound, OpsError
from ops.localcloud import alerts
from tests.chat_rig import CUT, HANG, LOST, chat
from tests.firing_rig import fire
from tests.local_transport import InProcess

POST, UPDATE, TEAMS = "/chat.postMessage", "/chat.update", "/teams/secret-part"


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    made = InProcess(tmp_path)
    made.put_endpoint()
    yield made
    made.close()


@pytest.fixture
def friends():
    with chat() as server:
        yield server


@pytest.fixture
def workspace(cloud, friends, tmp_path):
    """A workspace whose stage tells a team in Slack and in Teams."""
    for name, text in (("token", "xoxb-secret"), ("url", friends.url + TEAMS)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    slack = {"channel": "#ops", "token_file": str(tmp_path / "token")}
    teams = {"url_file": str(tmp_path / "url")}
    notify = {"team": {"slack": {**slack, "api": friends.url}, "teams": teams}}
    made = cloud.workspace("relay@desk")
    made.stage = replace(made.stage, notify=notify)
    return made


def once(workspace):
    return list(relaying.relay(workspace))


def titles(bodies):
    return [body["attachments"][0]["blocks"][0]["text"]["text"] for body in bodies]


def test_a_firing_is_posted_once_and_edited_where_it_can_be(cloud, friends, workspace):
    alert = fire(cloud)

    told = once(workspace)
    once(workspace)

    assert {each.target for each in told} == {"team/slack", "team/teams"}
    assert titles(friends.bodies(POST)) == ["Sev 1: errors on green"]
    assert len(friends.bodies(TEAMS)) == 1
    assert {auth for path, auth, _ in friends.heard if path == POST} == {
        "Bearer xoxb-secret"
    }

    alerts.resolve(cloud.state, alert, cloud.clock.now())
    once(workspace)
    once(workspace)

    (edit,) = friends.bodies(UPDATE)
    assert (edit["channel"], edit["ts"][:10]) == ("C1", "1700000000")
    assert titles([edit])[0].startswith("Resolved: errors on green")
    assert len(friends.bodies(POST)) == 1
    assert len(friends.bodies(TEAMS)) == 2


def test_a_new_firing_of_the_same_rule_is_a_new_message(cloud, friends, workspace):
    alerts.resolve(cloud.state, fire(cloud), cloud.clock.now())
    fire(cloud)

    once(workspace)

    assert len(friends.bodies(POST)) == 1
    assert len(friends.bodies(TEAMS)) == 1


def test_what_is_taken_is_told_by_an_edit_and_by_no_second_message(
    cloud, friends, workspace
):
    fire(cloud)
    once(workspace)
    (alert,) = fired.fired(workspace, "iris")

    fired.change_state(workspace, alert, fired.ACKNOWLEDGED)
    once(workspace)

    assert len(friends.bodies(UPDATE)) == 1
    assert "acknowledged by relay@desk" in str(friends.bodies(UPDATE)[0])
    assert len(friends.bodies(TEAMS)) == 1


def test_an_alert_that_a_list_leaves_out_for_once_is_no_new_one(
    cloud, friends, workspace
):
    alert = fire(cloud)
    once(workspace)
    cloud.state.delete(alert.id)
    once(workspace)
    cloud.state.put(alert.body)

    once(workspace)

    assert len(friends.bodies(POST)) == 1


def test_what_nobody_lists_any_more_is_let_go_of(cloud, friends, workspace):
    alert = fire(cloud)
    once(workspace)
    cloud.clock.move(advance=32 * 86400)

    once(workspace)

    with relayed.opened("local") as book:
        assert book.page("team/slack", alert.name) is None


def test_what_was_refused_is_posted_by_the_next_look(cloud, friends, workspace):
    fire(cloud)
    friends.answers[TEAMS] = [500]

    told = once(workspace)

    (failed,) = [each for each in told if each.failed]
    assert failed.target == "team/teams"
    assert "answered 500" in failed.said
    with pytest.raises(OpsError, match="team/teams"):
        relaying.require_told(told)
    once(workspace)
    once(workspace)
    assert len(friends.bodies(TEAMS)) == 2


def test_what_may_have_arrived_is_not_posted_again(cloud, friends, workspace):
    fire(cloud)
    friends.answers[POST] = [CUT]

    told = once(workspace)
    once(workspace)

    assert any("may have arrived" in each.said for each in told)
    assert len(friends.bodies(POST)) == 1


def test_a_message_that_somebody_has_deleted_is_posted_anew(cloud, friends, workspace):
    alert = fire(cloud)
    once(workspace)
    alerts.resolve(cloud.state, alert, cloud.clock.now())
    friends.answers[UPDATE] = [LOST]

    once(workspace)
    once(workspace)

    assert len(friends.bodies(UPDATE)) == 1
    assert len(friends.bodies(POST)) == 2


def test_a_target_that_hangs_keeps_no_other_waiting(cloud, friends, workspace):
    first = fire(cloud)
    friends.answers[TEAMS] = [HANG]
    found = [
        each for group in targets.of(workspace.stage) for each in posting.of(group)
    ]

    with relayed.opened("local") as book, ThreadPoolExecutor(2) as pool:
        relay = Relay(workspace=workspace, targets=found, book=book)
        list(relay.round(pool))
        friends.wait_for(POST)
        friends.wait_for(TEAMS)
        relay.busy["team/slack"].result()
        alerts.resolve(cloud.state, first, cloud.clock.now())
        list(relay.round(pool))
        friends.wait_for(UPDATE)

        assert not relay.busy["team/teams"].done()
        friends.open.set()


def test_what_is_muted_is_not_posted(cloud, friends, workspace):
    fire(cloud, "errors", suppressed=True)
    fire(cloud, "latency")
    asked = silencing.asked("30m", None, "green", True, "load test")
    silencing.mute(workspace, "iris", asked)

    assert once(workspace) == []
    assert friends.heard == []
    assert muting.live(workspace, "iris")


def test_a_rule_that_tells_others_is_not_posted_here(cloud, friends, workspace):
    fire(cloud, custom={"aml-ops.notify": "on-call"})
    fire(cloud, "latency", custom={"aml-ops.notify": "on-call,team"})

    once(workspace)

    assert len(friends.bodies(POST)) == 1


def test_a_dry_run_posts_nothing(cloud, friends, workspace):
    fire(cloud)

    told = list(relaying.relay(workspace, dry_run=True))

    assert [each.said for each in told] == ["would be posted"] * 2
    assert friends.heard == []


def test_two_relays_of_a_stage_would_post_twice(cloud, workspace):
    with relayed.opened("local"), pytest.raises(Busy, match="Another"):
        once(workspace)


def test_without_slack_or_teams_there_is_nobody_to_relay_to(cloud):
    with pytest.raises(NotFound, match="no slack and no teams"):
        once(cloud.workspace())


def test_nothing_that_is_told_has_a_secret(cloud, friends, workspace):
    fire(cloud)
    friends.answers = {TEAMS: [500], POST: [403]}

    told = once(workspace)

    assert len(told) == 2
    assert "secret" not in str(told)
    assert "secret" not in repr(
        [posting.of(group) for group in targets.of(workspace.stage)]
    )
