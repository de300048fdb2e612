"""Keep a deployment's count for a time, whatever its autoscale rules say.

By a profile with fixed dates: the engine itself goes back when they are over, so
nothing has to be remembered and no machine has to stay on.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ops import door, endpoints
from ops.autoscaling.deployed import NOTE, SUSPENDED, Setting, require, url
from ops.autoscaling.setting import MOST_PROFILES
from ops.clients import Workspace
from ops.endpoints import MOST_INSTANCES
from ops.errors import Refused, UsageError
from ops.settings import who
from ops.times import duration

LONGEST = timedelta(days=30)  # a longer one belongs into the file
MOST_NOTE = 256  # characters of a tag; Azure's limit


@dataclass(frozen=True, kw_only=True)
class Pause:
    """A count that is kept for a time, or the end of one (no `until`)."""

    deployment: str
    count: int = 0
    until: datetime | None = None


def suspend(
    workspace: Workspace,
    endpoint_name: str,
    deployment: str,
    length: timedelta,
    count: int | None = None,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> Pause:
    """Pin the count, the present one unless another is given, for a time."""
    setting = require(workspace, endpoint_name, deployment)
    endpoint = endpoints.get(workspace, endpoint_name)
    pinned = count or endpoints.require(endpoint, deployment).instances
    now = workspace.now()
    pause = Pause(deployment=deployment, count=pinned, until=now + length)
    others = [each for each in setting.profiles if each["name"] != SUSPENDED]
    if len(others) >= MOST_PROFILES:
        raise Refused(
            f"{setting.name} has {len(others)} profiles, and Azure takes no more: "
            "there is no room for one that suspends it.",
            f"invoke autoscale.delete --deployment {deployment}",
        )
    if dry_run:
        return pause
    note = f"{who()}: {reason}" if reason else who()
    fixed = [pinning(pinned, now, now + length), *others]
    written(workspace, endpoint_name, setting, fixed, note, "autoscale.suspend", reason)
    return pause


def resume(
    workspace: Workspace,
    endpoint_name: str,
    deployment: str,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> Pause:
    """End a suspension before its time."""
    setting = require(workspace, endpoint_name, deployment)
    if setting.suspended(workspace.now()) is None:
        raise Refused(f"{deployment} is not suspended.", "invoke autoscale.show")
    others = [each for each in setting.profiles if each["name"] != SUSPENDED]
    if not dry_run:
        verb = "autoscale.suspend"
        written(workspace, endpoint_name, setting, others, "", verb, reason)
    return Pause(deployment=deployment)


def written(
    workspace: Workspace,
    endpoint_name: str,
    setting: Setting,
    profiles: list[dict[str, Any]],
    note: str,
    verb: str,
    reason: str,
) -> None:
    """PUT a setting with other profiles, all else as it is."""
    properties = {**setting.properties, "profiles": profiles}
    kept = {k: v for k, v in (setting.body.get("tags") or {}).items() if k != NOTE}
    body = {
        "location": setting.body["location"],
        "tags": {**kept, NOTE: note[:MOST_NOTE]} if note else kept,
        "properties": properties,
    }
    with door.opened(workspace, endpoint_name, verb) as it:
        what = {setting.deployment: note or "resumed"}
        with it.journalled(reason, wanted=what) as record:
            workspace.put(url(workspace, setting.name), body)
            record.after = what


def pinning(count: int, start: datetime, end: datetime) -> dict[str, Any]:
    """The profile that keeps a count; a minute early, for clocks that differ."""
    form = "%Y-%m-%dT%H:%M:%SZ"
    early = start - timedelta(minutes=1)
    return {
        "name": SUSPENDED,
        "capacity": dict.fromkeys(("minimum", "maximum", "default"), str(count)),
        "rules": [],
        "fixedDate": {
            "timeZone": "UTC",
            "start": early.astimezone(UTC).strftime(form),
            "end": end.astimezone(UTC).strftime(form),
        },
    }


def length(text: str | None) -> timedelta:
    """What --for asks for; raise UsageError."""
    if not text:
        raise UsageError("For how long? Say --for 2h.")
    found = duration(text, "--for")
    if not timedelta(minutes=1) <= found <= LONGEST:
        raise UsageError(f"--for takes 1m to {LONGEST.days}d, not {text}.")
    return found


def count(text: str | None) -> int | None:
    """What --instances asks for; raise UsageError outside 1 to 50."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MOST_INSTANCES:
        raise UsageError(f"--instances takes 1 to {MOST_INSTANCES}, not {text!r}.")
    return int(text)
