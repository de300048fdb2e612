"""Freeze an endpoint: for a time, nothing is changed but by a rollback."""

from datetime import timedelta

from ops import door, endpoints, tags, times
from ops.clients import Workspace
from ops.errors import Refused, UsageError
from ops.settings import who
from ops.tags import Freeze

LONGEST = timedelta(days=31)


def freeze(
    workspace: Workspace,
    name: str,
    lasts: timedelta,
    *,
    reason: str,
    dry_run: bool = False,
) -> str:
    """Refuse changes from now on for a time, by the service's clock; say so.

    One that is frozen already is frozen by the new reason, until the new time.
    """
    endpoints.get(workspace, name)
    until = workspace.now() + lasts
    text = tags.frozen(Freeze(until=until, who=who(), reason=reason))
    said = f"frozen until {until:%F %T} UTC: {reason}"
    if dry_run:
        return f"{name} would be {said}"
    _write(workspace, name, "freeze", text, reason)
    return f"{name} is {said}"


def unfreeze(
    workspace: Workspace, name: str, *, reason: str = "", dry_run: bool = False
) -> str:
    """End a freeze; say so."""
    found = tags.freeze(endpoints.get(workspace, name).tags)
    if found is None:
        return f"{name} is not frozen"
    if dry_run:
        return f"{name} would be unfrozen ({found.reason})"
    _write(workspace, name, "unfreeze", None, reason)
    return f"{name} is unfrozen ({found.reason})"


def restore(
    workspace: Workspace, name: str, text: str | None, *, verb: str, reason: str
) -> str:
    """Put back the freeze that was there before; say so."""
    found = tags.freeze({tags.FREEZE: text or ""})
    if found and found.until <= workspace.now():
        raise Refused(f"The freeze of {name} would be over by now: {found.reason}")
    _write(workspace, name, verb, text, reason)
    return f"{name} is frozen again: {found.reason}" if found else f"{name} is unfrozen"


def lasts(text: str) -> timedelta:
    """How long --for asks for."""
    found = times.duration(text, "--for")
    if found > LONGEST:
        raise UsageError(f"--for takes up to {LONGEST.days}d, not {text}.")
    return found


def reason(text: str) -> str:
    """The --reason, without which nobody would know whether to unfreeze."""
    if not text.strip():
        raise UsageError(
            "freeze needs a --reason: others will ask why they are refused.",
            'invoke freeze --reason "audit" --for 8h',
        )
    return text.strip()


def _write(
    workspace: Workspace, name: str, verb: str, text: str | None, reason: str
) -> None:
    with door.opened(workspace, name, verb, while_frozen=True) as live:
        before = {"freeze": live.endpoint.tags.get(tags.FREEZE)}
        wanted = {"freeze": text}
        with live.journalled(reason, before=before, wanted=wanted) as change:
            door.write_tags(live, {tags.FREEZE: text})
            change.after = wanted
