"""Read YAML that a person wrote: bounded, safe, and with every mistake named.

Every YAML file of a project comes in here, so the limits are in one place. They are of
three kinds: what may be opened (a regular file of at most MAX_BYTES), how deep it may
nest, and how many values its aliases stand for. The last two are counted while the
parser reads, before anything is built.
"""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ops.errors import InvalidSpec, NotFound
from ops.settings import shown

# Azure Resource Manager takes no request over 4 MB (Azure: Resource Manager limits).
MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 100
MAX_ALIASED = 10_000  # values that all aliases of a file stand for

# The parser in C is ten times as fast; PyYAML can be built without it.
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds one mapping; raise NotFound or InvalidSpec."""
    return parse_yaml(read_text(path), shown(path))


def read_text(path: Path) -> str:
    """The text of a regular file of at most MAX_BYTES; raise NotFound or InvalidSpec.

    What is no regular file is never opened: a FIFO would wait for ever for its writer.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InvalidSpec([f"{shown(path)}: is {_kind(status.st_mode)}, no file"])
        if status.st_size > MAX_BYTES:
            raise InvalidSpec([_too_large(shown(path), status.st_size)])
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"{shown(path)} does not exist.") from None
    except (UnicodeDecodeError, OSError) as error:
        raise _unreadable(shown(path), error) from None


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """YAML that holds one mapping; raise InvalidSpec, which names where it is from."""
    data = parse_any(text, where)
    if not isinstance(data, dict):
        content = "nothing" if data is None else type(data).__name__
        raise InvalidSpec([f"{where}: holds {content}, not keys and values"])
    return data


def parse_any(text: str, where: str) -> Any:
    """YAML of any kind, within the limits; raise InvalidSpec."""
    if len(text) > MAX_BYTES:
        raise InvalidSpec([_too_large(where, len(text))])
    try:
        for problem in _excesses(yaml.parse(text, Loader=_Safe)):
            raise InvalidSpec([f"{where}: {problem}"])
        # Its loader is safe_load's, but for keys that are given twice.
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:  # a date that isn't one: ValueError
        raise _unreadable(where, error) from None


def _excesses(events: Iterator[Any]) -> Iterator[str]:
    """What is over a limit, as soon as it is."""
    sizes: dict[str, int] = {}  # of what an anchor names, its aliases written out
    anchors: list[str | None] = []  # of the collections that are open
    counts = [0]  # values within each of them
    aliased = 0
    for event in events:
        match event:
            case yaml.CollectionStartEvent():
                anchors.append(event.anchor)
                counts.append(1)
            case yaml.CollectionEndEvent():
                size = counts.pop()
                counts[-1] += size
                if anchor := anchors.pop():
                    sizes[anchor] = size
            case yaml.ScalarEvent():
                counts[-1] += 1
                if event.anchor:
                    sizes[event.anchor] = 1
            case yaml.AliasEvent():
                size = sizes.get(event.anchor, 1)
                counts[-1] += size
                aliased += size
                if event.anchor in anchors:
                    yield f"{_at(event)}: *{event.anchor} contains itself"
        if len(anchors) > MAX_DEPTH:
            yield f"{_at(event)}: nests deeper than {MAX_DEPTH} levels"
        if aliased > MAX_ALIASED:
            most = f"{MAX_ALIASED:,}"
            yield f"{_at(event)}: its aliases stand for more than {most} values"


def _at(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a FIFO" if stat.S_ISFIFO(mode) else "a device or socket"


def _too_large(where: str, size: int) -> str:
    return (
        f"{where}: has {size / 2**20:.1f} MB; a file may have "
        f"{MAX_BYTES / 2**20:.0f} MB, as Azure takes no larger request"
    )


def _unreadable(where: str, error: Exception) -> InvalidSpec:
    reason = " ".join(str(error).split()).replace(' in "<unicode string>",', " at")
    return InvalidSpec([f"{where}: can't be read as YAML: {reason}"])


class _Loader(_Safe):  # type: ignore[misc]  # PyYAML has no types
    """Safe, and refuses a key that is given twice: the last one would win unseen."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} is given twice",
                    problem_mark=key.start_mark,
                )
            seen.add(key.value if isinstance(key.value, str) else id(key))
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping
