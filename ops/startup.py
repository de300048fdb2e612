"""What is known of a deployment while it is being made, said as it becomes known.

Azure gives a deployment many minutes before it says that it failed. Its events tell
much sooner that an instance is killed again and again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ops import readings
from ops.errors import OpsError
from ops.measures import Event, Window

if TYPE_CHECKING:
    from ops.clients import Workspace

LOOK_SECONDS = 10.0
# A readiness probe that fails is how a slow start looks; these are no way to start.
TROUBLE = ("BackOff", "LivenessProbeFailed", "OOMKilled")
GRAIN = timedelta(minutes=1)


def awaited(
    workspace: "Workspace", endpoint: str, deployment: str, poller: Any
) -> Iterator[str]:
    """Wait for an operation; yield what its deployment's events say, each once."""
    since, said = workspace.now(), ""
    while True:
        poller.wait(LOOK_SECONDS)
        if poller.done():
            return
        text = seen(_events(workspace, endpoint, since), deployment)
        if text and text != said:
            said = text
            yield text


def seen(events: Sequence[Event], deployment: str) -> str:
    """What goes wrong with a deployment's start, in a line; "" while nothing does."""
    own = [e for e in events if e.deployment == deployment and e.name in TROUBLE]
    if not own:
        return ""
    counts = Counter(each.name for each in own)
    told = ", ".join(f"{name} {count}x" for name, count in counts.most_common())
    last = own[-1]
    return f"{told}; {last.at:%H:%M:%S} {last.instance}: {last.message}"


def _events(workspace: "Workspace", endpoint: str, since: datetime) -> list[Event]:
    """The events since a moment; none where they can't be read."""
    window = Window(since=since, until=workspace.now() + GRAIN, grain=GRAIN)
    try:
        return readings.events(workspace, endpoint, window)
    except OpsError:
        return []
