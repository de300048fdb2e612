"""The one place where Azure's clients are made, for Azure and for localcloud alike.

A verb that only reads or changes live resources uses `Workspace`, a direct line to
Azure Resource Manager on azure.mgmt.core: it starts in a fraction of the time that
importing azure.ai.ml takes. What is created from files goes through `Workspace.ml()`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any

from ops import clock, cloud, settings
from ops.clock import ServiceClock
from ops.errors import NotFound, Unfinished, Unreachable
from ops.pipeline import (
    NO_CHANGE,
    LocalCredential,
    check,
    content,
    pipeline,
    questions,
    refused,
    request_id,
    requests_transport,
)
from ops.settings import Stage
from ops.signin import ARM_SCOPE, SignIn
from ops.times import length

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.rest import HttpRequest
    from azure.mgmt.monitor import MonitorManagementClient
    from azure.monitor.query import (
        LogsQueryClient,
        LogsQueryPartialResult,
        LogsQueryResult,
    )

    from ops.storage import Container

ARM = "https://management.azure.com"
API_VERSION = "2023-10-01"  # stable; has every online endpoint operation used here
OPERATION_SECONDS = 3600  # Azure gives a deployment's operation 30 min to 1 h


class Workspace:
    """One Azure ML workspace: paths below it, spoken in plain ARM JSON.

    Every method raises NotFound, ServiceError or Unreachable, each with a remedy.
    """

    def __init__(
        self, stage: Stage, local: cloud.LocalCloud | None, transport: Any = None
    ) -> None:
        """`transport` is an HttpTransport of azure.core; HTTPS where none is given."""
        self.stage = stage
        self.local = local
        where: Any = local or stage
        self.subscription_id: str = where.subscription_id
        self.resource_group: str = where.resource_group
        self.name: str = where.workspace_name
        self.base_url = local.url if local else ARM
        self.clock = cloud.clock(local)
        self.real_time = clock.RealTime()  # of locks and deadlines
        self._transport = transport
        self.notes: list[str] = []  # what was found on the way, to be told at the end
        self.change = NO_CHANGE  # what the activity log shall know our writes by
        self.id = (
            f"/subscriptions/{self.subscription_id}"
            f"/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )
        if local and transport is None:
            local.trust()

    def now(self) -> datetime:
        """What time it is for everybody who works on this workspace; aware UTC."""
        return self.clock.now()

    def wait(self, seconds: float, stop: Event | None = None) -> None:
        """Return when so much of that time has passed, or when `stop` is set."""
        clock.wait(self.clock, seconds, stop)

    def wait_until(self, moment: datetime, stop: Event | None = None) -> None:
        """Return when that moment has come, or when `stop` is set."""
        clock.wait_until(self.clock, moment, stop)

    def get(self, path: str) -> dict[str, Any]:
        """GET a resource below the workspace, such as "onlineEndpoints/iris"."""
        return self._json("GET", path)

    def find(self, path: str) -> dict[str, Any] | None:
        """GET a resource, or None where there is none."""
        try:
            return self.get(path)
        except NotFound:
            return None

    def list(self, path: str) -> list[dict[str, Any]]:
        """Every item of a collection, page after page."""
        page = self.get(path)
        items: list[dict[str, Any]] = page.get("value", [])
        while next_link := page.get("nextLink"):
            page = self._json("GET", next_link)
            items += page.get("value", [])
        return items

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._json("POST", path, body or {})

    def put(
        self, path: str, body: dict[str, Any], *, retries: int | None = None
    ) -> dict[str, Any]:
        """PUT a resource and wait until the service is done; return it as it is then.

        What a PUT leaves out is gone: build `body` from a GET. `retries` is how often
        it may be sent again where there is no answer.
        """
        again = None if retries is None else {"retry_total": retries}
        return self._wait("PUT", path, body, again)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """PATCH (tags, identity or sku: nothing else, on Azure) and wait."""
        return self._wait("PATCH", path, body)

    def delete(self, path: str) -> None:
        self._wait("DELETE", path, None)

    def act(
        self, path: str, body: dict[str, Any], seconds: float = OPERATION_SECONDS
    ) -> dict[str, Any]:
        """POST a long-running action, such as regenerateKeys; return its result.

        Raise Unfinished if that takes longer than so many seconds.
        """
        return self._wait("POST", path, body, seconds=seconds)

    @cached_property
    def credential(self) -> Any:
        if self.local:
            return LocalCredential(self.local.token, settings.who())
        return SignIn(self.stage.tenant_id)

    @cached_property
    def transport(self) -> Any:
        """One for all clients: to read certificates takes longer than a request."""
        if self._transport is not None:
            return self._transport
        return requests_transport(self.local.authority if self.local else None)

    @cached_property
    def container(self) -> "Container":
        """The blob container of the workspace's own storage."""
        from ops.storage import Container

        return Container(self)

    @cached_property
    def log_workspace(self) -> str:
        """The customer id, a GUID, of the log workspace; "" where none is named."""
        if self.local:
            return self.local.log_customer_id
        return self.stage.log_analytics_workspace_id

    @property
    def log_workspace_id(self) -> str:
        """The ARM id of the log workspace; "" where none is named."""
        if self.local:
            return self.local.log_workspace_id
        return self.stage.log_analytics_resource_id

    def logs_client(self) -> "LogsQueryClient":
        from azure.monitor.query import LogsQueryClient

        how: dict[str, Any] = {
            "retry_policy": questions(1 if self.local else 3),
            "transport": self.transport,
        }
        if not self.local:
            return LogsQueryClient(self.credential, **how)
        return LogsQueryClient(self.credential, endpoint=self.base_url, **how)

    def monitor(self) -> "MonitorManagementClient":
        from azure.mgmt.monitor import MonitorManagementClient

        if not self.local:
            return MonitorManagementClient(self.credential, self.subscription_id)
        return MonitorManagementClient(
            self.credential,
            self.subscription_id,
            base_url=self.base_url,
            credential_scopes=[f"{self.base_url}/.default"],
            retry_total=1,
            transport=self.transport,
        )

    @cached_property
    def metrics(self) -> Any:
        """The metrics operations of one monitor client, its connection kept open."""
        return self.monitor().metrics

    def query_logs(
        self,
        text: str,
        *,
        scope: str = "",
        span: tuple[datetime, datetime] | None = None,
        seconds: int = 180,
    ) -> "LogsQueryResult | LogsQueryPartialResult":
        """Run KQL over a resource's rows (`scope`, an ARM id) or the log workspace's.

        With a `scope` no log workspace needs to be named: Azure finds it.
        """
        how: dict[str, Any] = {
            "timespan": span,
            "server_timeout": seconds,
            "include_visualization": True,
        }
        if not scope and not self.log_workspace:
            raise NotFound(
                f"{self.stage.name} names no log workspace: log_analytics_workspace_id "
                "in its stage file.",
            )
        with refused():
            if scope:
                return self._logs.query_resource(scope, text, **how)
            return self._logs.query_workspace(self.log_workspace, text, **how)

    @cached_property
    def _logs(self) -> "LogsQueryClient":
        return self.logs_client()

    def ml(self) -> "MLClient":
        """The whole SDK: seconds to import, so only where something is created."""
        from azure.ai.ml import MLClient

        names = (self.subscription_id, self.resource_group, self.name)
        known: Any = {"request_id": request_id(self.change), "show_progress": False}
        if not self.local:
            return MLClient(self.credential, *names, **known)
        return MLClient(
            self.credential,
            *names,
            **known,
            # The SDK's table of clouds can't be overwritten: one name a port.
            cloud=f"azlocal-{self.local.port}",
            cloud_metadata=_metadata(self.base_url),
            enable_telemetry=False,
            retry_total=1,
        )

    @cached_property
    def _pipeline(self) -> Any:
        retries = 1 if self.local else 5
        heard = self.clock.heard if isinstance(self.clock, ServiceClock) else None
        return pipeline(
            self.base_url,
            self.credential,
            retries=retries,
            heard=heard,
            transport=self.transport,
        )

    def _json(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        with refused():
            response = self._pipeline.send_request(self._request(method, path, body))
            check(response)
            return dict(response.json()) if response.content else {}

    def _wait(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        again: Mapping[str, int] | None = None,
        seconds: float = OPERATION_SECONDS,
    ) -> dict[str, Any]:
        from azure.core.polling import LROPoller
        from azure.mgmt.core.polling.arm_polling import ARMPolling

        with refused():
            first = self._pipeline.send_request(
                self._request(method, path, body),
                _return_pipeline_response=True,
                **(again or {}),
            )
            check(first.http_response)
            poller: Any = LROPoller(self._pipeline, first, content, ARMPolling(5))
            result = poller.result(timeout=seconds)
        if not poller.done():
            lasted = length(timedelta(seconds=seconds))
            raise Unfinished(
                f"{path} is not done after {lasted}; the service goes on.",
                "invoke status",
            )
        return dict(result or {})

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None
    ) -> "HttpRequest":
        from azure.core.rest import HttpRequest

        # A nextLink, or what lies elsewhere than below the workspace, is complete.
        whole = path.startswith("https://")
        url = path if whole else f"{self.base_url}{self.id}/{path}".rstrip("/")
        # Other providers below the workspace have versions of their own.
        own = whole or "api-version=" in path
        params = {} if own else {"api-version": API_VERSION}
        headers = {"x-ms-client-request-id": request_id(self.change)}
        return HttpRequest(method, url, params=params, json=body, headers=headers)


def connect(stage: Stage) -> Workspace:
    """The workspace of a stage: signed in, or a localcloud, started if it is down."""
    workspace = Workspace(stage, cloud.up(stage.port) if stage.local else None)
    if not stage.local:
        workspace.credential.get_token(ARM_SCOPE)
    return workspace


def again(workspace: Workspace) -> Workspace:
    """The same workspace, where it is now: a localcloud may be back on another port.

    Raise Unreachable while it is down; it isn't started.
    """
    if not workspace.local:
        return workspace
    found = cloud.find()
    if found is None:
        raise Unreachable("localcloud is down.", "invoke cloud.up")
    return Workspace(workspace.stage, found)


def _metadata(base_url: str) -> dict[str, str]:
    """All six keys: with one missing the SDK asks management.azure.com instead."""
    return {
        "azure_portal": base_url,
        "resource_manager": base_url,
        "active_directory": base_url,
        "aml_resource_id": base_url,
        "storage_endpoint": "azlocal",
        "registry_discovery_endpoint": base_url,
    }
