"""Mirror live requests to a deployment, for a time that ends.

Azure ends nothing by itself. The time stands in the endpoint's tags, and whoever comes
by after it ends the mirror: the next changing verb, a watchdog, or --wait.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops import times, traffic, weights
from ops.clients import Workspace
from ops.errors import Interrupted, UsageError
from ops.hints import hint
from ops.traffic import Approve, How, Shift

VERB = "mirror"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to mirror, for how long, and whether to stay until it ends."""

    percentages: dict[str, int]
    lasts: timedelta | None
    wait: bool


def asked(
    green: str | None, pair: str | None, off: bool, lasts: str | None, wait: bool
) -> Asked:
    """What the flags ask for; raise UsageError."""
    percentages = weights.mirrored(green, pair, off)
    if not any(percentages.values()) and (lasts or wait):
        raise UsageError("--for and --wait go with a percentage, not with --off.")
    return Asked(
        percentages=percentages,
        lasts=times.duration(lasts, "--for") if lasts else None,
        wait=wait,
    )


def run(
    workspace: Workspace,
    name: str,
    asked: Asked,
    *,
    approve: Approve,
    reason: str = "",
    dry_run: bool = False,
) -> Iterator[Shift | str]:
    """Yield the plan and what was done; with `wait` stay and end it."""
    how = How(mirror_for=asked.lasts)
    decide = traffic.mirror(asked.percentages)
    planned = traffic.plan(workspace, name, decide, verb=VERB, how=how)
    yield planned
    approve(f"mirror traffic of {name}: {weights.described(planned.after.mirror)}")
    done = traffic.carry_out(
        workspace, planned, how=how, reason=reason, dry_run=dry_run
    )
    if done.done:
        yield done
    if asked.wait and planned.after.mirror and not dry_run:
        yield from until_over(workspace, done)


def until_over(workspace: Workspace, done: Shift) -> Iterator[str]:
    """Wait until the time of mirror traffic is over, and end it; say so."""
    until = done.mirror_until
    if until is None:
        return
    yield f"waiting until {until:%F %T} UTC; Ctrl-C leaves it to others to end it"
    try:
        while (left := (until - workspace.now()).total_seconds()) > 0:
            workspace.wait(left)
    except KeyboardInterrupt:
        raise _left(done.endpoint, until) from None
    ended = traffic.clear_due_mirror(workspace, done.endpoint)
    yield "ended" if ended else "somebody else has changed it: left as it is"


def _left(name: str, until: datetime) -> Interrupted:
    return Interrupted(
        f"{name} is still mirrored. After {until:%F %T} UTC the next changing verb, or "
        f"{hint('watchdog')}, ends it.",
        "invoke mirror --off",
    )
