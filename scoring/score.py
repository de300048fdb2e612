"""Score iris flowers inside Azure's inference server: init() once, run() a request.

A request is `{"data": [[5.1, 3.5, 1.4, 0.2], ...]}`, or what the SDK and MLflow send:
`{"input_data": rows}` or `{"input_data": {"columns": [...], "data": rows}}`. A good one
is answered with labels and probabilities; a bad one with 400 and
`{"message": "data[3][1] (sepal_width): \\"abc\\" is not a number"}`. Each request
writes one line of JSON, which drift detection and debugging read.
"""

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Only the scoring environment has the server, so mypy, run elsewhere, cannot see it.
# mypy: disable-error-code="import-not-found, untyped-decorator"
import numpy as np
import onnxruntime
from azureml_inference_server_http.api.aml_request import AMLRequest, rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

MAX_BODY_BYTES = 1 << 20
MAX_ROWS = 1000
# One line stays below the 4096 bytes that a pipe takes whole, whoever else writes.
MAX_LOGGED_ROWS = 20
MAX_LOGGED_CHARS = 200
FLOAT32_MAX = float(np.finfo(np.float32).max)


class BadRequest(ValueError):
    """What is wrong with a request, said to the one who sent it."""

    status = 400


class WrongMethod(BadRequest):
    status = 405


@dataclass(frozen=True, kw_only=True)
class Model:
    """The loaded model; a session may be used by many threads at once."""

    session: onnxruntime.InferenceSession
    name: str
    version: str
    features: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Scores:
    rows: list[list[float]]
    labels: list[str]
    probabilities: list[list[float]]


model: Model


def init() -> None:
    """Load the model; whatever is wrong with it must show now, not at a request."""
    global model
    model = load(Path(os.environ["AZUREML_MODEL_DIR"]))
    score([[1.0] * len(model.features)])


@rawhttp  # the request itself: its headers, and a body that is read with a limit
def run(request: AMLRequest) -> AMLResponse:
    started = time.perf_counter()
    event = start_event(request)
    try:
        body = read_body(request)
        scores = score(to_rows(parse(request, body)))
    except BadRequest as problem:
        status, answer = problem.status, {"message": str(problem)}
        event["reason"] = str(problem)[:MAX_LOGGED_CHARS]
    else:
        status, answer = 200, to_answer(scores)
        event |= to_log(scores)
    event["status"] = status
    event["duration_ms"] = round((time.perf_counter() - started) * 1000, 3)
    print(json.dumps(event))
    return AMLResponse(answer, status, json_str=True)


def load(folder: Path) -> Model:
    """The one model below AZUREML_MODEL_DIR.

    Azure keeps the name of the folder that was registered, so the model lies one
    level deeper than the variable says (Azure: how-to-deploy-online-endpoints).
    """
    found = sorted(folder.rglob("model.onnx"))
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found) or "none"
        raise FileNotFoundError(f"one model.onnx is wanted below {folder}: {names}")
    schema = json.loads(found[0].with_name("schema.json").read_bytes())
    # A row takes microseconds: more threads would only spin and steal each other's CPU.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return Model(
        session=onnxruntime.InferenceSession(
            found[0], options, providers=["CPUExecutionProvider"]
        ),
        name=schema["model"],
        version=schema["version"],
        features=tuple(feature["name"] for feature in schema["features"]),
        classes=tuple(schema["classes"]),
    )


def read_body(request: AMLRequest) -> bytes:
    """The body; one that is too long is read to its end, though not kept.

    A server that answers and closes with the body half read resets the connection,
    and the client never sees the answer.
    """
    try:
        body: bytes = request.stream.read(MAX_BODY_BYTES + 1)
        if len(body) <= MAX_BODY_BYTES:
            return body
        while request.stream.read(MAX_BODY_BYTES):
            pass
    except TimeoutError:  # the server's own scoring timeout
        raise
    except Exception as error:  # whatever the server's reader says of broken chunks
        raise BadRequest(f"body: cannot be read: {type(error).__name__}") from None
    raise BadRequest(f"body: longer than {MAX_BODY_BYTES} bytes")


def parse(request: AMLRequest, body: bytes) -> Any:
    if request.method != "POST":
        raise WrongMethod(f"{request.method}: only POST is answered here")
    if request.mimetype != "application/json":
        sent = request.mimetype[:MAX_LOGGED_CHARS] or "absent"
        raise BadRequest(f"Content-Type: must be application/json, is {sent}")
    if not body.strip():
        raise BadRequest("body: is empty")
    try:
        return json.loads(body.decode())
    except UnicodeDecodeError as error:
        raise BadRequest(f"body: not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise BadRequest("body: nested too deeply") from None
    except ValueError as error:
        raise BadRequest(f"body: not JSON: {error}") from None


def to_rows(document: Any) -> list[list[float]]:
    """The rows of a request, one number a feature, in the order of the features."""
    if not isinstance(document, dict):
        raise BadRequest(f"body: must be an object, is {describe(document)}")
    match list(document):
        case ["data" | "input_data" as field]:
            pass
        case keys:
            given = ", ".join(describe(key) for key in keys[:5]) or "neither"
            raise BadRequest(f'body: must have "data" or "input_data", has {given}')
    order = list(range(len(model.features)))
    rows = document[field]
    if field == "input_data" and isinstance(rows, dict):
        order = column_order(rows.get("columns"))
        field, rows = "input_data.data", rows.get("data")
    if problem := next(problems(field, rows, order), None):
        raise BadRequest(problem)
    return [[float(row[position]) for position in order] for row in rows]


def column_order(columns: Any) -> list[int]:
    """Where each feature stands in the request's columns."""
    if not isinstance(columns, list) or not all(isinstance(c, str) for c in columns):
        raise BadRequest("input_data.columns: must be a list of names")
    if sorted(columns) != sorted(model.features):
        wanted = ", ".join(model.features)
        raise BadRequest(f"input_data.columns: must be these, in any order: {wanted}")
    return [columns.index(feature) for feature in model.features]


def problems(field: str, rows: Any, order: list[int]) -> Iterator[str]:
    """Yield what is wrong with rows, each naming the value it is about."""
    if not isinstance(rows, list) or not rows:
        yield f"{field}: must be a list of rows, is {describe(rows)}"
        return
    if len(rows) > MAX_ROWS:
        yield f"{field}: has {len(rows)} rows, at most {MAX_ROWS} are taken"
        return
    names = dict(zip(order, model.features, strict=True))
    for i, row in enumerate(rows):
        if not isinstance(row, list):
            yield f"{field}[{i}]: must be a list of numbers, is {describe(row)}"
        elif len(row) != len(names):
            yield f"{field}[{i}]: has {len(row)} values, {len(names)} are wanted"
        else:
            for j, value in enumerate(row):
                if problem := number_problem(value):
                    yield f"{field}[{i}][{j}] ({names[j]}): {problem}"


def number_problem(value: Any) -> str | None:
    # In Python a bool is an int; in JSON it is no number.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{describe(value)} is not a number"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{describe(value)} is not a finite number"
    if abs(value) > FLOAT32_MAX:
        return f"{describe(value)} is too large"
    return None


def describe(value: Any) -> str:
    """A value as the client wrote it, short enough for a message and a log line."""
    if isinstance(value, list | dict):
        kind = "a list" if isinstance(value, list) else "an object"
        return kind if value else f"{kind} that is empty"
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def score(rows: list[list[float]]) -> Scores:
    matrix = np.asarray(rows, dtype=np.float32)
    (found,) = model.session.run(["probabilities"], {"features": matrix})
    if not np.isfinite(found).all():
        row = int(np.argmin(np.isfinite(found).all(axis=1)))
        raise BadRequest(f"data[{row}]: values too large to score")
    labels = [model.classes[index] for index in found.argmax(axis=1)]
    probabilities = found.astype(float).round(6).tolist()
    return Scores(rows=rows, labels=labels, probabilities=probabilities)


def to_answer(scores: Scores) -> dict[str, Any]:
    return {
        "model": model.name,
        "model_version": model.version,
        "classes": list(model.classes),
        "labels": scores.labels,
        "probabilities": scores.probabilities,
    }


def start_event(request: AMLRequest) -> dict[str, Any]:
    """What is logged of every request, good or bad.

    The server answers with the same x-request-id, and the endpoint's traffic log has
    it too; x-ms-request-id is its old name (azureml-inference-server-http: routes).
    """
    headers = request.headers
    client_id = headers.get("x-ms-client-request-id")
    request_id = headers.get("x-request-id") or headers.get("x-ms-request-id")
    return {
        "event": "score",
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": (request_id or client_id or "")[:MAX_LOGGED_CHARS],
        "client_request_id": (client_id or "")[:MAX_LOGGED_CHARS],
        "model": model.name,
        "model_version": model.version,
    }


def to_log(scores: Scores) -> dict[str, Any]:
    """What drift reads; of a large batch every n-th row, so that none is favoured."""
    step = math.ceil(len(scores.rows) / MAX_LOGGED_ROWS)
    return {
        "rows": len(scores.rows),
        "features": scores.rows[::step],
        "predictions": scores.labels[::step],
        "probabilities": scores.probabilities[::step],
    }
