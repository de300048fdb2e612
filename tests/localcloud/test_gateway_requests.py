"""What a caller of the gateway sees, request by request."""

import gzip
import http.client
import json
import socket
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from gateway_rig import KEY, deployment, endpoint


def raw(gateway, text):
    """Send bytes as they are; return the whole answer."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as line:
        line.sendall(text)
        answer = b""
        while part := line.recv(65536):
            answer += part
    return answer


def test_an_answer_comes_back_with_azures_headers(gateway, blue):
    blue.reply = (200, {"x-ms-run-fn-exec-ms": "1.5", "Content-Type": "a/b"}, b"[1]")
    gateway.serve(blue.port)

    reply = gateway.ask(body=b"[[1]]", x_ms_client_request_id="mine-1")

    assert (reply.status, reply.body) == (200, b"[1]")
    assert reply.headers["server"] == "azureml-frontdoor"
    assert reply.headers["azureml-model-deployment"] == "blue"
    assert reply.headers["x-ms-client-request-id"] == "mine-1"
    assert reply.headers["x-ms-run-fn-exec-ms"] == "1.5"
    assert reply.headers["content-type"] == "a/b"


def test_an_instance_gets_the_request_without_its_credential(gateway, blue):
    gateway.serve(blue.port)

    reply = gateway.ask("/iris/score?a=%20b", b"\xff not json", X_Own="1")

    (got,) = blue.received
    assert (got.method, got.path, got.body) == (
        "POST",
        "/score?a=%20b",
        b"\xff not json",
    )
    assert got.headers["x-request-id"] == reply.headers["x-request-id"]
    assert got.headers["x-own"] == "1"
    assert "authorization" not in got.headers
    assert "x-ms-client-request-id" not in reply.headers


def test_compressed_bodies_pass_as_they_are(gateway, blue):
    packed = gzip.compress(b"[1]")
    blue.reply = (200, {"Content-Encoding": "gzip"}, packed)
    gateway.serve(blue.port)

    reply = gateway.ask(body=packed, Content_Encoding="gzip")

    assert blue.received[0].body == packed
    assert (reply.headers["content-encoding"], reply.body) == ("gzip", packed)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/swagger.json?version=3"), ("GET", "/")]
)
def test_the_inference_servers_other_routes_are_served(gateway, blue, method, path):
    gateway.serve(blue.port)

    assert gateway.ask(f"/iris{path}", None, method).status == 200
    assert blue.received[0].path == path


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/iris",
        "/other/score",
        "/iris/score/",
        "/iris//score",
        "/iris/../iris/score",
        "/iris/%2e%2e/score",
        "/%69ris/score",
        "/iris/scor%65",
        "/iris/metrics",
        "/-/other",
        "http://127.0.0.1/iris/score",
        "/" + "i" * 5000 + "/score",
    ],
)
def test_any_other_address_is_404(gateway, blue, path):
    gateway.serve(blue.port)

    reply = gateway.ask(path)

    assert (reply.status, reply.json["error"]["code"]) == (404, "not_found")
    assert blue.received == []


def test_another_method_is_405(gateway, blue):
    gateway.serve(blue.port)

    reply = gateway.ask(method="DELETE")

    assert (reply.status, reply.headers["allow"]) == (405, "POST, GET")


@pytest.mark.parametrize(
    ("key", "reason"),
    [("wrong", "key_auth_access_denied"), ("", "key_auth_bad_header_forbidden")],
)
def test_a_wrong_key_is_401(gateway, blue, key, reason):
    gateway.serve(blue.port)

    reply = gateway.ask(key=key)

    assert (reply.status, reply.body.decode()) == (401, reason)
    assert blue.received == []


def test_both_keys_are_good(gateway, blue):
    gateway.serve(blue.port)

    assert gateway.ask(key="the-secondary-key").status == 200


def test_a_token_scores_until_it_expires(gateway, blue):
    facts = {"blue": deployment(blue.port)}
    gateway.publish(iris=endpoint(auth_mode="AMLToken", deployments=facts))

    def token(minutes):
        claims = {
            "exp": datetime.now(UTC) + timedelta(minutes=minutes),
            "endpointName": "iris",
            "aud": "azureml",
            "iss": "azureml",
        }
        return jwt.encode(claims, "5a" * 32, algorithm="HS256")

    assert gateway.ask(key=token(5)).status == 200
    assert gateway.ask(key=token(-5)).status == 401
    assert gateway.ask(key=KEY).status == 401


def test_the_header_pins_a_deployment_without_traffic(gateway, blue):
    gateway.serve(blue.port, traffic={})

    assert gateway.ask(azureml_model_deployment="blue").status == 200
    assert gateway.ask(azureml_model_deployment="pink").status == 404


def test_a_caller_that_waits_for_continue_gets_it(gateway, blue):
    gateway.serve(blue.port)
    head = (
        f"POST /iris/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        "Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as line:
        line.sendall(head.encode())
        assert line.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"{}")
        assert line.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "head",
    [
        b"POST /iris/score HTTP/1.1\r\nX-A: a\rb\r\n\r\n",
        b"POST /iris/score HTTP/1.1\r\nX A: b\r\n\r\n",
        b"POST /iris/score HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /iris/score HTTP/one\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_is_not_http_is_400_and_harms_nothing(gateway, blue, head):
    gateway.serve(blue.port)

    assert raw(gateway, head).split()[1] == b"400"
    assert blue.received == []
    assert gateway.ask().status == 200


def test_a_header_that_is_not_utf8_is_dropped(gateway, blue):
    gateway.serve(blue.port)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    headers = {
        "Authorization": f"Bearer {KEY}",
        "X-Raw": b"\xff",
        "User-Agent": b"\xfe",
    }
    connection.request("POST", "/iris/score", b"{}", headers)

    assert connection.getresponse().status == 200
    connection.close()
    assert "x-raw" not in blue.received[0].headers


def test_a_row_says_what_happened(gateway, blue):
    gateway.serve(blue.port)

    gateway.ask("/iris/score?code=secret", b"12345", x_ms_client_request_id="mine")
    gateway.ask(key="wrong")

    scored, refused = gateway.rows(2)
    assert (scored["RequestPayloadSize"], scored["ResponsePayloadSize"]) == (5, 3)
    assert (scored["ResponseCode"], scored["ModelStatusCode"]) == (200, 200)
    assert (scored["Path"], scored["XMSClientRequestId"]) == ("/score", "mine")
    assert (refused["ResponseCode"], refused["ModelStatusCode"]) == (401, None)
    assert refused["ResponseCodeReason"] == "key_auth_access_denied"
    assert "secret" not in json.dumps([scored, refused])


def test_without_the_admin_token_there_is_no_admin(gateway):
    assert gateway.ask("/-/gateway", None, "GET", key="").status == 404
    assert gateway.ask("/-/gateway", None, "GET", key=KEY).status == 404
