"""The workspace's own blob storage: small files that every engineer's machine shares.

Spoken in plain requests, since importing the blob client takes longer than all that a
verb does with it. (REST reference of blob storage, version 2021-08-06.)
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from ops.errors import Refused, ServiceError
from ops.pipeline import sent, storage

if TYPE_CHECKING:
    from ops.clients import Workspace

DATASTORE = "datastores/workspaceblobstore"  # every workspace has it
SECRETS = f"{DATASTORE}/listSecrets?api-version=2024-10-01-preview"
VERSION = "2021-08-06"
LASTS = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What storage answered, refusals included."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    content: bytes

    @property
    def code(self) -> str:
        """Such as LeaseAlreadyPresent; "" where it was no refusal."""
        return self.headers.get("x-ms-error-code", "")


class Container:
    """The container of a workspace's default datastore."""

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        where = workspace.get(DATASTORE)["properties"]
        self._account: str = where["accountName"]
        self._container: str = where["containerName"]
        protocol = where.get("protocol") or "https"
        account = f"{protocol}://{self._account}.blob.{where['endpoint']}"
        self._url = f"{account}/{self._container}"
        kind = (where.get("credentials") or {}).get("credentialsType")
        self._own = kind in (None, "None")  # who signs in to Azure signs here too
        self._signature = "" if self._own else self._signed()
        credential = workspace.credential if self._own else None
        self._client = storage(account, credential, workspace.transport)

    def send(
        self,
        method: str,
        name: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> Reply:
        """Send one request for a blob; raise Unreachable without an answer."""
        reply = self._send(method, name, query or {}, headers or {}, content)
        if reply.status == 403 and not self._own:  # signatures end
            self._signature = self._signed()
            reply = self._send(method, name, query or {}, headers or {}, content)
        return reply

    def get(self, name: str) -> bytes | None:
        """A blob's content, or None where there is none."""
        reply = self.send("GET", name)
        if reply.status == 404:
            return None
        require(reply, name)
        return reply.content

    def names(self, prefix: str) -> list[str]:
        """The blobs whose names begin with a prefix, in order."""
        found: list[str] = []
        query = {"restype": "container", "comp": "list", "prefix": prefix}
        marker = ""
        while True:
            reply = self.send("GET", "", query={**query, "marker": marker})
            require(reply, prefix)
            page = ElementTree.fromstring(reply.content)
            found += [each.text or "" for each in page.iterfind("Blobs/Blob/Name")]
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return found

    def put(self, name: str, content: bytes) -> None:
        """Write a whole blob."""
        headers = {"x-ms-blob-type": "BlockBlob"}
        require(self.send("PUT", name, headers=headers, content=content), name)

    def _send(
        self,
        method: str,
        name: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        content: bytes,
    ) -> Reply:
        where = f"{self._url}/{quote(name)}" if name else self._url
        # A signature is a query string already: joined as text, it stays as it is.
        asked = "&".join(filter(None, [urlencode(query), self._signature]))
        status, found, answer = sent(
            self._client,
            method,
            f"{where}?{asked}",
            headers={"x-ms-version": VERSION, **headers},
            content=content if method == "PUT" else None,
        )
        return Reply(status=status, headers=found, content=answer)

    def _signed(self) -> str:
        """The query string that lets us in, for an hour."""
        asked = {"expirableSecret": True, "expireAfterHours": 1}
        secrets = self._workspace.post(SECRETS, asked)
        if token := secrets.get("sasToken"):
            return str(token).lstrip("?")
        if key := secrets.get("key"):
            return signature(
                self._account, self._container, key, self._workspace.now() + LASTS
            )
        raise Refused(
            f"The datastore of {self._workspace.name} gives a secret of kind "
            f"{secrets.get('secretsType')}: neither a signature nor a key.",
        )


def require(reply: Reply, name: str) -> None:
    """Raise ServiceError for a refusal."""
    if reply.status >= 400:
        raise ServiceError(
            f"Blob storage refuses {name}: {reply.status} {reply.code}".rstrip(),
            code=reply.code,
            http_status=reply.status,
        )


def signature(account: str, container: str, key: str, expires: datetime) -> str:
    """A service SAS that may read, create, write, list and delete in a container.

    (REST reference: create a service SAS, version 2020-12-06 and later.)
    """
    end = expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    where = f"/blob/{account}/{container}"
    signed = ["rcwdl", "", end, where, "", "", "https", VERSION, "c", *[""] * 7]
    digest = hmac.digest(
        base64.b64decode(key), "\n".join(signed).encode(), hashlib.sha256
    )
    fields = {"sv": VERSION, "sr": "c", "sp": "rcwdl", "spr": "https", "se": end}
    return urlencode({**fields, "sig": base64.b64encode(digest).decode()})
