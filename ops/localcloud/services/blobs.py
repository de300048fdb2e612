"""Blob storage as the SDKs use it: block blobs, their metadata, and listings.

Bodies are streamed to and from disk, never held whole in memory.
"""

import asyncio
import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from aiohttp import web

from ops.localcloud import sas
from ops.localcloud.blobstore import md5_of
from ops.localcloud.services.blobheaders import (
    BlobError,
    check_conditions,
    headers,
    sent_metadata,
    span,
    version,
)
from ops.localcloud.services.bloblist import listing
from ops.localcloud.wire import Cloud

ACCOUNT = "devstore.blob.azlocal"
CHUNK = 1 << 20
MOST_BLOCKS = 50_000  # REST reference, Put Block List
MOST_LIST_BYTES = 8 << 20
CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
NAME = re.compile(r"[^\x00-\x1f]{0,1024}")
SPOKEN = (
    *("PUT", "PUT block", "PUT blocklist", "PUT metadata", "DELETE"),
    *("GET", "HEAD", "GET metadata", "HEAD metadata"),
)
UNSUPPORTED = ("x-ms-lease-id", "x-ms-copy-source", "if-modified-since", "x-ms-tags")


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
    now = datetime.now(UTC)
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
        case "GET list":
            return _xml(listing(cloud.state.blobs(container), container, request.query))
        case "DELETE":
            return _delete(request, cloud, container, name)
    row = _find(cloud, container, name)
    check_conditions(request, row)
    if verb in ("HEAD", "GET metadata", "HEAD metadata"):
        return web.Response(headers=headers(row, sized=verb == "HEAD"))
    return await _send(request, cloud.blobs.path(row), row)


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
    check_conditions(request, cloud.state.blob(container, name))
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
    block_id = _block_id(request.query.get("blockid", ""))
    file = cloud.blobs.new_file()
    try:
        md5 = await _receive(request, file)
        cloud.blobs.stage(container, name, block_id, file)
    finally:
        file.unlink(missing_ok=True)
    return web.Response(status=201, headers={"Content-MD5": md5})


async def _put_block_list(
    request: web.Request, cloud: Cloud, container: str, name: str
) -> web.Response:
    """Make a blob of staged blocks. Blocks of an earlier commit can't be used again."""
    block_ids = [_block_id(each) for each in _listed(await _read_list(request))]
    blobs = cloud.blobs
    if not all(blobs.staged(container, name, block_id) for block_id in block_ids):
        message = "The specified block list is invalid: not all its blocks are staged."
        raise BlobError(400, "InvalidBlockList", message)
    check_conditions(request, cloud.state.blob(container, name))
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
    check_conditions(request, cloud.state.blob(container, name))
    return cloud.blobs.commit(
        container,
        name,
        file,
        content_type=request.headers.get("x-ms-blob-content-type", kind),
        metadata=sent_metadata(request.headers),
        md5=md5,
    )


def _put_metadata(
    request: web.Request, cloud: Cloud, container: str, name: str
) -> web.Response:
    row = _find(cloud, container, name)
    check_conditions(request, row)
    row["metadata"] = sent_metadata(request.headers)
    cloud.state.save_blob(row)
    return web.Response(headers=version(row))


def _delete(
    request: web.Request, cloud: Cloud, container: str, name: str
) -> web.Response:
    check_conditions(request, _find(cloud, container, name))
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
    request: web.Request, file: Path, row: dict[str, Any]
) -> web.StreamResponse:
    """The blob's bytes, or the part of them that a range names."""
    asked = request.headers.get("x-ms-range") or request.headers.get("Range")
    start, end = span(asked, row["size"])
    told = headers(row, sized=False)
    if asked:
        told["Content-Range"] = f"bytes {start}-{end - 1}/{row['size']}"
        del told["Content-MD5"]  # it is the whole blob's
    told["Content-Length"] = str(end - start)
    response = web.StreamResponse(status=206 if asked else 200, headers=told)
    with file.open("rb") as stream:  # open before a replacement can take it away
        await response.prepare(request)
        stream.seek(start)
        left = end - start
        while left and (chunk := stream.read(min(CHUNK, left))):
            await response.write(chunk)
            await asyncio.sleep(0)  # others want to be served, and the client may go
            left -= len(chunk)
    await response.write_eof()
    return response


def _find(cloud: Cloud, container: str, name: str) -> dict[str, Any]:
    row = cloud.state.blob(container, name)
    if row is None:
        cloud.blobs.require_room()  # looking for it is how an upload begins
        raise BlobError(404, "BlobNotFound", "The specified blob does not exist.")
    return row


def _block_id(text: str) -> str:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not 1 <= len(decoded) <= 64:
        message = "blockid must be base64 of 1 to 64 bytes."
        raise BlobError(400, "InvalidQueryParameterValue", message)
    return text


async def _read_list(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) > MOST_LIST_BYTES:
            raise BlobError(413, "RequestBodyTooLarge", "The block list is too large.")
    return bytes(body)


def _listed(body: bytes) -> list[str]:
    """The block ids of a <BlockList>, in its order."""
    try:
        if b"<!" in body:
            raise ElementTree.ParseError("a document type has no place here")
        ids = [each.text or "" for each in ElementTree.fromstring(body)]
    except ElementTree.ParseError as problem:
        raise BlobError(400, "InvalidXmlDocument", str(problem)) from None
    if len(ids) > MOST_BLOCKS:
        message = f"A blob has at most {MOST_BLOCKS} blocks."
        raise BlobError(400, "BlockListTooLong", message)
    return ids


def _xml(document: str) -> web.Response:
    return web.Response(text=document, content_type="application/xml")


def _not_supported(what: str) -> BlobError:
    return BlobError(501, "NotImplemented", f"localcloud does not speak {what}.")
