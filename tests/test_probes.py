"""Probes go straight to each deployment and tell a bad answer at once."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cloud_rig import until

from ops.rollouts import probes
from ops.rollouts.probes import Probes, Target

GOOD = b'{"labels": ["setosa"]}'


class Server(ThreadingHTTPServer):
    """Answers each deployment as it is told to."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {"blue": (200, GOOD), "green": (200, GOOD)}
        self.key, self.seen, self.held = "first", [], threading.Event()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(dict(self.headers))
        name = self.headers[probes.PIN]
        if self.headers["Authorization"] != f"Bearer {self.server.key}":
            status, body = 401, b""
        elif self.server.answers[name] is None:
            self.server.held.wait(30)
            return
        else:
            status, body = self.server.answers[name]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *about):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.held.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def target(server):
    return Target(
        uri=f"http://127.0.0.1:{server.server_port}/score",
        payload=json.dumps({"data": [[1, 2, 3, 4]]}).encode(),
        timeouts={"blue": 1.0, "green": 0.0},
        credential=lambda: server.key,
    )


def running(target, shape=None):
    names = ("blue", "green")
    return Probes(target, names, shape, threading.Event(), period_seconds=0.02)


def total(lane, name, field, reached):
    """Take tallies until a field of one deployment has come to so many."""
    found = {"blue": 0, "green": 0}

    def step():
        for each, tally in lane.take().items():
            found[each] += getattr(tally, field)
        return found[name] >= reached

    until(step, seconds=20)
    return found


def test_both_are_asked_at_the_same_rate_and_named_as_probes(server, target):
    with running(target) as lane:
        found = total(lane, "green", "answered", 20)

    assert abs(found["blue"] - found["green"]) <= 3
    assert {each[probes.PIN] for each in server.seen} == {"blue", "green"}
    assert {each["User-Agent"] for each in server.seen} == {probes.USER_AGENT}


def test_a_dead_deployment_fails_and_says_why(server, target):
    server.answers["green"] = (503, b"")

    with running(target) as lane:
        assert lane.failed.wait(20)
        until(lambda: (tally := lane.take()["green"]).failed and tally.reason)
        assert lane.take()["blue"].failed == 0


def test_a_deployment_that_hangs_holds_nobody_up(server, target):
    server.answers["green"] = None

    with running(target) as lane:
        found = total(lane, "green", "failed", 5)

    assert found["blue"] == 0


def test_garbage_with_a_200_is_a_failure(server, target):
    shape = probes.learn(target, "blue")
    server.answers["green"] = (200, b'{"message": "sorry"}')

    assert probes.check(target, "green", shape) == "answer.labels is missing"
    with running(target, shape) as lane:
        assert total(lane, "green", "failed", 3)["blue"] == 0


def test_a_replaced_key_is_fetched_again_and_nobodys_failure(server, target):
    with running(target) as lane:
        total(lane, "green", "answered", 2)
        server.key = "second"
        until(lambda: server.seen[-1]["Authorization"] == "Bearer second", 20)
        lane.take()

        assert total(lane, "green", "answered", 3)
        assert not lane.take()["green"].failed


def test_every_answered_probe_is_told_by_the_id_of_its_row(server, target):
    with running(target) as lane:
        until(lambda: len(server.seen) >= 10)
        ids = {each.id for each in lane.answered()}

    assert ids
    assert ids <= {each["x-ms-client-request-id"] for each in server.seen}
    assert all(id.startswith(lane.run) for id in ids)
    assert ids.isdisjoint(each.id for each in lane.answered())


def test_nothing_is_learned_of_a_deployment_that_fails(server, target):
    server.answers["blue"] = (424, b"{}")

    assert probes.learn(target, "blue") is None
    assert probes.check(target, "blue", None) == "answered 424"
