"""The XML of a container's listing (REST reference, List Blobs)."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from ops.localcloud.services.blobheaders import NO_TEXT, BlobError

MOST = 5000


def listing(
    rows: list[dict[str, Any]], container: str, query: Mapping[str, str]
) -> str:
    """One page of `rows`, which come sorted by name, as <EnumerationResults>.

    With a `delimiter` the names that share a part up to it become one <BlobPrefix>.
    """
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    asked = query.get("maxresults") or str(MOST)
    if not asked.isdecimal() or int(asked) < 1:
        raise BlobError(400, "OutOfRangeQueryParameterValue", "maxresults is no number")
    most = min(int(asked), MOST)
    after = _name(query.get("marker", ""))
    metadata = "metadata" in query.get("include", "")
    lines: list[str] = []
    last, marker = "", ""
    for name, row in _entries(rows, prefix, delimiter):
        if name <= after:
            continue
        if len(lines) == most:
            marker = base64.urlsafe_b64encode(last.encode()).decode()
            break
        lines.append(_blob(row, metadata=metadata) if row else _prefix(name))
        last = name
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<EnumerationResults ContainerName="{container}">'
        f"<Prefix>{escape(prefix)}</Prefix><Blobs>{''.join(lines)}</Blobs>"
        f"<NextMarker>{marker}</NextMarker></EnumerationResults>"
    )


def _entries(
    rows: list[dict[str, Any]], prefix: str, delimiter: str
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Names below the prefix with their rows; without a row, a shared prefix."""
    seen = ""
    for row in rows:
        name = row["name"]
        if not name.startswith(prefix):
            continue
        if delimiter and delimiter in name[len(prefix) :]:
            end = name.index(delimiter, len(prefix)) + len(delimiter)
            if name[:end] != seen:
                seen = name[:end]
                yield seen, None
        else:
            yield name, row


def _name(marker: str) -> str:
    try:
        return base64.urlsafe_b64decode(marker).decode()
    except (binascii.Error, ValueError):
        return ""


def _prefix(name: str) -> str:
    return f"<BlobPrefix>{_named(name)}</BlobPrefix>"


def _named(name: str) -> str:
    """A name; percent-encoded, and said to be so, where XML has no place for it."""
    if NO_TEXT.search(name):
        return f'<Name Encoded="true">{quote(name)}</Name>'
    return f"<Name>{escape(name)}</Name>"


def _blob(row: dict[str, Any], *, metadata: bool) -> str:
    modified = format_datetime(datetime.fromisoformat(row["modified"]), usegmt=True)
    pairs = "".join(
        f"<{name}>{escape(value)}</{name}>" for name, value in row["metadata"].items()
    )
    lease = "".join(
        f"<Lease{name.title()}>{value}</Lease{name.title()}>"
        for name, value in row["lease"].items()
    )
    return (
        f"<Blob>{_named(row['name'])}<Properties>"
        f"<Last-Modified>{modified}</Last-Modified><Etag>{row['etag']}</Etag>"
        f"<Content-Length>{row['size']}</Content-Length>"
        f"<Content-Type>{escape(row['content_type'])}</Content-Type>"
        f"<Content-MD5>{row['md5']}</Content-MD5>"
        f"<BlobType>BlockBlob</BlobType>{lease}</Properties>"
        f"{f'<Metadata>{pairs}</Metadata>' if metadata else ''}</Blob>"
    )
