"""Where a rollout stands, as three tags of its endpoint say.

They are written together with the weights, so whoever reads the endpoint knows what
its weights mean, who sees to them, and which are safe when nobody does.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops import tags
from ops.endpoints import Endpoint
from ops.errors import Refused
from ops.rollouts.policy import Step
from ops.settings import who
from ops.tags import Heartbeat, Rollout
from ops.weights import Weights

# Returning: traffic goes back in parts, to a stable that is too small for all of it.
RUNNING, PAUSED, RETURNING = ACTIVE = tags.UNDER_WAY
POLICY = "policy:"  # before the name of the rule by which a rollout was paused
PROMOTED, ROLLED_BACK, ABORTED = "promoted", "rolled back", "aborted"
ENDED = (PROMOTED, ROLLED_BACK, ABORTED)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One rollout: what it does, who runs it, and when that one was last heard of."""

    id: str
    canary: str
    stable: str
    step: int  # of the policy's, from 0
    state: str  # one of ACTIVE or ENDED
    since: datetime  # when the step's weights were written
    by: str  # who has brought it into this state
    run: int = 1  # grows with each runner: what an older one writes is refused
    runner: str = ""  # who runs it: process/user@host; "" for nobody
    released: bool = False  # a person has ended this step's pause
    heartbeat: datetime | None = None
    limit_seconds: float = 0.0  # a runner that is silent for so long is dead
    safe: Weights | None = None  # the weights to go back to

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def silent_at(self) -> datetime | None:
        """When the runner counts as dead unless it is heard of before."""
        if self.heartbeat is None:
            return None
        return self.heartbeat + timedelta(seconds=self.limit_seconds)

    def silent(self, now: datetime) -> bool:
        """Whether nobody sees to it any more, though somebody should."""
        due = self.silent_at
        return self.active and (due is None or now > due)


def under_way(endpoint: Endpoint) -> Standing:
    """Where an endpoint's rollout stands; raise Refused where there is none."""
    here = read(endpoint.tags)
    if here is None or not here.active:
        last = f"; the last one was {here.state} by {whose(here.by)}" if here else ""
        raise Refused(
            f"No rollout of {endpoint.name} is under way{last}.", "invoke rollout.start"
        )
    return here


def require_none(endpoint: Endpoint) -> None:
    """Raise Refused while another rollout of the endpoint is under way."""
    here = read(endpoint.tags)
    if here and here.active:
        raise Refused(
            f"A rollout of {here.canary} is {here.state} on {endpoint.name}, step "
            f"{here.step + 1}, run by {here.runner or 'nobody'}.",
            "invoke rollout.status",
            "invoke rollout.resume   # if nobody runs it",
            "invoke rollout.abort",
        )


def require_free(endpoint: Endpoint, deployment: str) -> None:
    """Raise Refused while a rollout judges a deployment, or may go back to it."""
    here = read(endpoint.tags)
    if here and here.active and deployment in (here.canary, here.stable):
        raise Refused(
            f"A rollout of {here.canary} is {here.state} on {endpoint.name}: "
            f"{deployment} is part of it until it is over.",
            "invoke rollout.status",
            "invoke rollout.abort",
        )


def whose(by: str) -> str:
    """Who has brought a rollout into its state, as a person reads it."""
    rule = by.removeprefix(POLICY)
    return by if rule == by else f"the policy ({rule.replace('_', ' ')})"


def runs(here: Standing, now: datetime) -> bool:
    """Whether somebody runs it, as far as can be known from here."""
    return bool(here.runner) and not here.silent(now) and not gone(here.runner)


def gone(runner: str) -> bool:
    """Whether a runner was a process of this machine and is no more."""
    process, _, whose = runner.partition("/")
    here = myself().partition("/")[2]
    if whose != here or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def myself() -> str:
    """This process, as the one that runs a rollout."""
    return tags.cut(f"{os.getpid()}/{who()}", tags.WHO)


def weights_of(step: Step, canary: str, stable: str) -> Weights:
    """The weights that a step of the policy means."""
    if step.mirror_percent:
        return Weights(traffic={stable: 100}, mirror={canary: step.mirror_percent})
    shares = {stable: 100 - step.weight_percent, canary: step.weight_percent}
    return Weights(traffic={name: share for name, share in shares.items() if share})


def read(found: Mapping[str, str]) -> Standing | None:
    """What an endpoint's tags say of its rollout; None where they say nothing."""
    rollout, beat = tags.rollout(found), tags.heartbeat(found)
    if rollout is None or rollout.state not in (*ACTIVE, *ENDED):
        return None
    return Standing(
        **vars(rollout),
        heartbeat=beat.at if beat else None,
        limit_seconds=beat.limit_seconds if beat else 0.0,
        safe=tags.safe(found),
    )


def written(standing: Standing) -> dict[str, str | None]:
    """The tags to write; what has ended needs no heartbeat."""
    names = Rollout.__dataclass_fields__
    rollout = Rollout(**{name: getattr(standing, name) for name in names})
    found: dict[str, str | None] = {
        tags.ROLLOUT: tags.rolling(rollout),
        tags.HEARTBEAT: None,
        tags.SAFE: None,
    }
    if standing.active and standing.heartbeat:
        limit = standing.limit_seconds
        beat = Heartbeat(at=standing.heartbeat, limit_seconds=limit)
        found[tags.HEARTBEAT] = tags.beating(beat)
    # Whoever goes back from a promotion goes back from all of its steps.
    if standing.safe and (standing.active or standing.state == PROMOTED):
        found[tags.SAFE] = tags.written(standing.safe)
    return found
