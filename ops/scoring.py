"""Score requests as any client would: plain HTTP, the endpoint's own credential."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops import credentials, endpoints
from ops.clients import Workspace
from ops.errors import Refused, Unhealthy, Unreachable, UsageError

PIN = "azureml-model-deployment"  # Azure: bypasses the traffic rules
TIMEOUT_SECONDS = 190  # Azure answers 408 after 180 at the latest


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back for one request."""

    status: int  # HTTP status
    reason: str  # why it is not 200, in a sentence; "" for 200
    deployment: str  # which one answered, as Azure's header says
    request_id: str
    duration_ms: float
    body: Any  # parsed JSON, or text


# Azure: how-to-troubleshoot-online-endpoints, "Common model consumption errors".
MEANINGS = {
    401: "the credential is not accepted",
    403: "the credential lacks the permission to score",
    404: "no deployment has a positive weight, or there is no such deployment",
    408: "the model ran longer than request_timeout_ms",
    413: "the request's body is too large",
    424: "the model answered with an error",
    429: "too many requests are pending for the deployment's instances",
    500: "the platform failed",
    502: "the connection to the scoring process broke",
    503: "the deployment has no instance that is ready",
}


def score(
    workspace: Workspace,
    name: str,
    payload: bytes,
    *,
    deployment: str | None = None,
    count: int = 1,
) -> Iterator[Answer]:
    """Send one payload `count` times, one after another; yield each answer.

    Pinned to a deployment, or split by the traffic rules as any client's requests.
    """
    import requests

    endpoint = endpoints.get(workspace, name)
    if deployment:
        endpoints.require(endpoint, deployment)
    elif not endpoint.traffic:
        raise Refused(
            f"{name} gives no deployment any traffic.",
            *(f"invoke score --deployment {each}" for each in endpoint.deployments),
        )
    headers = {
        "Authorization": f"Bearer {credentials.bearer(workspace, endpoint)}",
        "Content-Type": "application/json",
        **({PIN: deployment} if deployment else {}),
    }
    with requests.Session() as session:
        for _ in range(count):
            began = time.perf_counter()
            try:
                response = session.post(
                    endpoint.scoring_uri,
                    data=payload,
                    headers=headers,
                    timeout=TIMEOUT_SECONDS,
                )
            except requests.RequestException as error:
                raise Unreachable(
                    f"{endpoint.scoring_uri} does not answer: {_root(error)}",
                    "invoke status",
                ) from None
            yield _answer(response, (time.perf_counter() - began) * 1000)


def header(workspace: Workspace, name: str) -> str:
    """The one header that a client needs, ready for `curl -H @-`."""
    endpoint = endpoints.get(workspace, name)
    return f"Authorization: Bearer {credentials.bearer(workspace, endpoint)}"


def times(text: str) -> int:
    """How often -n asks for a request."""
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 10_000:
        raise UsageError(f"-n takes a number from 1 to 10000, not {text!r}.")
    return int(text)


def require_answered(answers: list[Answer]) -> None:
    """End as unhealthy unless every request was answered with 200."""
    failed = [each for each in answers if each.status != 200]
    if failed:
        names = sorted({each.deployment for each in failed if each.deployment})
        raise Unhealthy(
            f"{len(failed)} of {len(answers)} requests failed.",
            *(f"invoke logs --deployment {name}" for name in names),
            "invoke status",
        )


def _answer(response: Any, duration_ms: float) -> Answer:
    headers = response.headers
    try:
        body = response.json()
    except ValueError:
        body = response.text
    reason = "" if response.status_code == 200 else _reason(response, body)
    return Answer(
        status=response.status_code,
        reason=reason,
        deployment=headers.get(PIN, ""),
        request_id=headers.get("x-request-id", ""),
        duration_ms=round(duration_ms, 2),
        body=body,
    )


def _reason(response: Any, body: Any) -> str:
    meaning = MEANINGS.get(response.status_code, response.reason or "")
    model = response.headers.get("ms-azureml-model-error-statuscode")
    said = body if isinstance(body, str) else json.dumps(body)
    status = f" (the model's own status is {model})" if model else ""
    return f"{meaning}{status}: {said[:500]}" if said else meaning + status


def _root(error: BaseException) -> str:
    """The innermost cause of a requests error, without its object addresses."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error)
