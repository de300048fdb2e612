"""What the SDK uploads of a file or folder, and a hash of it.

The same files as azure.ai.ml's own upload (its `get_upload_files_from_folder`): links
are followed, and what the folder's .amlignore keeps back, else its .gitignore, stays.
Python's leftovers don't count either: nothing that they change is the author's.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

IGNORE_FILES = (".amlignore", ".gitignore")  # the first that exists counts alone


def content(path: Path) -> str:
    """A hash of a file, or of all files of a folder that are uploaded, with names."""
    digest = hashlib.sha256()
    for name, file in files(path):
        digest.update(f"{len(name)}:{name}:{file.stat().st_size}:".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def files(path: Path) -> list[tuple[str, Path]]:
    """Each file that is uploaded, by its name below the folder, in a fixed order."""
    if path.is_file():
        return [(path.name, path)]
    kept_back, base = ignored(path), path.resolve()
    return sorted(
        (name, file)
        for name, file in _walk(path)
        if not kept_back(os.path.relpath(_real(file), base))
    )


def ignored(folder: Path) -> Callable[[str], bool]:
    """Whether a file below a folder, named by its path from there, is kept back."""
    for name in IGNORE_FILES:
        if (folder / name).exists():
            from pathspec import PathSpec

            lines = (folder / name).read_text(encoding="utf-8-sig").splitlines()
            return PathSpec.from_lines("gitignore", lines).match_file
    return lambda name: False


def _real(file: Path) -> Path:
    """Where a file's folder really is: that is what patterns are held against."""
    return file.parent.resolve() / file.name


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file, through links too; a link that leads into itself is not followed."""
    seen = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        here = Path(root)
        if here.resolve() in seen:
            folders.clear()
            continue
        seen.add(here.resolve())
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if (here / name).is_file():
                yield (here / name).relative_to(folder).as_posix(), here / name
