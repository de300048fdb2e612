"""The line to a service: signed requests, and what SDKs raise turned into causes."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ops import refusals, signin
from ops.clock import Heard
from ops.errors import NotFound, OpsError, ServiceError, Unreachable

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.rest import HttpResponse


# Ends the client request id of all that the toolkit changes: in Azure's activity log
# the id stands beside the caller. "amlops" in hexadecimal, a GUID's last field.
MARK = "616d6c6f7073"
STORAGE_SECONDS = {"connection_timeout": 5, "read_timeout": 10}
LOOPBACK = "127.0.0.1"  # where localcloud is, and nothing of Azure
NO_CHANGE = "0" * 12  # of what is no change of its own, such as a sign of life


def request_id(change: str) -> str:
    """A client request id that is ours, and begins with the id of a change."""
    return str(uuid.UUID(f"{change}{uuid.uuid4().hex[12:20]}{MARK}"))


class LocalCredential:
    """localcloud's own token with our name, in the shape of an azure.core credential.

    The name is what Entra would vouch for on Azure: who changed what is told by it.
    """

    def __init__(self, token: str, name: str) -> None:
        self._token = f"{token}~{quote(name, safe='@')}"

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        from azure.core.credentials import AccessToken

        return AccessToken(self._token, 2**40)


def pipeline(
    base_url: str,
    credential: Any,
    *,
    retries: int,
    heard: Heard | None = None,
    transport: Any = None,
) -> Any:
    """An ARM client that knows no service: it signs, retries and sends.

    `heard` is told the Date of each answer, and between what moments it was made;
    `transport` carries the requests, if not azure.core's own.
    """
    from azure.core.pipeline import policies
    from azure.mgmt.core import ARMPipelineClient
    from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

    return ARMPipelineClient(
        base_url=base_url,
        policies=[
            policies.RequestIdPolicy(),
            policies.UserAgentPolicy("aml-ops"),
            policies.RetryPolicy(retry_total=retries),
            ARMChallengeAuthenticationPolicy(credential, f"{base_url}/.default"),
            *([_dates(heard)] if heard else []),
        ],
        transport=transport,
    )


def questions(retries: int) -> Any:
    """Retries of queries, but for one that took too long: it would once more."""
    from azure.core.pipeline.policies import RetryPolicy

    class Questions(RetryPolicy):  # type: ignore[misc]
        def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
            late = response.http_response.status_code == 504
            return not late and super().is_retry(settings, response)

    return Questions(retry_total=retries)


def requests_transport(authority: Path | None) -> Any:
    """What carries requests; trusts one certificate alone where one is named."""
    from azure.core.pipeline.transport import RequestsTransport

    how = {"connection_verify": str(authority)} if authority else {}
    transport = RequestsTransport(**how)
    transport.open()  # before two threads do
    return transport


def _dates(heard: Heard) -> Any:
    """A policy that tells of the Date of each answer."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class Dates(SansIOHTTPPolicy):  # type: ignore[misc]
        def on_request(self, request: Any) -> None:
            request.context["asked_at"] = time.time()

        def on_response(self, request: Any, response: Any) -> None:
            if date := response.http_response.headers.get("Date"):
                heard(date, request.context["asked_at"], time.time())

    return Dates()


def storage(account_url: str, credential: Any, transport: Any = None) -> Any:
    """A client of one blob account: it retries and sends, signed by its URLs or us."""
    from azure.core import PipelineClient
    from azure.core.pipeline import policies

    scope = "https://storage.azure.com/.default"
    signing = (
        [policies.BearerTokenCredentialPolicy(credential, scope)] if credential else []
    )
    return PipelineClient(
        base_url=account_url,
        policies=[
            policies.RequestIdPolicy(),
            policies.UserAgentPolicy("aml-ops"),
            policies.RetryPolicy(retry_total=2, retry_backoff_factor=0.2),
            *signing,
        ],
        transport=transport,
    )


def sent(
    client: Any,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None,
) -> tuple[int, dict[str, str], bytes]:
    """Send a request; return status, headers in lower case, content, refused or not."""
    from azure.core.rest import HttpRequest

    request = HttpRequest(method, url, headers=dict(headers), content=content)
    with refused():
        response = client.send_request(request, **STORAGE_SECONDS)
        found = {name.lower(): value for name, value in response.headers.items()}
        return response.status_code, found, response.content


@contextmanager
def refused() -> Iterator[None]:
    """Turn what the SDKs raise into a cause and its remedies."""
    from azure.core import exceptions

    try:
        yield
    except exceptions.ResourceNotFoundError as error:
        raise NotFound(refusals.cause(error), *refusals.remedies(error)) from None
    except exceptions.ClientAuthenticationError as error:
        raise _unauthorized(error) from None
    except (
        exceptions.ServiceRequestError,
        exceptions.ServiceResponseError,
    ) as error:
        raise _silent(error) from None
    except exceptions.HttpResponseError as error:
        raise ServiceError(
            refusals.cause(error),
            *refusals.remedies(error),
            code=refusals.code(error),
            http_status=error.status_code or 0,
            innermost=refusals.innermost(error),
        ) from None


def _unauthorized(error: Any) -> OpsError:
    """A token that the service does not take; localcloud's own is no matter of az."""
    if LOOPBACK in str(getattr(getattr(error, "response", None), "request", "")):
        said = f"localcloud does not take our token: {refusals.cause(error)}"
        return ServiceError(said, "invoke cloud.status", http_status=401)
    return signin.refusal(refusals.cause(error))


def _silent(error: Any) -> Unreachable:
    sent = getattr(getattr(error, "inner_exception", None), "request", None)
    said = f"{getattr(sent, 'url', '')} {error}"
    problem = f"The service does not answer: {refusals.silence(str(error))}"
    here = LOOPBACK in said
    return Unreachable(problem, "invoke cloud.status" if here else signin.NETWORK)


def check(response: "HttpResponse") -> None:
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        ResourceNotFoundError,
        map_error,
    )
    from azure.mgmt.core.exceptions import ARMErrorFormat

    if response.status_code < 400:
        return
    kinds = {401: ClientAuthenticationError, 404: ResourceNotFoundError}
    map_error(response.status_code, response, kinds)
    raise HttpResponseError(response=response, error_format=ARMErrorFormat)


def content(pipeline_response: Any) -> Any:
    response = pipeline_response.http_response
    return response.json() if response.content else None
