"""Mirror traffic: copies that nobody waits for."""

from gateway_rig import deployment, endpoint, wait_until


def test_a_mirror_gets_a_copy_and_its_answer_is_dropped(gateway, blue, green):
    green.reply = (500, {}, b"green is broken")
    facts = {"blue": deployment(blue.port), "green": deployment(green.port)}
    gateway.publish(iris=endpoint(mirror={"green": 100}, deployments=facts))

    reply = gateway.ask(body=b"[7]")

    assert (reply.status, reply.body) == (200, b"[0]")
    live, copy = gateway.rows(2)
    assert green.received[0].body == b"[7]"
    assert (live["OperationName"], live["ResponseCode"]) == ("score", 200)
    assert (copy["OperationName"], copy["ResponseCode"]) == ("mirror", 424)
    assert (copy["DeploymentName"], copy["ModelStatusCode"]) == ("green", 500)
    assert copy["XRequestId"] == live["XRequestId"]


def test_a_slow_mirror_does_not_slow_the_live_answer(gateway, blue, green):
    green.gate.clear()
    slow = deployment(green.port, max_concurrent=1)
    facts = {"blue": deployment(blue.port), "green": slow}
    gateway.publish(iris=endpoint(mirror={"green": 100}, deployments=facts))

    statuses = {gateway.ask().status for _ in range(3)}
    wait_until(lambda: len(green.received) == 2)

    assert statuses == {200}
    green.gate.set()
    rows = gateway.rows(6)
    copies = [row["ResponseCode"] for row in rows if row["OperationName"] == "mirror"]
    assert sorted(copies) == [200, 200, 429]


def test_a_pinned_request_is_not_mirrored(gateway, blue, green):
    facts = {"blue": deployment(blue.port), "green": deployment(green.port)}
    gateway.publish(iris=endpoint(mirror={"green": 100}, deployments=facts))

    gateway.ask(azureml_model_deployment="blue")
    gateway.ask("/iris/swagger.json", None, "GET")
    mirrored = gateway.ask().headers["x-request-id"]

    rows = gateway.rows(4)
    copies = [row for row in rows if row["OperationName"] == "mirror"]
    assert [row["XRequestId"] for row in copies] == [mirrored]
    assert [got.headers["x-request-id"] for got in green.received] == [mirrored]
