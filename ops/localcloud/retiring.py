"""Where the logs of what is gone wait until they have been read.

An instance's folder is removed when it has ended, and a builder's log when the next
attempt begins; their last lines may not be in the log store yet. So the log is moved
here under a name that says whose it was, and who ingests it removes it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ops.localcloud.console import build_log, console_log
from ops.localcloud.records import normal_id

FOLDER = "ended"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A log to which nobody writes any more; `instance` is "" for a builder's."""

    path: Path
    endpoint: str
    deployment: str
    instance: str


def retire_console(directory: Path, deployment_id: str, instance: str) -> None:
    """Move the log of an instance that has ended out of its folder."""
    _retire(directory, console_log(directory, instance), deployment_id, instance)


def retire_build_log(directory: Path, deployment_id: str) -> None:
    _retire(directory, build_log(directory, deployment_id), deployment_id, "")


def _retire(directory: Path, log: Path, deployment_id: str, instance: str) -> None:
    *_, endpoint, _, deployment = normal_id(deployment_id).split("/")
    folder = directory / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    # Names of endpoints, deployments and instances hold no dot.
    name = f"{time.time_ns():020}.{endpoint}.{deployment}.{instance}.log"
    with suppress(FileNotFoundError):
        os.replace(log, folder / name)


def ended(directory: Path) -> Iterator[Ended]:
    """What waits to be read, oldest first."""
    for path in sorted((directory / FOLDER).glob("*.log")):
        _, endpoint, deployment, instance, _ = path.name.split(".")
        yield Ended(
            path=path, endpoint=endpoint, deployment=deployment, instance=instance
        )
