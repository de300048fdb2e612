"""How a replay is shown."""

from typing import TYPE_CHECKING

from ops.views import render

if TYPE_CHECKING:
    from ops.rollouts.decisions import Decision
    from ops.rollouts.replay import Difference, Replay

MOST = 5  # differences of a record from itself: one is one too many


def replay(found: "Replay") -> None:
    """Whether the record's decisions are made again, and what another policy does."""
    if not (found.looks and found.since and found.until):
        render.line(f"{found.id}: no look was recorded")
        return
    span = f"{render.ago(found.since)} to {render.ago(found.until)} UTC"
    exact = "each decided again alike" if found.exact else "NOT decided again alike"
    render.line(f"{found.id}  {found.looks:,} looks, {span}: {exact}")
    for each in found.changed[:MOST]:
        _difference(each)
    if found.ended:
        render.line(f"the last: {_said(found.ended)}")
    if found.compared:
        _other(found)


def _other(found: "Replay") -> None:
    """What the other policy would have done with the same traffic."""
    if not found.other:
        render.line("the other policy decides alike at every look")
        return
    count = f"{len(found.other):,} of {found.looks:,} looks"
    render.line(f"the other policy decides otherwise at {count}, first:")
    _difference(found.other[0])
    if found.other_ended:
        render.line(f"its first that is no hold: {_said(found.other_ended)}")


def _difference(each: "Difference") -> None:
    render.line(f"  was        {_said(each.decided)}")
    render.line(f"  would be   {_said(each.instead)}")


def _said(decision: "Decision") -> str:
    action = decision.action.replace("_", " ")
    return f"{render.ago(decision.at)}  {action}: {render.clean(decision.reason)}"
