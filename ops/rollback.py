"""Back to weights that were there before: what a person does when green is broken.

It needs neither this machine's journal nor a healthy green; it needs that what gets the
traffic back can take it and is not the sicker one.
"""

from typing import TYPE_CHECKING

from ops import history, journal, reversal, tags, weights
from ops.endpoints import Endpoint
from ops.errors import Refused, UsageError
from ops.flow import Flow, Recent, together
from ops.hints import again, hint
from ops.proportions import VERY_SURE, difference, wilson
from ops.rollouts import standing
from ops.rollouts.standing import Standing
from ops.tags import Change
from ops.traffic import Decide, How
from ops.weights import Weights

if TYPE_CHECKING:
    from ops.clients import Workspace

DEEP = 500  # entries of the journal that --to looks through


def decide(
    workspace: "Workspace", name: str, to: int | None, step: bool = False
) -> Decide:
    """What a rollback does: the last change undone, one step of it, or back to one."""
    if to and step:
        raise UsageError("rollback takes --to or --step, not both.")
    older = journal.entries(workspace.stage.name, name, DEEP) if to else []

    def back(endpoint: Endpoint) -> Weights:
        if to is None:
            return possible(endpoint, before_last(endpoint, step=step))
        rows = history.merged(older, tags.changes(endpoint.tags), [], name)
        return possible(endpoint, history.numbered(rows, to))

    return back


def how(force: bool) -> How:
    """A rollback goes while frozen, and ends a rollout; only --force lets it hurt."""
    return How(force=force, urgent=True, healthy=None if force else require_healthier)


def before_last(endpoint: Endpoint, *, step: bool = False) -> Weights:
    """The weights before the last change; before a rollout where that was one.

    Those there are where the last change went back itself. With `step` those before
    the last single change that is in force.
    """
    here = standing.read(endpoint.tags)
    if here and here.active and here.safe:
        _require_whole(endpoint, here, step)
        return here.safe  # a step further back would still leave traffic to the canary
    kept = reversal.changes(endpoint.tags)
    now = weights.of(endpoint)
    if not kept:
        raise Refused(
            f"{endpoint.name} has no record of a change of weights to go back from.",
            "invoke history",
            "invoke shift-traffic --green 0",
        )
    latest = kept[0]
    if latest.after and latest.after.traffic != now.traffic:
        return latest.after  # the last change was made outside of the toolkit
    if not step and reversal.is_back(latest, here):
        return now  # it is back already: a second time would be forward again
    in_force = reversal.in_force(kept)
    stack = in_force.changes
    if not stack:
        return now
    if step:
        return _known(endpoint, stack[-1])
    if latest.verb == reversal.STEP and not in_force.partly:
        return now  # the step was the whole of a change
    return _before(endpoint, stack, kept, here)


def _before(
    endpoint: Endpoint, stack: list[Change], kept: list[Change], here: Standing | None
) -> Weights:
    """The weights from before the last change in force, a rollout taken as one."""
    steps = reversal.unit(stack)
    if not reversal.cut_off(steps, kept):
        return _known(endpoint, steps[0])
    if here and here.state == standing.PROMOTED and here.safe:
        return here.safe
    raise Refused(
        f"The rollout of {endpoint.name} began more than {tags.RING} changes ago: its "
        "tags don't know any more what was before it.",
        "invoke history",
        "invoke rollback --step",
    )


def _require_whole(endpoint: Endpoint, here: Standing, step: bool) -> None:
    if step:
        raise Refused(
            f"A rollout of {here.canary} is {here.state} on {endpoint.name}: going "
            "back one step would leave it to go on from there.",
            "invoke rollback   # ends it, and gives all traffic back",
            "invoke rollout.pause",
        )


def _known(endpoint: Endpoint, change: Change) -> Weights:
    """The weights before a change; raise Refused where the tags can't hold them."""
    if change.before is None:
        raise Refused(
            f"The weights before {change.verb} (#{change.fence}) of {endpoint.name} "
            "were of too many deployments to be kept in its tags.",
            "invoke history   # on the machine of " + change.who,
            "invoke status   # what there is for shift-traffic --set",
        )
    return change.before


def possible(endpoint: Endpoint, wanted: Weights) -> Weights:
    """The weights, without a mirror that can't be: traffic must not wait for it."""
    mirrored = {
        name: share
        for name, share in wanted.mirror.items()
        if (live := endpoint.deployments.get(name)) and live.ready
    }
    return Weights(traffic=wanted.traffic, mirror=mirrored if wanted.traffic else {})


def require_healthier(before: Weights, after: Weights, recent: Recent) -> list[str]:
    """Raise Refused for what would make it worse; return what is worth knowing."""
    if before == after:
        further = f"{hint('history')} has the numbers to go further back to, by --to"
        return [f"it is back already; {further}"]
    if before.traffic and not after.traffic:
        raise Refused(
            "That would take all live traffic away: everyone would get 404.",
            "invoke history   # has the numbers for rollback --to",
            again("--force"),
        )
    losing = weights.losses(before.traffic, after.traffic)
    lost = together(recent.flows.get(name) for name in losing)
    unknown = []
    for name in weights.gains(before.traffic, after.traffic):
        own = recent.flows.get(name)
        if own is None or not own.requests:
            unknown.append(f"{name} has served nothing lately: its health is not known")
        elif sicker(own, lost):
            raise Refused(
                f"{name} is sicker than what it would replace: it fails "
                f"{_ratio(own)}, {', '.join(sorted(losing))} {_ratio(lost)}.",
                f"invoke diagnose   # what is wrong with {name}",
                "invoke history   # has the numbers for rollback --to",
                again("--force"),
            )
    return [] if recent.unknown else unknown


def sicker(one: Flow, other: Flow) -> bool:
    """Whether it fails more of its requests, and chance alone can't explain it."""
    pair = (one.errors, one.requests), (other.errors, other.requests)
    return bool(other.requests) and difference(*pair, VERY_SURE).low > 0


def _ratio(flow: Flow) -> str:
    sure = wilson(flow.errors, flow.requests)
    percent = 100 * flow.errors / flow.requests if flow.requests else 0.0
    between = f"{100 * sure.low:.1f}..{100 * sure.high:.1f}"
    return f"{percent:.1f}% of {flow.requests:,} requests ({between})"
