"""The log files of instances and builders: whose they are, and where to read on."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ops.localcloud.clock import Clock
from ops.localcloud.console import build_log, console_log
from ops.localcloud.logstore import Position
from ops.localcloud.records import Instance, Resource
from ops.localcloud.retiring import Ended

SERVER, BUILDER = "inference-server", "storage-initializer"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A log file of a deployment: an instance's console, or a builder's diary."""

    key: str
    path: Path
    deployment: str  # its id, lower case
    instance: str
    container: str
    ended: bool  # nobody writes to it now
    begun: datetime | None = None  # when its first line can have been written
    retired: bool = False  # to be removed once it is read


def of_instance(directory: Path, instance: Instance, clock: Clock) -> Source:
    return Source(
        key=f"console:{instance.id}",
        path=console_log(directory, instance.id),
        deployment=instance.deployment,
        instance=instance.id,
        container=SERVER,
        ended=instance.pid is None,
        begun=instance.started and clock.shown(instance.started),
    )


def of_builder(directory: Path, deployment: Resource) -> Source:
    return Source(
        key=f"build:{deployment.id}",
        path=build_log(directory, deployment.id),
        deployment=deployment.id,
        instance="",
        container=BUILDER,
        ended=False,
        begun=deployment.created,
    )


def of_ended(one: Ended, workspace: str) -> Source:
    id_ = f"{workspace}/onlineendpoints/{one.endpoint}/deployments/{one.deployment}"
    return Source(
        key=f"console:{one.instance}" if one.instance else f"build:{id_}",
        path=one.path,
        deployment=id_,
        instance=one.instance,
        container=SERVER if one.instance else BUILDER,
        ended=True,
        retired=True,
    )


def start(
    source: Source,
    file: os.stat_result,
    known: Position | None,
    since: datetime | None,
    retired: Iterable[int],
) -> Position | None:
    """Where to read on in a source's file; None: not before an older one is read.

    A position names its file by inode, for a builder's log is another file at each
    attempt; `retired` are the inodes of files that wait to be read to their end. A
    file that nothing is known of is read from its beginning if all in it was written
    since `since`, else from its present end.
    """
    if known and known.segment == file.st_ino and known.offset <= file.st_size:
        return known
    if known and known.segment in retired and not source.retired:
        return None
    whole = (
        known is not None
        or source.retired
        or since is None
        or (source.begun is not None and source.begun >= since)
    )
    stamp = known.stamp if known else None
    return Position(
        segment=file.st_ino, offset=0 if whole else file.st_size, stamp=stamp
    )


def inodes(retired: Iterable[Source]) -> Mapping[str, set[int]]:
    """The inodes of the files that wait to be read, by source."""
    found: dict[str, set[int]] = {}
    for source in retired:
        if source.path.is_file():
            found.setdefault(source.key, set()).add(source.path.stat().st_ino)
    return found
