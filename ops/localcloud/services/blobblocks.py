"""The blocks of a blob that is uploaded in parts: their ids, and the list of them."""

import base64
import binascii
from xml.etree import ElementTree

from aiohttp import web

from ops.localcloud.services.blobheaders import BlobError

CHUNK = 1 << 20
MOST_BLOCKS = 50_000  # REST reference, Put Block List
MOST_LIST_BYTES = 8 << 20


def block_id(text: str) -> str:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not 1 <= len(decoded) <= 64:
        message = "blockid must be base64 of 1 to 64 bytes."
        raise BlobError(400, "InvalidQueryParameterValue", message)
    return text


async def read_list(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) > MOST_LIST_BYTES:
            raise BlobError(413, "RequestBodyTooLarge", "The block list is too large.")
    return bytes(body)


def listed(body: bytes) -> list[str]:
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
