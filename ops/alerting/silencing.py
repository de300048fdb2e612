"""Mute alerts for a time, and let them be heard again before it is over."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ops import door, endpoints, suggestions, times
from ops.alerting import muting
from ops.alerting.compiling import LOG_RULES, METRIC_RULES
from ops.alerting.monitor import Live, Monitor
from ops.alerting.muting import Mute
from ops.clients import Workspace
from ops.errors import NotFound, Refused, UsageError
from ops.hints import hint
from ops.settings import who

LONGEST = timedelta(days=7)  # a rule that is never to be heard belongs changed
LEAST = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be muted, and for how long."""

    length: timedelta
    rule: str
    deployment: str
    reason: str


def asked(
    for_: str | None, rule: str | None, deployment: str | None, every: bool, reason: str
) -> Asked:
    """What the flags of alerts.mute mean; raise UsageError."""
    example = 'invoke alerts.mute --all --for 30m --reason "load test"'
    if bool(rule) == every:
        raise UsageError("Which alerts? Say --rule NAME or --all.", example)
    if not for_:
        raise UsageError("For how long? Say --for 30m.", example)
    if not reason.strip():
        raise UsageError(
            "alerts.mute needs a --reason: others will ask why nobody was told.",
            example,
        )
    found = times.duration(for_, "--for")
    if not LEAST <= found <= LONGEST:
        raise UsageError(f"--for takes 1m to {LONGEST.days}d, not {for_}.")
    return Asked(
        length=found,
        rule=rule or "",
        deployment=deployment or "",
        reason=reason.strip(),
    )


def mute(
    workspace: Workspace, endpoint: str, wanted: Asked, *, dry_run: bool = False
) -> Mute:
    """Have what fires from now on tell nobody, for a time."""
    live = endpoints.get(workspace, endpoint)
    if wanted.deployment:
        endpoints.require(live, wanted.deployment)
    made = Mute(
        endpoint=endpoint,
        until=workspace.now() + wanted.length,
        who=who(),
        reason=wanted.reason,
        rule=wanted.rule,
        deployment=wanted.deployment,
    )
    rules = _rules(workspace, endpoint)
    ids = _ids(rules, endpoint, wanted.rule) if wanted.rule else []
    scopes = [
        *(
            f"{workspace.id}/{endpoints.path(endpoint, each)}"
            for each in live.deployments
        ),
        *(scope for each in rules for scope in each.body["properties"]["scopes"]),
    ]
    if not dry_run:
        muting.sweep(workspace)
        until = {made.what: f"muted until {made.until:%F %T} UTC"}
        with door.noted(
            workspace, endpoint, "alerts.mute", made.reason, wanted=until
        ) as change:
            muting.write(workspace, made, scopes, ids)
            change.after = until
    return made


def unmute(
    workspace: Workspace,
    endpoint: str,
    rule: str | None,
    *,
    every: bool,
    reason: str = "",
    dry_run: bool = False,
) -> list[Mute]:
    """End what people have muted; a rollout's own ends with it."""
    there = muting.live(workspace, endpoint)
    own = [each for each in there if not each.rollout]
    found = [each for each in own if every or each.rule == (rule or each.rule)]
    if not found:
        raise _not_muted(endpoint, rule, there)
    if len(found) > 1 and not (every or rule):
        names = ", ".join(each.what for each in found)
        raise UsageError(f"Which one? Say --rule NAME or --all: {names}.")
    for each in found if not dry_run else ():
        over: dict[str, Any] = {each.what: "told again"}
        with door.noted(
            workspace, endpoint, "alerts.unmute", reason, wanted=over
        ) as change:
            muting.lift(workspace, each)
            change.after = over
    if not dry_run:
        muting.sweep(workspace)
    return found


def _not_muted(endpoint: str, rule: str | None, there: list[Mute]) -> Refused:
    names = ", ".join(each.what for each in there if not each.rollout)
    told = f"muted: {names}" if names else "nothing of it is muted"
    if any(each.rollout for each in there):
        told += ", but by a rollout, which ends that itself"
    return Refused(
        f"{rule or endpoint} is not muted; {told}.",
        "invoke alerts.list",
    )


def _rules(workspace: Workspace, endpoint: str) -> list[Live]:
    """Ours of an endpoint."""
    found = Monitor(workspace).list(LOG_RULES, METRIC_RULES)
    return [each for each in found if each.endpoint == endpoint]


def _ids(rules: list[Live], endpoint: str, rule: str) -> list[str]:
    """The ARM ids of a rule; raise NotFound with those there are."""
    found = [each.id for each in rules if each.rule == rule]
    if not found:
        known = sorted({each.rule for each in rules})
        there = ", ".join(known) or f"none: {hint('alerts.apply')} makes them"
        raise NotFound(
            f"{endpoint} has no rule {rule!r} (there are: {there}).",
            *suggestions.remedies(rule, known),
        )
    if len(found) > muting.MOST_VALUES:
        raise Refused(
            f"{rule} is {len(found)} rules on Azure, and one condition takes "
            f"{muting.MOST_VALUES}.",
            'invoke alerts.mute --all --for 30m --reason "..."',
        )
    return found
