"""Undo the last change, whatever it was; or say plainly that it can't be."""

from collections.abc import Iterator
from typing import Any

from ops import (
    deployments,
    diagnostics,
    freeze,
    history,
    reversal,
    rollback,
    shifting,
)
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import Refused
from ops.history import Row
from ops.rollouts import standing
from ops.traffic import Approve
from ops.weights import Weights

LOOK = 30  # how many changes to look through for the last one that did something
# Why not, and what to do instead.
NEVER = {
    "deploy": (
        "what was served before is not kept by Azure under the same name",
        "invoke deploy{whose}   # from the files as they were",
        "invoke rollback   # if it is the traffic that should go back",
    ),
    "delete-deployment": (
        "a deleted deployment is gone",
        "invoke deploy{whose}",
    ),
    "delete-endpoint": ("a deleted endpoint is gone", "invoke deploy{whose}"),
    "autoscale.apply": (
        "autoscale.yaml says how it scales",
        "invoke autoscale.apply   # from the file as it was",
    ),
    "autoscale.delete": (
        "autoscale.yaml says how it scales",
        "invoke autoscale.apply",
    ),
    "autoscale.suspend": (
        "it ends by itself, and has a verb to end it before",
        "invoke autoscale.suspend{whose} --off",
    ),
    "alerts.apply": (
        "the files in alerts/ say what there is",
        "invoke alerts.apply   # from the files as they were",
    ),
    "keys.rotate": (
        "the old key is gone for good",
        "invoke keys --show-keys   # what clients need now",
    ),
}
# Journalled, but no change of the endpoint.
NOTHING = ("load", "alerts.ack", "alerts.close", "alerts.mute", "alerts.unmute")


def last(workspace: Workspace, name: str) -> Row:
    """The last change that did something; raise Refused where there is none."""
    for row in history.of(workspace, name, LOOK):
        if row.outcome in ("done", "not known") and row.verb not in NOTHING:
            return row
    raise Refused(f"There is no change of {name} to undo.", "invoke history")


def run(
    workspace: Workspace,
    name: str,
    row: Row,
    *,
    approve: Approve,
    reason: str = "",
    dry_run: bool = False,
) -> Iterator[Any]:
    """Yield what is done to undo a change; raise Refused where it can't be undone."""
    _require_known(name, row)
    reason = reason or f"undo of {described(row)}"
    if isinstance(row.after, dict) and "traffic" in row.after:
        yield from shifting.run(
            workspace,
            name,
            lambda endpoint: rollback.possible(endpoint, before(endpoint, row)),
            verb=reversal.REDO if row.verb in reversal.BACKWARD else reversal.UNDO,
            approve=approve,
            how=rollback.how(force=False),
            reason=reason,
            dry_run=dry_run,
        )
        return
    approve(f"undo {described(row)} on {name}")
    yield _other(workspace, name, row, reason, dry_run)


def described(row: Row) -> str:
    """`scale (#12) of 2026-11-25 14:02:11 UTC by mara@desk`."""
    number = f" (#{row.number})" if row.number else ""
    return f"{row.verb}{number} of {row.at:%F %T} UTC by {row.who}"


def before(endpoint: Endpoint, row: Row) -> Weights:
    """The weights before a change of weights; a rollout is one change.

    Raises Refused where undoing it would give traffic to what was judged.
    """
    here = standing.read(endpoint.tags)
    if here and here.active:
        raise Refused(
            f"A rollout of {here.canary} is {here.state} on {endpoint.name}: its steps "
            "are one change, which is not over.",
            "invoke rollback   # ends it, and gives all traffic back",
            "invoke rollout.status",
        )
    if reversal.judged(row.verb, row.reason, here):
        raise Refused(
            f"{described(row)} took traffic back from what was tried: to undo it would "
            "give that its traffic again, with nobody watching.",
            "invoke diagnose   # what was wrong",
            "invoke rollout.start   # to try again, judged from the first step on",
        )
    if row.verb == reversal.ROLLOUT:
        return rollback.before_last(endpoint)
    return Weights(traffic=row.before["traffic"], mirror=row.before.get("mirror", {}))


def _other(
    workspace: Workspace, name: str, row: Row, reason: str, dry_run: bool
) -> Any:
    """Undo what is no change of weights."""
    how: dict[str, Any] = {"reason": reason, "dry_run": dry_run}
    if row.verb == "scale":
        ((deployment, count),) = row.before.items()
        return deployments.scale(workspace, name, deployment, count, **how)
    if row.verb == "diagnostics.on":
        return diagnostics.turn_off(workspace, name, **how)
    if row.verb == "diagnostics.off":
        return diagnostics.turn_on(workspace, name, **how)
    if not isinstance(row.before, dict) or "freeze" not in row.before:
        raise Refused(
            f"{described(row)} can't be undone by this verb: it knows changes of "
            "weights, scale, freeze and diagnostics.",
            "invoke history",
        )
    was = row.before["freeze"]
    if dry_run:
        return f"{name} would be {'frozen again' if was else 'unfrozen'}"
    return freeze.restore(workspace, name, was, verb=reversal.UNDO, reason=reason)


def _whose(row: Row) -> str:
    """The flag that names the deployment that a change was of, if it is known."""
    states = [each for each in (row.after, row.before) if isinstance(each, dict)]
    names = (name for each in states for name in each)
    name = next((each for each in names if each not in ("traffic", "mirror")), "")
    return f" --deployment {name}" if name else ""


def _require_known(name: str, row: Row) -> None:
    what = described(row)
    if row.verb in NEVER:
        why, *remedies = NEVER[row.verb]
        led = (each.format(whose=_whose(row)) for each in remedies)
        raise Refused(f"{what} can't be undone: {why}.", *led)
    if row.told_by == "activity log":
        raise Refused(
            f"The last change of {name}, {what}, was not made on this machine: what "
            "it changed is not known.",
            "invoke rollback   # to the weights before it",
            "invoke status",
        )
    if row.before is None:
        raise Refused(f"{what} can't be undone: what was before is not known.")
