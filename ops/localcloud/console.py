"""What instances and builders have printed: its tail, and the cause of a crash."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ops.localcloud.records import normal_id
from ops.localcloud.state import State

KEPT_BYTES = 8 << 20  # of a console log; what is older is in the log store only
TRACEBACK = "Traceback (most recent call last):"
JOINTS = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
# The inference server wraps what a script raises in one of these.
WRAPPERS = ("UserScriptException", "UserScriptImportException")
LOGGED = re.compile(r"\S+ \S+ [A-Z] \[\d+\] ")  # as the inference server logs
CHATTER = re.compile(r"\S+ \S+ [DI] \[\d+\] ")  # a log line of no consequence
EXITED = re.compile(r"Worker \(pid:\d+\) ((?:exited with code|was sent) .*)")


def console_log(directory: Path, instance_id: str) -> Path:
    return directory / "instances" / instance_id / "console.log"


def build_log(directory: Path, deployment_id: str) -> Path:
    """Where the preparation of a deployment is told (Azure's storage-initializer)."""
    *_, endpoint, _, deployment = normal_id(deployment_id).split("/")
    return directory / "builds" / f"{endpoint}.{deployment}.log"


def logs(
    state: State, directory: Path, deployment_id: str, container: str, tail: int
) -> str:
    """The last `tail` lines of a deployment's container, as getLogs answers them.

    InferenceServer: of each instance, under its name when there are several;
    StorageInitializer: of the environment's build and the download of the model.
    """
    if container == "StorageInitializer":
        return _tail(build_log(directory, deployment_id), tail)
    if container != "InferenceServer":
        raise ValueError(f"{container!r} is not InferenceServer or StorageInitializer")
    instances = state.instances(deployment_id)
    if len(instances) == 1:
        return _tail(console_log(directory, instances[0].id), tail)
    return "\n".join(
        f"==> {instance.id} ({instance.state}) <==\n"
        + _tail(console_log(directory, instance.id), tail)
        for instance in instances
    )


def _tail(path: Path, lines: int) -> str:
    return "".join(last_lines(path, lines))


def last_lines(path: Path, lines: int, block: int = 65536) -> list[str]:
    """The last lines of a file, with their ends; none of a file that is not there.

    They are looked for in its last megabytes, for there may be a hole before them.
    """
    if lines < 1 or not path.is_file():
        return []
    with path.open("rb") as stream:
        position = stream.seek(0, 2)
        floor = max(position - KEPT_BYTES, 0)
        data = b""
        while position > floor and data.count(b"\n") <= lines:
            step = min(block, position - floor)
            position = stream.seek(position - step)
            data = stream.read(step) + data
    return data.decode(errors="replace").splitlines(keepends=True)[-lines:]


def since(path: Path, offset: int, most: int = 200_000) -> str:
    """What was printed after `offset`, at most its last `most` bytes."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(offset, stream.seek(0, 2) - most))
        return stream.read().decode(errors="replace")


def cause(printed: str) -> str:
    """Why an instance died, from what it printed: the script's error, where it arose.

    The inference server reports the script's exception and then its own around it;
    the script's is told, with the last frames of its traceback. Without a traceback
    it is what gunicorn says of its worker, or the last line. "" when nothing is said.
    """
    told = [block for block in _tracebacks(printed.splitlines()) if len(block) > 1]
    own = [block for block in told if not _wraps(block)]
    if block := (own or told or [[]])[-1]:
        frames = [line for line in block if line.startswith(" ")]
        raised = [line for line in block[1:] if not line.startswith(" ")]
        return "\n".join([*raised, *frames[-4:]])
    if exits := EXITED.findall(printed):
        return f"Worker {exits[-1]}"  # not its pid: the next one dies alike
    lines = [line for line in printed.splitlines() if line.strip()]
    return lines[-1] if lines and not CHATTER.match(lines[-1]) else ""


def _tracebacks(lines: list[str]) -> Iterator[list[str]]:
    """Each traceback that was printed, from its head to its exception's last line."""
    block: list[str] | None = None
    for line in lines:
        if TRACEBACK in line:
            block = [TRACEBACK]
        elif block is not None:
            if line.strip() and line not in JOINTS and not LOGGED.match(line):
                block.append(line)
            else:
                yield block
                block = None
    if block is not None:
        yield block


def _wraps(block: list[str]) -> bool:
    raised = [line for line in block[1:] if not line.startswith(" ")]
    return bool(raised) and raised[0].split(":")[0].endswith(WRAPPERS)


class Diary:
    """A log file that is written line by line, each with its time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        self._path = path

    def write(self, line: str) -> None:
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._path.open("a") as stream:
            stream.write(f"{stamp} {line}\n")
