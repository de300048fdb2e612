"""The scoring script in Azure's own inference server, asked over HTTP."""

import json
import shutil
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

import pytest
import requests
from scoring_rig import READY_SECONDS, SPECS, launch

from model import train
from ops.localcloud import conda, environments

FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
SETOSA = [5.1, 3.5, 1.4, 0.2]


@pytest.fixture(scope="module")
def python():
    """The interpreter of the environment that the conda file asks for."""
    wish = conda.wish((SPECS / "conda.yaml").read_text())
    cache, stop = environments.cache_directory(), threading.Event()
    folder = environments.build(wish, cache, lambda line: None, stop, {})
    return folder / "bin/python"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    if train.stale(train.OUT):
        train.train(train.OUT)
    return shutil.copytree(train.OUT, tmp_path_factory.mktemp("models") / "iris")


@pytest.fixture(scope="module")
def start(python, tmp_path_factory):
    """Start a server as the spec says; all of them are stopped at the end."""
    servers = []

    def start(model_folder, **variables):
        home = tmp_path_factory.mktemp("server")
        servers.append(launch(python, model_folder, home, variables))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def server(start, models):
    # Azure mounts the folder that was registered below AZUREML_MODEL_DIR.
    folder = models / "mounted"
    folder.mkdir()
    (models / "2").rename(folder / "2")
    server = start(folder)
    assert server.ready(), server.log.read_text()
    return server


def row(*values):
    return json.dumps({"data": [values]})


@pytest.mark.parametrize(
    "body",
    [
        {"data": [SETOSA]},
        {"input_data": [SETOSA]},
        {"input_data": {"columns": FEATURES, "data": [SETOSA]}},
        {"input_data": {"columns": FEATURES[::-1], "data": [SETOSA[::-1]]}},
        {"input_data": {"columns": FEATURES, "index": [0], "data": [SETOSA]}},
        {"data": [[5, 3.5, 1, 0]]},
    ],
)
def test_a_good_request_gets_labels_and_probabilities(server, body):
    answer = server.post(body)

    assert answer.status_code == 200
    found = answer.json()
    assert found["labels"] == ["setosa"]
    assert found["classes"] == ["setosa", "versicolor", "virginica"]
    assert found["probabilities"] == [pytest.approx([1, 0, 0], abs=1e-6)]
    assert (found["model"], found["model_version"]) == ("iris", "2")


def test_the_sample_request_is_answered_with_its_species(server, models):
    sample = (models / "mounted/2/sample_request.json").read_bytes()

    answer = server.post(sample).json()

    assert answer["labels"] == ["setosa", "versicolor", "virginica"]


BAD = {
    "text for a number": (
        {"data": [SETOSA, SETOSA, SETOSA, [5.1, "abc", 1.4, 0.2]]},
        'data[3][1] (sepal_width): "abc" is not a number',
    ),
    "long text": (
        row("x" * 5000, 1, 1, 1),
        f'data[0][0] (sepal_length): "{"x" * 39}... is not a number',
    ),
    "true": (
        row(1, 1, 1, True),
        "data[0][3] (petal_width): true is not a number",
    ),
    "null": (row(None, 1, 1, 1), "data[0][0] (sepal_length): null is not a number"),
    "a list": (row([1], 1, 1, 1), "data[0][0] (sepal_length): a list is not a"),
    "an object": (row({"a": 1}, 1, 1, 1), "(sepal_length): an object is not a"),
    "NaN": ('{"data": [[NaN, 1, 1, 1]]}', "NaN is not a finite number"),
    "-Infinity": ('{"data": [[1, 1, -Infinity, 1]]}', "-Infinity is not a finite"),
    "1e999": ('{"data": [[1e999, 1, 1, 1]]}', "Infinity is not a finite number"),
    "more than float32": (row(1e39, 1, 1, 1), "(sepal_length): 1e+39 is too large"),
    "a big integer": (row(10**400, 1, 1, 1), "... is too large"),
    "too large inside": ({"data": [SETOSA, [1e38] * 4]}, "data[1]: values too large"),
    "5000 digits": ('{"data": [[' + "9" * 5000 + ",1,1,1]]}", "body: not JSON"),
    "3 values": (row(1, 2, 3), "data[0]: has 3 values, 4 are wanted"),
    "5 values": (row(1, 2, 3, 4, 5), "data[0]: has 5 values, 4 are wanted"),
    "a flat row": ({"data": SETOSA}, "data[0]: must be a list of numbers, is 5.1"),
    "no rows": ({"data": []}, "data: must be a list of rows, is a list that is empty"),
    "rows are text": ({"data": "abc"}, 'data: must be a list of rows, is "abc"'),
    "1001 rows": ({"data": [SETOSA] * 1001}, "data: has 1001 rows, at most 1000"),
    "no data": ({}, 'body: must have "data" or "input_data", has neither'),
    "another key": ({"dat": []}, 'body: must have "data" or "input_data", has "dat"'),
    "both keys": ({"data": [], "input_data": []}, 'has "data", "input_data"'),
    "a list of rows": ([SETOSA], "body: must be an object, is a list"),
    "a number": ("5", "body: must be an object, is 5"),
    "no columns": ({"input_data": {"data": [SETOSA]}}, "input_data.columns: must be a"),
    "another column": (
        {"input_data": {"columns": ["a", *FEATURES[1:]], "data": [SETOSA]}},
        "input_data.columns: must be these, in any order: sepal_length, sepal_width",
    ),
    "a column twice": (
        {"input_data": {"columns": [*FEATURES, "petal_width"], "data": [SETOSA]}},
        "input_data.columns: must be these",
    ),
    "columns of numbers": (
        {"input_data": {"columns": [1, 2, 3, 4], "data": [SETOSA]}},
        "input_data.columns: must be a list of names",
    ),
    "text below columns": (
        {"input_data": {"columns": FEATURES[::-1], "data": [["x", 1, 1, 1]]}},
        'input_data.data[0][0] (petal_width): "x" is not a number',
    ),
    "not JSON": ("hello", "body: not JSON: Expecting value"),
    "cut short": ('{"data": [[1,', "body: not JSON"),
    "empty": ("", "body: is empty"),
    "blanks": (" \n ", "body: is empty"),
    "not UTF-8": ('{"data": "é"}'.encode("latin-1"), "body: not UTF-8 at byte 10"),
    "UTF-16": (row(*SETOSA).encode("utf-16"), "body: not UTF-8 at byte 0"),
    "a mark before it": (b"\xef\xbb\xbf" + row(*SETOSA).encode(), "body: not JSON"),
    "compressed": (b"\x1f\x8b\x08\x00", "body: not UTF-8 at byte 1"),
    "nested": ("[" * 500_000, "body: nested too deeply"),
    "nested inside": ('{"data":' + "[" * 900 + "]" * 900 + "}", "data[0]: has 1"),
}


@pytest.mark.parametrize(("body", "message"), BAD.values(), ids=BAD)
def test_a_bad_request_gets_400_that_says_why(server, body, message):
    answer = server.post(body)

    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert answer.headers["x-ms-run-function-failed"] == "False"
    event = server.events()[-1]
    assert event["status"] == 400
    assert event["reason"] == answer.json()["message"][:200]


@pytest.mark.parametrize("body", [b"x" * 20_000_000, [b"x" * 1_000_000] * 20])
def test_a_client_that_sends_20_mb_reads_why_it_is_refused(server, body):
    # Unlike requests, this client takes a connection closed early for a failure.
    client = HTTPConnection("127.0.0.1", server.port, timeout=30)
    client.request("POST", "/score", body, {"Content-Type": "application/json"})

    with closing(client), client.getresponse() as answer:
        assert answer.status == 400
        assert b"body: longer than 1048576 bytes" in answer.read()


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_gets_400(server, sent):
    answer = server.post(row(*SETOSA), **{"Content-Type": sent})

    assert answer.status_code == 400
    assert answer.json()["message"].endswith(f"application/json, is {sent}")


def test_no_content_type_gets_400(server):
    answer = server.post(row(*SETOSA).encode(), **{"Content-Type": None})

    assert answer.status_code == 400
    assert answer.json()["message"].endswith("application/json, is absent")


def test_a_charset_in_the_content_type_is_fine(server):
    sent = {"Content-Type": "application/json; charset=utf-8"}

    assert server.post(row(*SETOSA), **sent).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_another_method_gets_405(server, method):
    assert requests.request(method, server.url, timeout=30).status_code == 405


HEAD = "POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "rest",
    [
        "Content-Length: 50\r\n\r\n{",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        "Content-Length: -5\r\n\r\n",
        "\r\n",
    ],
    ids=["cut short", "bad chunk", "cut chunk", "negative length", "no length"],
)
def test_a_broken_body_gets_400(server, rest):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall((HEAD + rest).encode())
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_request_writes_one_line_with_what_drift_needs(server):
    before = len(server.events())
    ids = {"x-request-id": "abc-1", "x-ms-client-request-id": "mine"}

    answer = server.post({"data": [SETOSA]}, **ids)

    (event,) = server.events()[before:]
    assert event["event"] == "score"
    assert (event["request_id"], event["client_request_id"]) == ("abc-1", "mine")
    assert answer.headers["x-request-id"] == "abc-1"
    assert event["features"] == [SETOSA]
    assert event["predictions"] == ["setosa"]
    assert event["probabilities"] == answer.json()["probabilities"]
    assert (event["model"], event["model_version"]) == ("iris", "2")
    assert (event["status"], event["rows"]) == (200, 1)
    assert 0 < event["duration_ms"] < 5000


@pytest.mark.parametrize(
    "name", ["x-request-id", "x-ms-request-id", "x-ms-client-request-id"]
)
def test_any_of_azures_headers_gives_the_request_id(server, name):
    server.post({"data": [SETOSA]}, **{name: "r-7"})

    assert server.events()[-1]["request_id"] == "r-7"


def test_a_large_batch_writes_a_short_line_from_all_of_it(server):
    rows = [[i + 1 / 3, 1e-300, -1.7e37, 1 / 7] for i in range(1000)]

    answer = server.post({"data": rows})

    assert len(answer.json()["labels"]) == 1000
    event = server.events()[-1]
    assert event["rows"] == 1000
    assert event["features"] == rows[::50]
    assert max(len(line) for line in server.log.read_text().splitlines()) < 4096


def test_a_client_cannot_forge_a_line(server):
    forged = '\n{"event": "score", "status": 200}'

    server.post({forged: 1, "\u2028\x1b[31m": 1}, **{"x-request-id": "é\t\\"})
    assert server.events()[-1]["status"] == 400
    server.post({"data": [[forged, 1, 1, 1]]})

    text = server.log.read_text()
    assert '\n{"event"' not in text
    assert text.isascii()
    assert "\x1b" not in text


def test_no_request_ended_the_worker(server):
    text = server.log.read_text()

    assert text.count("Booting worker") == 1
    assert "UserScriptException" not in text
    assert " POST /score 500 " not in text


def test_the_runtime_reports_to_nobody(server):
    # onnxruntime keeps a device id in the home directory when its telemetry is on.
    assert not (server.log.parent / ".cache").exists()


def test_threads_get_their_own_answers(start, models):
    threaded = start(models / "1", GUNICORN_CMD_ARGS="--threads 8")
    assert threaded.ready(), threaded.log.read_text()
    flowers = [SETOSA, [7.0, 3.2, 4.7, 1.4], [6.3, 3.3, 6.0, 2.5], ["x", 1, 1, 1]]
    wanted = [["setosa"], ["versicolor"], ["virginica"], None]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda f: threaded.post({"data": [f]}), flowers * 25))

    assert [a.json().get("labels") for a in answers] == wanted * 25
    assert len(threaded.events()) == 100


@pytest.mark.parametrize(
    ("found", "said"),
    [([], "none"), (["1", "2"], "1/model.onnx, 2/model.onnx")],
    ids=["no model", "two models"],
)
def test_init_wants_exactly_one_model(start, tmp_path, found, said):
    for number in found:
        train.write(tmp_path / number / "model.onnx", b"")

    server = start(tmp_path)

    assert server.process.wait(READY_SECONDS) == 3
    wanted = f"one model.onnx is wanted below {tmp_path}: {said}"
    assert wanted in server.log.read_text()


def test_init_refuses_a_damaged_model(start, models, tmp_path):
    train.write(tmp_path / "schema.json", (models / "1/schema.json").read_bytes())
    train.write(tmp_path / "model.onnx", (models / "1/model.onnx").read_bytes()[:99])

    server = start(tmp_path)

    assert server.process.wait(READY_SECONDS) == 3
    assert "InvalidProtobuf" in server.log.read_text()


def test_sigterm_leaves_no_process(start, models):
    server = start(models / "1")
    assert server.ready(), server.log.read_text()

    assert server.stop() == 0

    with pytest.raises(requests.ConnectionError):
        server.post({"data": [SETOSA]})
