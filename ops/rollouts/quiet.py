"""While a rollout judges its canary, what the judge acts on by itself pages nobody.

Only alerts that are about the canary, and only those that the policy rolls back for:
whatever else fires still tells people. It ends with the rollout; a runner that dies
leaves it to end by its own time.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from ops.alerting import muting
from ops.alerting.muting import Mute
from ops.clients import Workspace
from ops.errors import OpsError
from ops.rollouts.policy import Policy
from ops.rollouts.standing import Standing
from ops.settings import who

LENGTH = timedelta(minutes=30)  # at least; written anew when half of it is over
LEAST_BEATS = 2


def wanted(policy: Policy, *, page: bool) -> bool:
    """Whether alerts on the canary may be left to the judge.

    Not where it does nothing about them, nor while it can't help itself.
    """
    return policy.guardrails.on_alert == "roll_back" and not page


def length(policy: Policy) -> timedelta:
    beats = timedelta(seconds=LEAST_BEATS * policy.heartbeat_seconds)
    return max(LENGTH, beats)


def due(until: datetime | None, policy: Policy, now: datetime) -> bool:
    """Whether it has to be written, for the first time or anew."""
    return until is None or until - now < length(policy) / 2


def begin(
    workspace: Workspace, endpoint: str, here: Standing, policy: Policy
) -> datetime:
    """Mute the canary's alerts for a while; return until when."""
    until = workspace.now() + length(policy)
    mute = _mute(endpoint, here, until, policy.guardrails.severity)
    muting.write(workspace, mute)
    return until


def end(workspace: Workspace, endpoint: str, here: Standing) -> None:
    """Have the canary's alerts tell people again, whoever has muted them."""
    muting.lift(workspace, _mute(endpoint, here, workspace.now()))


def over(workspace: Workspace, endpoint: str, here: Standing) -> None:
    """The same, where nothing may stand in the way: what is left ends by its time."""
    with suppress(OpsError):
        end(workspace, endpoint, here)


def _mute(
    endpoint: str, here: Standing, until: datetime, mildest: int = muting.MILDEST
) -> Mute:
    return Mute(
        endpoint=endpoint,
        until=until,
        who=who(),
        reason=f"the rollout of {here.canary} rolls back for these alerts by itself",
        deployment=here.canary,
        mildest=mildest,
        rollout=here.id,
    )
