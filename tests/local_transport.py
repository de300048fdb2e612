"""localcloud in this very process: the toolkit's own pipeline, and no socket.

`InProcess` is a localcloud without engines: its dispatcher, handlers and state are the
real ones, and so is the pipeline of azure.core in front of them. What engines would do
is done at once: an operation that was begun has succeeded when its request is answered
(unless `prompt` is False: then settle() does it). Nobody sleeps: a request takes less
than a millisecond.
"""

import asyncio
import threading
from dataclasses import dataclass

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest._http_response_impl import RestHttpClientTransportResponse
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ops.clients import Workspace
from ops.cloud import LocalCloud
from ops.localcloud import app
from ops.localcloud.blobstore import BlobStore
from ops.localcloud.dispatch import Dispatcher
from ops.localcloud.faults import Faults
from ops.localcloud.logstore import LogStore
from ops.localcloud.services.machinelearning import furnish
from ops.localcloud.state import State
from ops.localcloud.surface import ROUTES
from ops.localcloud.wire import Cloud
from ops.pipeline import LocalCredential
from ops.settings import ROOT, Stage

URL_ = "https://127.0.0.1:1"
TOKEN = "token"
BEGUN = "Azure-AsyncOperation"


class InProcess:
    """A localcloud in a directory, and the workspaces of those who work on it."""

    def __init__(self, directory):
        self.directory = directory
        self.prompt = True
        self._lock = threading.RLock()  # one request after another, whoever asks
        self._loop = asyncio.new_event_loop()
        self.state = State(directory / "state.db")
        self.store = LogStore(directory / "logs.duckdb", "tenant", self.state.clock.now)
        self.cloud = Cloud(
            state=self.state,
            blobs=BlobStore(directory / "blobs", self.state),
            **app.PLACE,
            workspace_id="10ca1c10-0000-4000-8000-000000000001",
            url=URL_,
            sas_key="key",
            ring=lambda: None,  # there are no engines
            gateway_url=lambda: "http://127.0.0.1:2",
            logs=lambda deployment, container, tail: "",
            store=self.store,
            faults=Faults(self.state),
        )
        (directory / "token").write_text(TOKEN)
        furnish(self.cloud)
        self._dispatcher = Dispatcher(self.cloud, TOKEN, ROUTES)

    @property
    def clock(self):
        return self.state.clock

    @property
    def faults(self):
        return self.cloud.faults

    def workspace(self, who="ana@laptop", line=None):
        """The workspace as somebody's own toolkit sees it, over a line of their own."""
        stage = Stage(name="local", cloud="localcloud", path=ROOT / "local.yaml")
        local = LocalCloud(
            pid=0,
            url=URL_,
            port=1,
            gateway_url=self.cloud.gateway_url(),
            subscription_id=self.cloud.subscription_id,
            resource_group=self.cloud.resource_group,
            workspace_name=self.cloud.workspace_name,
            directory=self.directory,
            log_workspace_id=self.cloud.log_workspace,
            log_customer_id=self.cloud.log_customer_id,
        )
        workspace = Workspace(stage, local, transport=Transport(line or self))
        vars(workspace)["credential"] = LocalCredential(TOKEN, who)
        return workspace

    def put_endpoint(self, name="iris", *, deployments=("blue", "green"), traffic=None):
        """An endpoint with deployments that are ready, by a client of no name."""
        path = f"{self.cloud.workspace}/onlineEndpoints/{name}"
        properties = {"authMode": "Key"}
        body = {"location": "local", "properties": properties}
        assert self.ask("PUT", path, body).status < 300
        for each in deployments:
            settings = {"location": "local", "properties": DEPLOYMENT}
            assert self.ask("PUT", f"{path}/deployments/{each}", settings).status < 300
        if traffic:
            properties["traffic"] = traffic
            assert self.ask("PUT", path, body).status < 300

    def ask(self, method, path, body=None, who=""):
        """One plain request of a client that is not the toolkit."""
        headers = {"Authorization": f"Bearer {TOKEN}~{who}"}
        content = web.json_response(body).body if body is not None else b""
        return self.answer(method, URL_ + path, headers, content)

    def answer(self, method, url, headers, content):
        """What the dispatcher makes of a request."""
        with self._lock:
            answer = self._loop.run_until_complete(
                self._answer(method, url, headers, content)
            )
            if self.prompt and (begun := dict(answer.headers).get(BEGUN)):
                self.settle(begun.partition("?")[0].rsplit(":", 1)[1])
            return answer

    async def _answer(self, method, url, headers, content):
        protocol = Connection(self._loop)
        payload = EMPTY_PAYLOAD
        if content:
            payload = StreamReader(protocol, 2**24, loop=self._loop)
            payload.feed_data(content)
            payload.feed_eof()
        target = URL(url, encoded=True)
        sent = CIMultiDictProxy(CIMultiDict(headers))
        message = RawRequestMessage(
            *(method, target.raw_path_qs, HttpVersion11, sent, ()),
            *(False, None, False, False, target.relative()),
        )
        request = web.Request(message, payload, protocol, None, None, self._loop)
        response = await self._dispatcher.handle(request)
        if protocol.transport.cut:
            raise ServiceResponseError("Connection reset by peer")
        body = response.body or b""
        return Reply(
            response.status, response.reason, list(response.headers.items()), body
        )

    def settle(self, operation_id):
        """Do what engines would: what is deleted goes, all else has succeeded."""
        operation = self.state.operation(operation_id)
        resource = self.state.resource(operation.resource)
        if operation.status != "InProgress" or resource is None:
            return
        with self.state.transaction():
            if resource.properties["provisioningState"] == "Deleting":
                self.state.delete(resource.id)
            else:
                self.state.observe(resource.id, provisioningState="Succeeded")
            self.state.finish(operation.id)

    def close(self):
        self._dispatcher.close()
        self._loop.close()
        self.store.close()
        self.state.close()


DEPLOYMENT = {"endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2"}


class Connection(BaseProtocol):
    """What a request knows of the connection it came by."""

    ssl_context = peername = sockname = None

    def __init__(self, loop):
        super().__init__(loop)
        self.transport = Line()


class Line:
    """Stands where a socket would be; a fault may cut it."""

    cut = False

    def abort(self):
        self.cut = True

    def is_closing(self):
        return self.cut

    def resume_reading(self):
        pass


@dataclass(frozen=True)
class Reply:
    """An answer, with what http.client's has of it."""

    status: int
    reason: str
    headers: list
    body: bytes

    def getheaders(self):
        return self.headers

    def read(self):
        return self.body


class Transport(HttpTransport):
    """Carries the requests of azure.core's pipeline to a localcloud in this process."""

    def __init__(self, cloud):
        self._cloud = cloud

    def send(self, request, **options):
        content = request.content or b""
        content = content.encode() if isinstance(content, str) else content
        reply = self._cloud.answer(
            request.method, request.url, request.headers, content
        )
        response = RestHttpClientTransportResponse(
            request=request, internal_response=reply
        )
        response.read()
        return response

    def sleep(self, duration):
        """Nobody waits here: what is polled for is done, and a retry may be at once."""

    def open(self):
        pass

    def close(self):
        pass

    def __exit__(self, *details):
        pass
