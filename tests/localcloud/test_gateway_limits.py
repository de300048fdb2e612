"""Requests that get no answer of a model, or none in time: which status says so."""

import http.client
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from gateway_rig import KEY, deployment, endpoint, wait_until

LIMIT_BYTES = 10 * 1024 * 1024


@pytest.fixture
def closed_port():
    with socket.socket() as taken:  # bound and not listening: it refuses connections
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def in_background():
    with ThreadPoolExecutor() as pool:
        yield pool.submit


def test_no_positive_weight_is_404(gateway, blue):
    gateway.serve(blue.port, traffic={"blue": 0})

    reply = gateway.ask()

    assert reply.status == 404
    assert reply.json["error"]["code"] == "no_deployment_with_traffic"


@pytest.mark.parametrize("traffic", [{"blue": 100}, {"gone": 100}])
def test_a_deployment_with_nothing_to_serve_it_is_503(gateway, traffic):
    gateway.serve(traffic=traffic)

    reply = gateway.ask()

    assert reply.status == 503
    assert reply.headers["ms-azureml-model-error-reason"] == "model_not_ready"


def test_a_dead_deployment_does_not_shift_its_traffic(gateway, blue, closed_port):
    facts = {"blue": deployment(blue.port), "green": deployment(closed_port)}
    gateway.publish(iris=endpoint(traffic={"green": 100}, deployments=facts))

    assert gateway.ask().status == 503
    assert blue.received == []


def test_a_refused_connection_goes_to_another_instance(gateway, blue, closed_port):
    gateway.serve(closed_port, blue.port)

    assert {gateway.ask().status for _ in range(20)} == {200}


def test_an_instance_that_dies_with_a_request_is_424_and_is_not_asked_again(
    gateway, blue, green
):
    blue.reply = green.reply = (0, {}, b"")
    gateway.serve(blue.port, green.port)

    reply = gateway.ask()

    assert reply.status == 424
    assert reply.headers["ms-azureml-model-error-statuscode"] == "502"
    assert len(blue.received + green.received) == 1


@pytest.mark.parametrize("status", [400, 500, 503, 201, 302])
def test_what_is_not_200_becomes_424_with_the_models_words(gateway, blue, status):
    headers = {"x-ms-run-function-failed": "True", "Location": "/elsewhere"}
    blue.reply = (status, headers, b'{"message": "petal_width"}')
    gateway.serve(blue.port)

    reply = gateway.ask()

    assert (reply.status, reply.body) == (424, b'{"message": "petal_width"}')
    assert reply.headers["ms-azureml-model-error-statuscode"] == str(status)
    assert reply.headers["ms-azureml-model-error-reason"] == "model_error"
    assert reply.headers["x-ms-run-function-failed"] == "True"


def test_a_slow_model_is_408(gateway, blue):
    blue.gate.clear()
    gateway.serve(blue.port, request_timeout_ms=100)

    assert gateway.ask().status == 408
    wait_until(lambda: gateway.admin()["in_flight"] == {})
    wait_until(lambda: blue.left == 1, "hanging up on the model")


def test_one_request_too_many_is_429(gateway, blue, in_background):
    blue.gate.clear()
    gateway.serve(blue.port, max_concurrent=1)
    held = [in_background(gateway.ask) for _ in range(2)]
    wait_until(lambda: len(blue.received) == 2)

    refused = gateway.ask()
    blue.gate.set()

    assert refused.status == 429
    reason = refused.headers["ms-azureml-model-error-reason"]
    assert reason == "too_many_pending_request"
    assert {reply.result(10).status for reply in held} == {200}
    assert gateway.ask().status == 200


def test_in_flight_is_counted_for_instances_that_left_the_table(
    gateway, blue, green, in_background
):
    blue.gate.clear()
    gateway.serve(blue.port)
    held = in_background(gateway.ask)
    wait_until(lambda: blue.received)

    gateway.serve(green.port)
    assert gateway.admin()["in_flight"] == {f"blue-{blue.port}": 1}
    assert gateway.ask().status == 200
    blue.gate.set()

    assert held.result(10).status == 200
    wait_until(lambda: gateway.admin()["in_flight"] == {})


def test_a_caller_that_leaves_is_noted_and_frees_its_place(gateway, blue):
    blue.gate.clear()
    gateway.serve(blue.port)
    caller = http.client.HTTPConnection("127.0.0.1", gateway.port)
    caller.request("POST", "/iris/score", b"{}", {"Authorization": f"Bearer {KEY}"})
    wait_until(lambda: blue.received)
    caller.close()

    assert gateway.rows(1)[0]["ResponseCode"] == 499
    wait_until(lambda: gateway.admin()["in_flight"] == {})
    wait_until(lambda: blue.left == 1, "hanging up on the model")


def test_a_large_body_passes_and_a_larger_one_is_413(gateway, blue):
    gateway.serve(blue.port)

    assert gateway.ask(body=b"x" * LIMIT_BYTES).status == 200
    assert len(blue.received[0].body) == LIMIT_BYTES
    assert gateway.ask(body=b"x" * (LIMIT_BYTES + 1)).status == 413


def test_a_chunked_body_is_limited_too(gateway, blue):
    gateway.serve(blue.port)
    chunks = (b"x" * 1_000_000 for _ in range(11))

    assert gateway.ask(body=chunks).status == 413
    assert blue.received == []


def test_a_body_announced_too_large_is_refused_before_it_is_sent(gateway, blue):
    gateway.serve(blue.port)
    caller = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    caller.putrequest("POST", "/iris/score")
    caller.putheader("Authorization", f"Bearer {KEY}")
    caller.putheader("Content-Length", str(LIMIT_BYTES + 1))
    caller.endheaders()

    assert caller.getresponse().status == 413
    caller.close()
