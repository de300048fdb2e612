"""What the headers of a blob request ask for, and what those of its answer tell."""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from aiohttp import web

RANGE = re.compile(r"bytes=(\d+)-(\d*)")
# What XML 1.0 has no place for, halves of surrogate pairs too.
NO_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
METADATA_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class BlobError(Exception):
    """A refusal in blob storage's words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def span(asked: str | None, size: int) -> tuple[int, int]:
    """The first byte of a range and the one after its last."""
    if asked is None:
        return 0, size
    match = RANGE.fullmatch(asked)
    if match is None or int(match[1]) >= size:
        message = "The range specified is invalid for the current size of the resource."
        raise BlobError(416, "InvalidRange", message)
    start, last = int(match[1]), int(match[2] or size - 1)
    if last < start:
        raise BlobError(416, "InvalidRange", "The range ends before it begins.")
    return start, min(last + 1, size)


def check_conditions(request: web.Request, row: dict[str, Any] | None) -> None:
    """If-None-Match and If-Match, whose values are an ETag or *."""
    absent, present = (
        request.headers.get(name) for name in ("If-None-Match", "If-Match")
    )
    tags = ("*", f'"{row["etag"]}"', row["etag"]) if row else ()
    if absent == "*" and row and request.method == "PUT":
        message = "The specified blob already exists."
        raise BlobError(409, "BlobAlreadyExists", message)
    if absent in tags or (present is not None and present not in tags):
        message = "The condition specified using HTTP conditional header(s) is not met."
        raise BlobError(412, "ConditionNotMet", message)


def sent_metadata(sent: Mapping[str, str]) -> dict[str, str]:
    """The x-ms-meta-* headers by their names, which must be identifiers."""
    start = "x-ms-meta-"
    found = {
        name[len(start) :]: value
        for name, value in sent.items()
        if name.lower().startswith(start)
    }
    if not all(METADATA_NAME.fullmatch(name) for name in found):
        message = "The metadata specified is invalid. It has invalid characters."
        raise BlobError(400, "InvalidMetadata", message)
    return {name: _text(value) for name, value in found.items()}


def sent_type(sent: Mapping[str, str], usual: str) -> str:
    """The content type of a blob that is written."""
    return _text(sent.get("x-ms-blob-content-type", usual))


def _text(value: str) -> str:
    """A header's value, which a list will hold too: what is no text is refused."""
    if NO_TEXT.search(value):
        message = "The value for one of the HTTP headers is not in the correct format."
        raise BlobError(400, "InvalidHeaderValue", message)
    return value


def version(row: dict[str, Any]) -> dict[str, str]:
    modified = format_datetime(datetime.fromisoformat(row["modified"]), usegmt=True)
    return {"ETag": f'"{row["etag"]}"', "Last-Modified": modified}


def headers(
    row: dict[str, Any], lease: Mapping[str, str], *, sized: bool
) -> dict[str, str]:
    metadata = {f"x-ms-meta-{name}": value for name, value in row["metadata"].items()}
    return {
        **version(row),
        **metadata,
        **{f"x-ms-lease-{name}": value for name, value in lease.items()},
        **({"Content-Length": str(row["size"])} if sized else {}),
        "Content-Type": row["content_type"],
        "Content-MD5": row["md5"],
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": "BlockBlob",
    }
