"""Requests by a schedule, against a server that is as slow and broken as it is told."""

import math
import signal
import threading
from collections import Counter
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest

from ops import load, openloop
from ops.endpoints import Endpoint
from ops.errors import Interrupted, OpsError, Unhealthy, UsageError
from ops.openloop import CLIENT_ID, Plan, arrivals, drive
from ops.tally import Latencies, Summary, Tally, warnings

DEADLINE_SECONDS = 10


class Server(ThreadingHTTPServer):
    """Answers by `say(number, id)`: a status, or None to break the connection off."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, say):
        super().__init__(("127.0.0.1", 0), Handler)
        self.say, self.ids, self.lock = say, [], threading.Lock()
        self.gate = threading.Event()  # what waits for it is freed at the end

    def handle_error(self, request, address):
        pass  # who asked has gone


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            number = len(self.server.ids)
            self.server.ids.append(self.headers[CLIENT_ID])
        status = self.server.say(number, self.headers[CLIENT_ID])
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("azureml-model-deployment", "blue")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@contextmanager
def serving(say=lambda number, client: 200):
    server = Server(say)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


def plan(server, **changes):
    asked = {
        "uri": f"http://127.0.0.1:{server.server_port}/score",
        "bodies": [b"{}"],
        "rate": 100.0,
        "seconds": 0.4,
        "timeout_seconds": DEADLINE_SECONDS,
        "steady": True,
    }
    return Plan(**asked | changes)


def ran(asked):
    *_, last = drive(asked, lambda: "key")
    return last


def test_arrivals_are_the_same_for_a_seed_and_come_at_the_rate_asked_for():
    asked = Plan(uri="", bodies=[], rate=50, seconds=200, timeout_seconds=1, seed=7)

    times = list(arrivals(asked))

    assert times == list(arrivals(asked))
    # 10,000 expected, within six standard deviations.
    assert len(times) == pytest.approx(10_000, abs=600)
    assert times == sorted(times)
    assert times[-1] < 200


def test_poisson_arrivals_are_as_uneven_as_independent_callers_are():
    asked = Plan(uri="", bodies=[], rate=50, seconds=200, timeout_seconds=1, seed=7)

    gaps = [after - before for before, after in pairwise(arrivals(asked))]

    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert variance == pytest.approx(mean**2, rel=0.1)


def test_steady_arrivals_are_evenly_spaced():
    asked = Plan(uri="", bodies=[], rate=4, seconds=1, timeout_seconds=1, steady=True)

    assert list(arrivals(asked)) == [0, 0.25, 0.5, 0.75]


def test_nothing_is_sent_later_because_nothing_is_answered():
    def when_all_are_there(number, client):
        if number == 39:
            server.gate.set()
        return 200 if server.gate.wait(DEADLINE_SECONDS) else None

    with serving(when_all_are_there) as server:
        report = ran(plan(server))

    assert (report.sent, report.answered, report.lost) == (40, 40, {})
    assert report.latency.max_ms >= 350  # the first waited for the last


def test_a_request_that_waits_for_a_place_is_slow_from_when_it_was_due(monkeypatch):
    monkeypatch.setattr(openloop, "MOST_IN_FLIGHT", 1)
    monkeypatch.setattr(openloop, "GRACE_SECONDS", DEADLINE_SECONDS)

    def slowly(number, client):
        server.gate.wait(0.1)
        return 200

    with serving(slowly) as server:
        report = ran(plan(server, rate=50.0, seconds=0.2))

    # Ten were due in 0.2 s and took 0.1 s each, one after the other.
    assert (report.requests, report.waited) == (10, 9)
    assert report.latency.max_ms >= 700
    assert "waited for a place" in report.warnings[-1]


def test_what_finds_no_place_before_the_end_is_told_as_never_sent(monkeypatch):
    monkeypatch.setattr(openloop, "MOST_IN_FLIGHT", 5)
    monkeypatch.setattr(openloop, "GRACE_SECONDS", 0.1)

    with serving(lambda number, client: server.gate.wait() and 200) as server:
        report = ran(plan(server, timeout_seconds=0.7))

    assert (report.requests, report.unsent) == (5, 35)
    assert report.lost == {"no answer in 0.7 s": 5}
    with pytest.raises(Unhealthy, match="35 requests were due and never sent"):
        load.require_answered(report, True)


def test_every_request_is_accounted_for_by_what_became_of_it():
    def variously(number, client):
        if number % 4 == 3:
            server.gate.wait()
        return (200, 500, None, 200)[number % 4]

    with serving(variously) as server:
        report = ran(plan(server, timeout_seconds=0.5))
        received = len(server.ids)

    statuses = {each.status: each.latency.count for each in report.answers}
    assert received == report.sent == 40
    assert statuses == {200: 10, 500: 10}
    assert report.lost == {
        "broken off: ServerDisconnectedError": 10,
        "no answer in 0.5 s": 10,
    }
    assert report.sent == report.answered + report.lost_count
    assert (report.succeeded, report.failed, report.in_flight) == (10, 30, 0)


def test_nobody_there_is_told_with_the_reason():
    with serving() as server:
        nobody = plan(server, seconds=0.05)

    assert ran(nobody).lost == {"no connection: Connection refused": 5}


def test_a_retry_carries_the_id_of_its_request_and_no_two_requests_share_one():
    seen = Counter()

    def at_the_third(number, client):
        with server.lock:
            seen[client] += 1
        return 200 if seen[client] == 3 else (424, None)[number % 2]

    with serving(at_the_third) as server:
        report = ran(plan(server, seconds=0.1, retries=2))

    assert Counter(seen.values()) == {3: 10}
    assert all(len(client) <= 40 for client in seen)  # Azure takes no longer one
    assert (report.requests, report.sent, report.retries) == (10, 30, 20)
    assert (report.succeeded, report.failed) == (10, 0)


def test_a_refusal_that_is_the_callers_fault_is_not_tried_again():
    with serving(lambda number, client: 401) as server:
        report = ran(plan(server, seconds=0.05, retries=5))

    assert (report.sent, report.retries, report.failed) == (5, 0, 5)


def test_bodies_are_sent_in_turn_with_the_credential_and_the_pin():
    got = []

    class Noting(Handler):
        def do_POST(self):
            size = int(self.headers["Content-Length"])
            body = self.rfile.peek()[:size]
            names = ("Authorization", "azureml-model-deployment")
            got.append((body, *(self.headers[name] for name in names)))
            super().do_POST()

    with serving() as server:
        server.RequestHandlerClass = Noting
        ran(plan(server, seconds=0.03, bodies=[b"1", b"2"], deployment="green"))

    assert sorted(got) == [
        (b"1", "Bearer key", "green"),
        (b"1", "Bearer key", "green"),
        (b"2", "Bearer key", "green"),
    ]


def test_ctrl_c_ends_the_sending_and_waits_for_what_is_in_flight(monkeypatch):
    monkeypatch.setattr(openloop, "LOOK_SECONDS", 0.1)

    with serving(lambda number, client: server.gate.wait() and 200) as server:
        looks = drive(plan(server, seconds=600.0), lambda: "key")
        next(looks)
        signal.raise_signal(signal.SIGINT)
        stopping = next(looks)
        server.gate.set()
        *_, last = looks

    assert stopping.interrupted
    assert stopping.in_flight > 0
    assert last.sent == last.answered == len(server.ids)
    with pytest.raises(Interrupted):
        load.require_answered(last, True)


def test_a_second_ctrl_c_cuts_off_what_is_in_flight(monkeypatch):
    monkeypatch.setattr(openloop, "LOOK_SECONDS", 0.1)

    with serving(lambda number, client: server.gate.wait() and 200) as server:
        looks = drive(plan(server, seconds=600.0), lambda: "key")
        next(looks)
        signal.raise_signal(signal.SIGINT)
        next(looks)
        signal.raise_signal(signal.SIGINT)
        *_, last = looks

    assert last.lost == {"cut off by Ctrl-C": last.sent}
    assert last.in_flight == 0


def test_percentiles_are_within_one_percent_of_the_latencies_themselves():
    exact = [1.5**n for n in range(-10, 25)] * 3
    found = Latencies()
    for each in exact:
        found.add(each)

    for percent in (50, 95, 99):
        at_rank = sorted(exact)[math.ceil(len(exact) * percent / 100) - 1]
        assert found.percentile(percent) == pytest.approx(at_rank, rel=0.01, abs=0.001)
    assert found.most == max(exact)


def summary(p99):
    return Summary(count=100, p50_ms=1.0, p95_ms=1.0, p99_ms=p99, max_ms=p99)


@pytest.mark.parametrize(
    ("took", "late", "warned"),
    [(100.0, 4.0, False), (100.0, 11.0, True), (3.0, 2.0, False), (200.0, 11.0, False)],
)
def test_a_generator_that_is_late_beside_what_it_measures_says_so(took, late, warned):
    assert bool(warnings(summary(took), summary(late), 0)) == warned


def report(**counts):
    return Tally(run="load-1", asked_per_second=1.0, **counts).report(1.0)


@pytest.mark.parametrize(
    ("counts", "allow_errors", "status"),
    [
        ({"requests": 9, "succeeded": 9}, False, 0),
        ({"requests": 9, "succeeded": 8, "failed": 1}, False, 3),
        ({"requests": 9, "succeeded": 8, "failed": 1}, True, 0),
        ({"requests": 9, "failed": 1, "lost": Counter(x=1)}, True, 3),
        ({"requests": 9, "unsent": 1}, True, 3),
        ({"requests": 9, "interrupted": True}, False, 130),
    ],
)
def test_the_exit_status_says_whether_all_went_well(counts, allow_errors, status):
    ends = pytest.raises(OpsError) if status else nullcontext()

    with ends as refused:
        load.require_answered(report(**counts), allow_errors)

    assert status == (refused.value.status if refused else 0)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "2001", "fast", ""])
def test_a_rate_that_cannot_be_meant_is_refused(text):
    with pytest.raises(UsageError, match="--rps takes requests a second"):
        load.per_second(text)


def test_an_answer_is_waited_for_longer_than_the_endpoint_may_take():
    endpoint = Endpoint(
        **{key: "" for key in ("name", "state", "auth_mode", "scoring_uri")},
        **{key: {} for key in ("traffic", "mirror", "tags", "deployments", "body")},
    )

    assert load.patience(None, endpoint) == 15
    assert load.patience("500ms", endpoint) == 0.5
