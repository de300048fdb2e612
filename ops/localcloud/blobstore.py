"""The bytes behind blob storage: files named by chance, found through the state.

A blob's name never becomes a path here, so no name can reach outside the store. A
write is complete or absent: bytes first, then one row that makes them the blob.
"""

import base64
import errno
import hashlib
import logging
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from ops.localcloud.records import text
from ops.localcloud.state import State

log = logging.getLogger(__name__)

LEAST_ROOM = 1 << 20  # bytes
DATASTORE_URI = re.compile(
    r"azureml:/{1,2}(?:subscriptions/[^/]+/resourcegroups/[^/]+/"
    r"(?:providers/microsoft\.machinelearningservices/)?workspaces/[^/]+/)?"
    r"datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+)",
    re.IGNORECASE,
)


def locate(uri: str, containers: Mapping[str, str]) -> tuple[str, str]:
    """The container and prefix that an asset's URI speaks of.

    Takes the two forms in which the SDK names uploads: a datastore path (azureml://,
    with one slash or two), whose datastore `containers` maps to a container, and the
    https URL of a blob, path-style (account, container, prefix), of which only the
    path counts. ValueError for all else, and for a path that steps upwards.
    """
    if match := DATASTORE_URI.fullmatch(uri):
        if match["datastore"] not in containers:
            raise ValueError(f"{uri}: there is no datastore {match['datastore']}")
        container, path = containers[match["datastore"]], match["path"]
    else:
        url = urlsplit(uri)
        if url.scheme != "https" or len(url.path.strip("/").split("/", 2)) < 3:
            raise ValueError(f"{uri!r} is neither a datastore path nor a blob's URL")
        _, container, path = url.path.strip("/").split("/", 2)
    prefix = unquote(path).strip("/")
    if not prefix or ".." in prefix.split("/"):
        raise ValueError(f"{uri}: the path leaves its place")
    return unquote(container), prefix


class BlobStore:
    """Containers of blobs. Safe to share between threads."""

    def __init__(self, root: Path, state: State) -> None:
        self._root = root
        self._state = state
        self._incoming = root / "incoming"
        shutil.rmtree(self._incoming, ignore_errors=True)  # cut off by a dead process
        self._incoming.mkdir(parents=True)
        self._forget_lost()

    def _forget_lost(self) -> None:
        """Forget blobs whose bytes are gone: what is not there is uploaded again."""
        there = {entry.name for entry in os.scandir(self._root)}
        for container, name, file in self._state.blob_files():
            if file not in there:
                log.warning("the bytes of %s/%s are lost", container, name)
                self._state.delete_blob(container, name)

    def require_room(self) -> None:
        """Raise OSError (ENOSPC) where an upload has no chance to end well.

        Asked before one begins: azure.ai.ml waits for ever for uploads that fail.
        """
        if shutil.disk_usage(self._root).free < LEAST_ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def new_file(self) -> Path:
        """Where to write the bytes of a blob or block that is on its way in."""
        return self._incoming / uuid.uuid4().hex

    def commit(
        self,
        container: str,
        name: str,
        file: Path,
        *,
        content_type: str,
        metadata: dict[str, str],
        md5: str | None = None,
    ) -> dict[str, Any]:
        """Make a written file the blob; return its row. `md5` spares reading it."""
        before = self._state.blob(container, name)
        row = {
            "container": container,
            "name": name,
            "file": file.name,
            "size": file.stat().st_size,
            "md5": md5 or md5_of(file),
            "etag": new_etag(),
            "content_type": content_type,
            "metadata": metadata,
            "modified": text(self._state.clock.now()),
        }
        file.replace(self.path(row))
        try:
            self._state.save_blob(row)
        except BaseException:
            self.path(row).unlink()  # a full disk is the likeliest cause
            raise
        if before:
            self.path(before).unlink(missing_ok=True)
        return row

    def stage(self, container: str, name: str, block_id: str, file: Path) -> None:
        """Keep a written file as a block of a blob that is still to be committed."""
        block = self._block(container, name, block_id)
        block.parent.mkdir(parents=True, exist_ok=True)
        file.replace(block)

    def staged(self, container: str, name: str, block_id: str) -> bool:
        return self._block(container, name, block_id).exists()

    def assemble(self, container: str, name: str, block_ids: list[str]) -> Path:
        """Write staged blocks, in this order, into one new file; return it."""
        file = self.new_file()
        with file.open("wb") as target:
            for block_id in block_ids:
                with self._block(container, name, block_id).open("rb") as source:
                    shutil.copyfileobj(source, target, 1 << 20)
        return file

    def drop_blocks(self, container: str, name: str) -> None:
        """Forget the staged blocks of a blob: a commit ends their life, as on Azure."""
        folder = self._block(container, name, "").parent
        shutil.rmtree(folder, ignore_errors=True)

    def _block(self, container: str, name: str, block_id: str) -> Path:
        # Digests: neither the blob's name nor the block's may choose a path.
        blob = hashlib.sha256(f"{container}/{name}".encode()).hexdigest()
        block = hashlib.sha256(block_id.encode()).hexdigest()
        return self._root / "blocks" / blob / block

    def path(self, row: dict[str, Any]) -> Path:
        return self._root / str(row["file"])

    def delete(self, container: str, name: str) -> bool:
        row = self._state.blob(container, name)
        if row is None:
            return False
        self._state.delete_blob(container, name)
        self.path(row).unlink(missing_ok=True)
        return True

    def download(self, container: str, prefix: str, target: Path) -> int:
        """Copy the blob `prefix`, or all below it, into `target`; return how many.

        As on Azure the last part of the prefix is kept: `LocalUpload/<hash>/iris`
        arrives as `target/iris/...`. Names that would leave `target` are refused.
        """
        keep = len(PurePosixPath(prefix).parts) - 1
        count = 0
        for row in self._state.blobs(container, prefix):
            if row["name"] != prefix and not row["name"].startswith(prefix + "/"):
                continue
            parts = PurePosixPath(row["name"]).parts[keep:]
            if ".." in parts:
                raise ValueError(f"blob name {row['name']!r} leaves its folder")
            file = target.joinpath(*parts)
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.path(row), file)
            count += 1
        return count


def new_etag() -> str:
    return f"0x{uuid.uuid4().hex[:16].upper()}"


def md5_of(file: Path) -> str:
    """The base64 MD5 of a file, as Content-MD5 carries it."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "md5").digest()
    return base64.b64encode(digest).decode()
