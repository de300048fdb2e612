"""The bytes behind blob storage: files named by chance, found through the state.

A blob's name never becomes a path here, so no name can reach outside the store. A
write is complete or absent: bytes first, then one row that makes them the blob.
"""

import base64
import hashlib
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ops.localcloud.records import text
from ops.localcloud.state import State


class BlobStore:
    """Containers of blobs. Safe to share between threads."""

    def __init__(self, root: Path, state: State) -> None:
        self._root = root
        self._state = state
        root.mkdir(parents=True, exist_ok=True)

    def new_file(self) -> Path:
        """Where to write the bytes of a blob or block that is on its way in."""
        return self._root / uuid.uuid4().hex

    def commit(
        self,
        container: str,
        name: str,
        file: Path,
        *,
        content_type: str,
        metadata: dict[str, str],
    ) -> dict[str, Any]:
        """Make a written file the blob; return its row."""
        before = self._state.blob(container, name)
        row = {
            "container": container,
            "name": name,
            "file": file.name,
            "size": file.stat().st_size,
            "md5": md5_of(file),
            "etag": f"0x{uuid.uuid4().hex[:16].upper()}",
            "content_type": content_type,
            "metadata": metadata,
            "modified": text(datetime.now(UTC)),
        }
        self._state.save_blob(row)
        if before:
            self.path(before).unlink(missing_ok=True)
        return row

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


def md5_of(file: Path) -> str:
    """The base64 MD5 of a file, as Content-MD5 carries it."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "md5").digest()
    return base64.b64encode(digest).decode()
