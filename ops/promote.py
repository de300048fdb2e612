"""Make green the one that serves: all traffic, a bake with blue kept, then blue goes.

Where it stands is in the endpoint's tags: whoever runs it again goes on from there.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops import deployments, door, endpoints, flow, tags, times, traffic, weights
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import Conflict, Interrupted, Refused, Unhealthy, UsageError
from ops.flow import Flow
from ops.proportions import VERY_SURE, difference, wilson
from ops.traffic import Approve, How, Shift
from ops.weights import Weights

VERB = "promote-green"
TAG = f"{tags.PREFIX}promote"
THEN = ("scale-down", "delete", "keep")
LOOK_SECONDS = 10.0
LEAST = timedelta(seconds=1)  # of a window: an empty one can't be asked for
MARGIN_RATIO = 0.01  # of requests that may fail more than before, for sure
ALONE_RATIO = 0.05  # of requests that may fail where nothing was before
SLOWER = 3.0  # times the mean latency of before
TIMED = 100  # requests that a mean latency takes


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A promotion under way, as the tags keep it."""

    canary: str
    began: datetime
    until: datetime  # the end of the bake
    then: str
    back: Weights  # what to go back to
    base: Flow  # how what served before did

    @property
    def old(self) -> tuple[str, ...]:
        """What served before and does so no more."""
        return tuple(sorted(name for name in self.back.traffic if name != self.canary))


@dataclass(frozen=True, kw_only=True)
class Baking:
    """One look at the bake."""

    canary: str
    left: timedelta
    seen: Flow
    unknown: str = ""


def run(
    workspace: Workspace,
    name: str,
    *,
    canary: str,
    bake: timedelta,
    then: str,
    approve: Approve,
    reason: str = "",
    dry_run: bool = False,
) -> Iterator[Shift | Baking | str]:
    """Promote, watch, and do away with what served before; yield each event.

    Raise Unhealthy once traffic has gone back because the canary got sick, Interrupted
    at Ctrl-C with the state that is left.
    """
    found = under_way(endpoints.get(workspace, name))
    if found and found.canary == canary:
        yield f"going on with the promotion of {found.began:%F %T} UTC"
    else:
        found = yield from _begin(
            workspace, name, canary, bake, then, approve, reason, dry_run
        )
    if found is None or dry_run:
        return
    try:
        yield from _bake(workspace, name, found)
    except KeyboardInterrupt:
        raise Interrupted(
            f"{canary} has the traffic of {name}; {', '.join(found.old) or 'nothing'} "
            f"is kept as it was. The bake ends at {found.until:%F %T} UTC, and nobody "
            "watches it now.",
            "invoke promote-green   # goes on",
            "invoke rollback",
        ) from None
    yield from _finish(workspace, name, found, reason)


def under_way(endpoint: Endpoint) -> Promotion | None:
    """The promotion that the tags tell of, if the weights are still its own."""
    found = decoded(endpoint.tags.get(TAG, ""))
    if found and endpoint.traffic == {found.canary: 100}:
        return found
    return None


def sick(state: str, seen: Flow, base: Flow) -> str:
    """Why to go back; "" while nothing speaks for it."""
    if state == "Failed":
        return "it is Failed"
    if base.requests and seen.requests:
        pair = (seen.errors, seen.requests), (base.errors, base.requests)
        if difference(*pair, VERY_SURE).low > MARGIN_RATIO:
            return (
                f"{seen.errors:,} of {seen.requests:,} requests failed, where it was "
                f"{base.errors:,} of {base.requests:,} before"
            )
    elif wilson(seen.errors, seen.requests, VERY_SURE).low > ALONE_RATIO:
        return f"{seen.errors:,} of {seen.requests:,} requests failed"
    timed = min(seen.requests, base.requests) >= TIMED
    if timed and seen.mean_ms > SLOWER * base.mean_ms:
        return f"it takes {seen.mean_ms:.0f} ms, {base.mean_ms:.0f} ms before"
    return ""


def without(traffic: Mapping[str, int], canary: str) -> dict[str, int]:
    """The others' percentages, made to sum to 100 in the same proportion."""
    others = {name: share for name, share in traffic.items() if name != canary}
    whole = sum(others.values())
    exact = {name: 100 * share / whole for name, share in others.items()}
    given = {name: int(share) for name, share in exact.items()}
    cut = sorted(exact, key=lambda name: given[name] - exact[name])
    for name in cut[: 100 - sum(given.values())]:
        given[name] += 1
    return given


def then(text: str) -> str:
    if text not in THEN:
        raise UsageError(f"--then takes one of {', '.join(THEN)}, not {text!r}.")
    return text


def bake(text: str) -> timedelta:
    return times.duration(text, "--bake")


def encoded(promotion: Promotion) -> str:
    base = promotion.base
    facts = (
        promotion.canary,
        tags.stamp(promotion.began),
        tags.stamp(promotion.until),
        promotion.then,
        f"{base.errors}/{base.requests}/{base.mean_ms:.1f}",
        tags.written(promotion.back),
    )
    return "|".join(facts)


def decoded(text: str) -> Promotion | None:
    try:
        canary, began, until, then, base, back = text.split("|")
        errors, requests, mean = base.split("/")
        kept = tags.weights(back)
        if kept is None:
            return None
        return Promotion(
            canary=canary,
            began=tags.moment(began),
            until=tags.moment(until),
            then=then,
            back=kept,
            base=Flow(
                requests=int(requests),
                live=int(requests),
                errors=int(errors),
                mean_ms=float(mean),
            ),
        )
    except ValueError:
        return None


def _begin(
    workspace: Workspace,
    name: str,
    canary: str,
    bake: timedelta,
    then: str,
    approve: Approve,
    reason: str,
    dry_run: bool,
) -> Generator[Shift, None, Promotion | None]:
    """Give the canary all traffic; return None for a plan alone."""
    endpoint = endpoints.get(workspace, name)
    _require_others(endpoint, canary)

    def all_of_it(live: Endpoint) -> Weights:
        return Weights(traffic={canary: 100})

    planned = traffic.plan(workspace, name, all_of_it, verb=VERB)
    yield planned
    approve(f"promote {canary} of {name}: {planned.before} to {planned.after}")
    if dry_run:
        return None
    now = workspace.now()
    back = without(planned.before.traffic, canary)
    promotion = Promotion(
        canary=canary,
        began=now,
        until=now + bake,
        then=then,
        back=Weights(traffic=back),
        base=flow.together(planned.recent.flows.get(each) for each in back),
    )
    kept = {TAG: encoded(promotion)}
    yield traffic.carry_out(workspace, planned, reason=reason, tags=kept)
    return promotion


def _bake(
    workspace: Workspace, name: str, promotion: Promotion
) -> Iterator[Baking | Shift]:
    """Look until the bake is over; raise Unhealthy once it has gone back."""
    while True:
        now, endpoint = workspace.now(), endpoints.get(workspace, name)
        if under_way(endpoint) is None:
            raise Conflict(
                f"The weights of {name} were changed meanwhile, to "
                f"{weights.of(endpoint)}: the promotion ends here.",
                "invoke history",
            )
        recent = flow.recent(workspace, name, now, now - promotion.began + LEAST)
        seen = flow.together([recent.flows.get(promotion.canary)])
        state = endpoint.deployments[promotion.canary].state
        if why := sick(state, seen, promotion.base):
            yield _back(workspace, name, promotion, why)
            raise Unhealthy(
                f"{promotion.canary} got sick: {why}. {name} is back at "
                f"{promotion.back}.",
                f"invoke diagnose   # what is wrong with {promotion.canary}",
                f"invoke logs --deployment {promotion.canary}",
            )
        left = max(promotion.until - now, timedelta())
        yield Baking(
            canary=promotion.canary, left=left, seen=seen, unknown=recent.unknown
        )
        if not left:
            require_known(name, promotion, recent.unknown)
            return
        workspace.wait(min(LOOK_SECONDS, left.total_seconds()))


def require_known(name: str, promotion: Promotion, unknown: str) -> None:
    """Raise Unhealthy rather than retire what served before upon no knowledge."""
    if not unknown or promotion.then == "keep":
        return
    raise Unhealthy(
        f"How {promotion.canary} of {name} does is not known: {unknown}. It has the "
        f"traffic, and {', '.join(promotion.old)} is kept as it was.",
        "invoke promote-green   # goes on, once it can be known",
        "invoke rollback",
    )


def _back(workspace: Workspace, name: str, promotion: Promotion, why: str) -> Shift:
    """Give the traffic back to what served before, whatever stands against it."""
    return traffic.change(
        workspace,
        name,
        lambda endpoint: promotion.back,
        verb=VERB,
        reason=f"{door.WENT_BACK}{why}",
        how=How(urgent=True, force=True),
        tags={TAG: None},
    )


def _finish(
    workspace: Workspace, name: str, promotion: Promotion, reason: str
) -> Iterator[Any]:
    """Do with what served before as was asked; the tag goes last."""
    because = reason or f"{promotion.canary} is promoted"
    for old in promotion.old:
        live = endpoints.get(workspace, name).deployments.get(old)
        if live is None or promotion.then == "keep":
            continue
        if promotion.then == "delete":
            yield deployments.delete(workspace, name, live, reason=because)
        else:
            yield deployments.scale(workspace, name, old, 1, reason=because)
    door.tag(workspace, name, {TAG: None}, VERB)
    yield f"{promotion.canary} of {name} is promoted"


def _require_others(endpoint: Endpoint, canary: str) -> None:
    endpoints.require(endpoint, canary)
    if any(name != canary for name in endpoint.traffic):
        return
    raise Refused(
        f"No other deployment of {endpoint.name} has live traffic: there is nothing "
        f"that {canary} could be promoted over, or go back to.",
        "invoke status",
    )
