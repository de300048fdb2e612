"""The door on a real localcloud: two machines, outside edits, lost locks, limits."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
import requests
from cloud_rig import until

from ops import (
    clients,
    door,
    endpoints,
    freeze,
    history,
    journal,
    lease,
    rollback,
    settings,
    tags,
    traffic,
    weights,
    writing,
)
from ops.errors import Busy, Conflict, ServiceError, Unreachable
from ops.traffic import How
from ops.weights import Weights
from tests.flows.desk import ROOT

pytestmark = pytest.mark.slow

BLUE, SOME = {"blue": 100}, {"blue": 80, "green": 20}
HALF = {"blue": 50, "green": 50}
# Plans, waits for a line, and does what it has planned.
RACER = """
import sys
from ops import clients, settings, traffic
from ops.errors import OpsError

workspace = clients.connect(settings.load_stage("local"))
green = int(sys.argv[1])
asked = traffic.split({"blue": 100 - green, "green": green})
planned = traffic.plan(workspace, "iris", asked, verb="shift-traffic")
print("planned", flush=True)
sys.stdin.readline()
try:
    traffic.carry_out(workspace, planned)
except OpsError as refusal:
    print(refusal)
    sys.exit(1)
"""


@pytest.fixture(scope="module")
def shop(desk):
    """A desk whose endpoint has blue and green."""
    desk("deploy")
    desk("deploy", "--deployment", "green")
    return desk


@pytest.fixture
def at(shop, tmp_path, monkeypatch):
    """Sit down at somebody's machine: a state of its own, the same localcloud."""
    monkeypatch.setenv("AML_OPS_LOCALCLOUD", str(shop.state / "localcloud"))
    monkeypatch.setenv("AML_OPS_SPECS", str(shop.folder / "specs"))
    monkeypatch.setattr(lease, "PATIENCE_SECONDS", 0.5)

    def sit(name):
        monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / name))
        monkeypatch.setenv("LOGNAME", name)
        return clients.connect(settings.load_stage("local"))

    cleaner = sit("cleaner")
    shift(cleaner, BLUE, verb="reset", how=How(urgent=True, force=True))
    freeze.unfreeze(cleaner, "iris")
    return sit


def shift(workspace, split, verb="shift-traffic", **options):
    return traffic.change(workspace, "iris", traffic.split(split), verb=verb, **options)


def live(workspace):
    return weights.of(endpoints.get(workspace, "iris")).traffic


def outside(workspace, split, kept=None):
    """Write weights as another tool does, under another name."""
    path = endpoints.path("iris")
    body = workspace.get(path)
    kept = body["tags"] if kept is None else kept
    token = (workspace.local.directory / "token").read_text().strip()
    answer = requests.put(
        f"{workspace.base_url}{workspace.id}/{path}?api-version=2023-10-01",
        json=writing.with_weights(body, Weights(traffic=split), kept),
        headers={"Authorization": f"Bearer {token}~portal@corp"},
        verify=str(workspace.local.authority),
        timeout=20,
    )
    assert answer.ok, answer.text
    until(lambda: live(workspace) == split)


def test_who_comes_second_is_told_who_is_at_it(at):
    with door.opened(at("mara"), "iris", "deploy"):
        noor = at("noor")

        with pytest.raises(Busy, match=r"deploy by mara@.*free in 15 s at the latest"):
            shift(noor, SOME)

    assert live(noor) == BLUE
    assert shift(noor, SOME).done


def test_of_two_who_shift_at_once_one_wins_and_the_other_is_told_who(at, tmp_path):
    at("onlooker")
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, green],
            env={
                **os.environ,
                "AML_OPS_STATE": str(tmp_path / name),
                "LOGNAME": name,
            },
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name, green in (("mara", "30"), ("noor", "40"))
    ]
    for racer in racers:
        assert racer.stdout.readline() == "planned\n"

    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=60)[0] for racer in racers]

    won = [racer.returncode for racer in racers].index(0)
    assert racers[1 - won].returncode == 1
    winner = ("mara", "noor")[won]
    assert f"changed by {winner}@" in said[1 - won]
    assert live(at("onlooker"))["green"] == (30, 40)[won]


def test_who_has_lost_the_lock_writes_nothing(at):
    with door.opened(at("mara"), "iris", "shift-traffic") as late:
        steal(late.workspace)

        noor = at("noor")
        assert shift(noor, SOME).done
        with pytest.raises(Conflict, match="lock of iris was lost"):
            late.write(Weights(traffic=HALF), "too late", {})

    assert live(noor) == SOME


def test_a_write_of_one_who_had_lost_the_lock_is_seen(at):
    with door.opened(at("mara"), "iris", "shift-traffic") as late:
        kept = late.endpoint.tags | {tags.FENCE: str(late.held.announce(1))}
        steal(late.workspace)
        noor = at("noor")
        number = shift(noor, SOME).fence

    outside(noor, HALF, kept=kept)  # what it had ready to send arrives after all

    with door.opened(noor, "iris", "status"):
        missing, lost = noor.notes
    assert f"#{number - 1} (shift-traffic by mara@" in missing  # at noor's own shift
    assert f"change #{number} (shift-traffic by noor@" in lost
    assert f"was overwritten: the endpoint shows #{number - 1}" in lost


def steal(workspace):
    """What happens to a lock whose holder sleeps for longer than its lease."""
    headers = {"x-ms-lease-action": "break", "x-ms-lease-break-period": "0"}
    name, query = "aml-ops/iris.lock", {"comp": "lease"}
    workspace.container.send("PUT", name, query=query, headers=headers)


def test_an_outside_edit_between_read_and_write_is_refused_with_who(at):
    mara = at("mara")

    def decide(endpoint):
        outside(mara, {"green": 100})
        return Weights(traffic=SOME)

    with pytest.raises(Conflict, match=r"changed by portal@corp at \d\d:\d\d:\d\d UTC"):
        traffic.change(mara, "iris", decide, verb="shift-traffic")

    assert live(mara) == {"green": 100}
    latest = history.of(mara, "iris", 1)[0]
    assert (latest.outcome, latest.number) == ("failed", latest.number)


def test_other_tools_tags_survive_and_so_do_ours(at):
    mara = at("mara")
    shift(mara, SOME)
    outside(mara, SOME, kept=endpoints.get(mara, "iris").tags | {"team": "ml"})

    shift(mara, HALF)

    kept = endpoints.get(mara, "iris").tags
    assert kept["team"] == "ml"
    assert [each.after.traffic for each in tags.changes(kept)][:2] == [HALF, SOME]


def test_deploying_the_endpoint_again_keeps_our_tags(at, shop):
    mara = at("mara")
    shift(mara, SOME)
    before = tags.changes(endpoints.get(mara, "iris").tags)
    shop.edit("specs/iris/endpoint.yaml", "four measurements.", "four numbers.")

    shop("deploy")

    kept = endpoints.get(mara, "iris").tags
    assert tags.changes(kept) == before
    assert live(mara) == SOME
    assert tags.fence(kept) > before[0].fence


def test_a_rollback_needs_no_journal(at):
    shift(at("mara"), SOME)
    noor = at("noor")

    back = traffic.change(
        noor,
        "iris",
        rollback.decide(noor, "iris", None),
        verb="rollback",
        how=rollback.how(force=False),
    )

    assert (back.after.traffic, live(noor)) == (BLUE, BLUE)


def test_history_without_a_journal_tells_who_did_what(at):
    mara = at("mara")
    shift(mara, SOME, reason="a first look")
    outside(mara, HALF)
    noor = at("noor")

    rows = history.of(noor, "iris", 3)

    told = [(row.who.split("@")[0], row.told_by) for row in rows]
    assert told[:2] == [("portal", "activity log"), ("mara", "tags")]
    assert rows[1].reason == "a first look"
    assert history.numbered(rows, rows[1].number).traffic == SOME


def test_while_frozen_only_a_rollback_goes_through(at, shop):
    mara = at("mara")
    shift(mara, SOME)
    freeze.freeze(mara, "iris", timedelta(hours=8), reason="audit")

    for words in (
        ("shift-traffic", "--green", "50"),
        ("scale", "--deployment", "blue", "--instances", "2"),
        ("keys.rotate", "--key", "secondary"),
        ("mirror", "--off"),
        ("deploy",),
    ):
        assert "frozen until" in shop(*words, status=1)
    assert live(mara) == SOME
    assert "blue 80% -> 100%" in shop("rollback")
    assert "unfrozen (audit)" in shop("unfreeze")


def test_mirror_traffic_ends_when_somebody_comes_by_after_its_time(at):
    mara = at("mara")
    ten = traffic.mirror({"green": 10})
    how = How(mirror_for=timedelta(seconds=1))
    done = traffic.change(mara, "iris", ten, verb="mirror", how=how)
    noor = at("noor")
    assert endpoints.get(noor, "iris").mirror == {"green": 10}
    until(lambda: noor.now() > done.mirror_until)

    asked = traffic.split(SOME)  # refused while green is mirrored to
    planned = traffic.plan(noor, "iris", asked, verb="shift-traffic")
    assert traffic.carry_out(noor, planned).done

    endpoint = endpoints.get(noor, "iris")
    assert (endpoint.mirror, endpoint.traffic) == ({}, SOME)
    assert tags.MIRROR_UNTIL not in endpoint.tags
    assert "mirror traffic of iris is cleared" in noor.notes[0]
    verbs = [each.verb for each in tags.changes(endpoint.tags)]
    assert verbs[:2] == ["shift-traffic", "mirror-limit"]


def test_a_lock_that_cannot_be_reached_stops_all_but_a_rollback(at, monkeypatch):
    mara = at("mara")
    shift(mara, SOME)
    lost = at("lost")
    vars(lost)["container"] = NoStorage()

    with pytest.raises(
        Unreachable, match="lock of iris can't be taken, so nothing was begun"
    ):
        shift(lost, HALF)
    back = shift(lost, BLUE, verb="rollback", how=How(urgent=True))

    assert back.done
    assert "going on without the lock" in lost.notes[0]
    assert shift(at("mara"), SOME).fence > back.fence


class NoStorage:
    """A container whose account is behind a firewall."""

    def send(self, method, name, **rest):
        raise Unreachable("The service does not answer: no route to host")


@pytest.fixture
def fault(shop):
    """Make requests fail while a test runs."""
    shop("cloud.drills", "--on")
    yield lambda on, *effect: shop("cloud.fault", "--on", on, *effect)
    shop("cloud.drills", "--off")


def test_a_write_without_an_answer_is_neither_lost_nor_doubled(at, fault):
    mara = at("mara")
    fault("PUT */onlineEndpoints/iris", "--reset", "--times", "1")
    assert shift(mara, SOME).done  # sent again: it had not been done

    fault("PUT */onlineEndpoints/iris", "--reset", "--late", "--times", "1")
    done = shift(mara, HALF)  # not sent again: it had

    kept = tags.changes(endpoints.get(mara, "iris").tags)
    assert [each.after.traffic for each in kept][:2] == [HALF, SOME]
    assert kept[0].fence == done.fence


def test_a_read_from_before_the_write_is_no_conflict(at, fault):
    mara = at("mara")
    fault("*/onlineEndpoints/iris", "--stale", "1s")

    assert shift(mara, SOME).done
    assert live(mara) == SOME


def test_a_write_that_is_never_shown_is_a_conflict(at, fault, monkeypatch):
    monkeypatch.setattr(writing, "READ_BACK_SECONDS", 0.5)
    mara = at("mara")
    fault("*/onlineEndpoints/iris", "--stale", "3s")

    with pytest.raises(Conflict, match="shows blue 100% where blue 80%, green 20% was"):
        shift(mara, SOME)


def test_a_write_that_fails_says_what_is_left(at, fault):
    mara = at("mara")
    fault("PUT */onlineEndpoints/iris", "--status", "409", "--times", "1")

    with pytest.raises(ServiceError, match=r"The endpoint shows blue 100%\."):
        shift(mara, SOME)

    assert shift(mara, SOME).done
    assert mara.notes == []  # a refusal is not taken for an overwritten change


def killed(shop, at, name, when):
    """Run a shift on somebody's machine; kill it as soon as `when` holds."""
    at(name)
    verb = subprocess.Popen(
        shop.command("shift-traffic", "--green", "20"),
        env=dict(os.environ),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(when)
    verb.kill()
    verb.wait()


def test_a_process_killed_before_its_write_is_told_as_not_done(at, shop, fault):
    mara = at("mara")
    fault("PUT *iris.lock?*comp=metadata*", "--after", "1", "--delay", "20s")

    killed(shop, at, "mara", lambda: journal.entries("local", "iris"))

    with pytest.raises(Busy, match="shift-traffic by mara@"):
        shift(at("noor"), SOME)  # as long as its lease lasts
    mara = at("mara")
    steal(mara)
    latest = history.of(mara, "iris", 1)[0]
    assert (latest.verb, latest.outcome) == ("shift-traffic", "not done")
    assert "was cut off: not done" in mara.notes[0]
    assert live(mara) == BLUE


def test_a_process_killed_after_its_write_is_told_as_done(at, shop, fault):
    mara = at("mara")
    fault("PUT */onlineEndpoints/iris", "--delay", "20s", "--late", "--times", "1")

    killed(shop, at, "mara", lambda: live(mara) == SOME)

    steal(mara)
    assert shift(mara, HALF).done  # the next change tells it, too
    assert "was cut off: done, the endpoint's tags have its record" in mara.notes[0]
    rows = history.of(mara, "iris", 2)
    assert [row.outcome for row in rows] == ["done", "done"]
