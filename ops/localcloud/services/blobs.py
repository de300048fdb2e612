"""Blob storage as the SDKs use it: block blobs, their metadata, and listings.

Bodies are streamed to and from disk, never held whole in memory.
"""

import asyncio
import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from aiohttp import web

from ops.localcloud import sas
from ops.localcloud.blobstore import md5_of, new_etag
from ops.localcloud.records import text
from ops.localcloud.services import blobleases
from ops.localcloud.services.blobblocks import block_id, listed, read_list
from ops.localcloud.services.blobheaders import (
    BlobError,
    check_conditions,
    headers,
    sent_metadata,
    sent_type,
    span,
    version,
)
from ops.localcloud.services.bloblist import listing
from ops.localcloud.wire import Cloud

ACCOUNT = "devstore.blob.azlocal"
CHUNK = 1 << 20
CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
NAME = re.compile(r"[^\x00-\x1f]{0,1024}")
SPOKEN = (
    *("PUT", "PUT block", "PUT blocklist", "PUT metadata", "PUT lease", "DELETE"),
    *("GET", "HEAD", "GET metadata", "HEAD metadata"),
)
UNSUPPORTED = ("x-ms-copy-source", "if-modified-since", "x-ms-tags")


def is_blob_path(path: str, cloud: Cloud) -> bool:
    """Whether a path is the account's, or lacks it as the SDK's contextUri does."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first in (ACCOUNT, f"azureml-blobstore-{cloud.workspace_id}")


async def handle(request: web.Request, cloud: Cloud) -> web.StreamResponse:
    """Answer one request for a blob or a container; refusals are BlobErrors."""
    path = request.path.removeprefix(f"/{ACCOUNT}").lstrip("/")
    container, _, name = path.partition("/")
    if not CONTAINER.fullmatch(container) or not NAME.fullmatch(name):
        raise BlobError(400, "InvalidResourceName", "A name in the URL is invalid.")
    verb = _verb(request, name)
    permission = {"GET": "r", "HEAD": "r", "PUT": "w", "DELETE": "d"}[request.method]
    now = cloud.state.clock.now()
    needed = "l" if verb == "GET list" else permission
    if why := sas.refusal(cloud.sas_key, container, request.query, needed, now):
        message = f"Server failed to authenticate the request. {why}"
        raise BlobError(403, "AuthenticationFailed", message)
    for header in UNSUPPORTED:
        if header in request.headers:
            raise _not_supported(f"the header {header}")
    match verb:
        case "PUT":
            return await _put(request, cloud, container, name)
        case "PUT block":
            return await _put_block(request, cloud, container, name)
        case "PUT blocklist":
            return await _put_block_list(request, cloud, container, name)
        case "PUT metadata":
            return _put_metadata(request, cloud, container, name)
        case "PUT lease":
            return _change_lease(request, cloud, container, name)
        case "GET list":
            return _list(request, cloud, container)
        case "DELETE":
            return _delete(request, cloud, container, name)
    row = _find(cloud, container, name)
    held, real = cloud.state.lease(container, name), cloud.state.clock.real()
    check_conditions(request, row)
    blobleases.check_read(request, held, real)
    told = headers(row, blobleases.facts(held, real), sized=verb == "HEAD")
    if verb in ("HEAD", "GET metadata", "HEAD metadata"):
        return web.Response(headers=told)
    return await _send(request, cloud.blobs.path(row), row["size"], told)


def _verb(request: web.Request, name: str) -> str:
    """The method with what `comp` makes of it; a refusal for what is not spoken."""
    comp = request.query.get("comp")
    verb = f"{request.method} {comp}" if comp else request.method
    if request.query.get("restype") == "container":
        if verb == "GET list" and not name:
            return verb
        raise _not_supported(f"{verb} of a container")
    if not name or verb not in SPOKEN or "snapshot" in request.query:
        raise _not_supported(verb)
    return verb


async def _put(
    request: web.Request, cloud: Cloud, container: str, name: str
) -> web.Response:
    if request.headers.get("x-ms-blob-type") != "BlockBlob":
        raise _not_supported("any x-ms-blob-type but BlockBlob")
    _check_write(request, cloud, container, name)
    file = cloud.blobs.new_file()
    try:
        md5 = await _receive(request, file)
        kind = request.headers.get("Content-Type", "application/octet-stream")
        row = _commit(request, cloud, container, name, file, md5, kind)
    finally:
        file.unlink(missing_ok=True)
    return web.Response(status=201, headers=version(row))


async def _put_block(
    request: web.Request, cloud: Cloud, container: str, name: str
) -> web.Response:
    _check_write(request, cloud, container, name)
    id_ = block_id(request.query.get("blockid", ""))
    file = cloud.blobs.new_file()
    try:
        md5 = await _receive(request, file)
        cloud.blobs.stage(container, name, id_, file)
    finally:
        file.unlink(missing_ok=True)
    return web.Response(status=201, headers={"Content-MD5": md5})


async def _put_block_list(
    request: web.Request, cloud: Cloud, container: str, name: str
) -> web.Response:
    """Make a blob of staged blocks. Blocks of an earlier commit can't be used again."""
    block_ids = [block_id(each) for each in listed(await read_list(request))]
    blobs = cloud.blobs
    if not all(blobs.staged(container, name, each) for each in block_ids):
        message = "The specified block list is invalid: not all its blocks are staged."
        raise BlobError(400, "InvalidBlockList", message)
    _check_write(request, cloud, container, name)
    file = await asyncio.to_thread(blobs.assemble, container, name, block_ids)
    try:
        md5 = await asyncio.to_thread(md5_of, file)
        kind = "application/octet-stream"  # the request's own says XML
        row = _commit(request, cloud, container, name, file, md5, kind)
    finally:
        file.unlink(missing_ok=True)
    blobs.drop_blocks(container, name)
    return web.Response(status=201, headers=version(row))


def _commit(
    request: web.Request,
    cloud: Cloud,
    container: str,
    name: str,
    file: Path,
    md5: str,
    kind: str,
) -> dict[str, Any]:
    """Make the file the blob, unless another writer has come first meanwhile."""
    _check_write(request, cloud, container, name)
    row = cloud.blobs.commit(
        container,
        name,
        file,
        content_type=sent_type(request.headers, kind),
        metadata=sent_metadata(request.headers),
        md5=md5,
    )
    blobleases.forget_ended(cloud, container, name)
    return row


def _check_write(request: web.Request, cloud: Cloud, container: str, name: str) -> None:
    check_conditions(request, cloud.state.blob(container, name))
    held, now = cloud.state.lease(container, name), cloud.state.clock.real()
    blobleases.check_write(request, held, now)


def _change_lease(
    request: web.Request, cloud: Cloud, container: str, name: str
) -> web.Response:
    row = _find(cloud, container, name)
    check_conditions(request, row)
    return blobleases.change(request, cloud, container, row)


def _put_metadata(
    request: web.Request, cloud: Cloud, container: str, name: str
) -> web.Response:
    row = _find(cloud, container, name)
    _check_write(request, cloud, container, name)
    row["metadata"] = sent_metadata(request.headers)
    row |= {"etag": new_etag(), "modified": text(cloud.state.clock.now())}
    cloud.state.save_blob(row)
    blobleases.forget_ended(cloud, container, name)
    return web.Response(headers=version(row))


def _delete(
    request: web.Request, cloud: Cloud, container: str, name: str
) -> web.Response:
    _find(cloud, container, name)
    _check_write(request, cloud, container, name)
    cloud.blobs.delete(container, name)
    return web.Response(status=202)


async def _receive(request: web.Request, file: Path) -> str:
    """Write the request's body to a file; return its MD5, checked if one was sent."""
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("wb") as stream:
        async for chunk in request.content.iter_chunked(CHUNK):
            digest.update(chunk)
            stream.write(chunk)
    found = base64.b64encode(digest.digest()).decode()
    if request.headers.get("Content-MD5", found) != found:
        message = "The MD5 value specified in the request did not match the content."
        raise BlobError(400, "Md5Mismatch", message)
    return found


async def _send(
    request: web.Request, file: Path, size: int, told: dict[str, str]
) -> web.StreamResponse:
    """The blob's bytes, or the part of them that a range names."""
    asked = request.headers.get("x-ms-range") or request.headers.get("Range")
    start, end = span(asked, size)
    if asked:
        told["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        del told["Content-MD5"]  # it is the whole blob's
    status, left = 206 if asked else 200, end - start
    with file.open("rb") as stream:  # open before a replacement can take it away
        stream.seek(start)
        if left <= CHUNK:
            return web.Response(status=status, headers=told, body=stream.read(left))
        told["Content-Length"] = str(left)
        response = web.StreamResponse(status=status, headers=told)
        await response.prepare(request)
        while left and (chunk := stream.read(min(CHUNK, left))):
            await response.write(chunk)
            await asyncio.sleep(0)  # others want to be served, and the client may go
            left -= len(chunk)
    await response.write_eof()
    return response


def _find(cloud: Cloud, container: str, name: str) -> dict[str, Any]:
    row = cloud.state.blob(container, name)
    if row is None or not cloud.blobs.path(row).is_file():
        cloud.blobs.require_room()  # looking for it is how an upload begins
        raise BlobError(404, "BlobNotFound", "The specified blob does not exist.")
    return row


def _list(request: web.Request, cloud: Cloud, container: str) -> web.Response:
    now = cloud.state.clock.real()
    leases = {
        blob: blobleases.facts(held, now)
        for blob, held in cloud.state.leases(container).items()
    }
    rows = [
        {**row, "lease": leases.get(row["name"]) or blobleases.facts(None, now)}
        for row in cloud.state.blobs(container)
    ]
    document = listing(rows, container, request.query)
    return web.Response(text=document, content_type="application/xml")


def _not_supported(what: str) -> BlobError:
    return BlobError(501, "NotImplemented", f"localcloud does not speak {what}.")
