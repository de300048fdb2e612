"""Back to weights that were there before: what a person does when green is broken.

It needs neither this machine's journal nor a healthy green; it needs that what gets the
traffic back can take it and is not the sicker one.
"""

from typing import TYPE_CHECKING

from ops import door, history, journal, tags, weights
from ops.endpoints import Endpoint
from ops.errors import Refused
from ops.flow import Flow, Recent, together
from ops.proportions import VERY_SURE, difference, wilson
from ops.rollouts import standing
from ops.rollouts.standing import Standing
from ops.tags import Change
from ops.traffic import Decide, How
from ops.weights import Weights

if TYPE_CHECKING:
    from ops.clients import Workspace

VERB = "rollback"
ROLLOUT = "rollout"
BACKWARD = (VERB, "rollout.abort", "watchdog")
WENT_BACK = (standing.ROLLED_BACK, standing.ABORTED)
DEEP = 500  # entries of the journal that --to looks through


def decide(workspace: "Workspace", name: str, to: int | None) -> Decide:
    """What a rollback does to an endpoint: the last change undone, or back to one."""
    older = journal.entries(workspace.stage.name, name, DEEP) if to else []

    def back(endpoint: Endpoint) -> Weights:
        if to is None:
            return possible(endpoint, before_last(endpoint))
        rows = history.merged(older, tags.changes(endpoint.tags), [], name)
        return possible(endpoint, history.numbered(rows, to))

    return back


def how(force: bool) -> How:
    """A rollback goes while frozen, and ends a rollout; only --force lets it hurt."""
    return How(force=force, urgent=True, healthy=None if force else require_healthier)


def before_last(endpoint: Endpoint) -> Weights:
    """The weights before the last change, or before the rollout that is under way.

    Those there are where the last change went back itself.
    """
    here = standing.read(endpoint.tags)
    if here and here.active and here.safe:
        return here.safe  # a step further back would still leave traffic to the canary
    kept = [each for each in tags.changes(endpoint.tags) if each.verb != door.LIMIT]
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
    if _went_back(here, latest):
        return now  # it is back already: a second time would be forward again
    if latest.before is None:
        raise Refused(
            f"The weights before {latest.verb} (#{latest.fence}) of {endpoint.name} "
            "were of too many deployments to be kept in its tags.",
            "invoke history   # on the machine of " + latest.who,
            "invoke shift-traffic --set ...",
        )
    return latest.before


def _went_back(here: Standing | None, latest: Change) -> bool:
    """Whether the last change gave traffic back, by a person, a rollout or watchdog."""
    if latest.verb == ROLLOUT:
        return here is not None and here.state in WENT_BACK
    return latest.verb in BACKWARD or latest.reason.startswith(door.WENT_BACK)


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
        return ["it is back already; `invoke rollback --to N` goes further back"]
    if before.traffic and not after.traffic:
        raise Refused(
            "That would take all live traffic away: everyone would get 404.",
            "invoke rollback --to N   # of invoke history",
            "the same with --force",
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
                "invoke rollback --to N   # of invoke history",
                "the same with --force",
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
