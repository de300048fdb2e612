"""What must hold before a rollout begins; nothing is changed by looking.

The canary has given a good answer to a probe when all of it has been checked.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ops import credentials, door, endpoints, payloads, readings, specs
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import NotFound, Refused
from ops.hints import led
from ops.rollouts import canary, policyfile, probes, standing
from ops.rollouts.canary import Thresholds
from ops.rollouts.policy import Policy
from ops.rollouts.probes import Target
from ops.rollouts.records import Beginning
from ops.rollouts.shapes import Shape
from ops.settings import who
from ops.times import Span
from ops.weights import described, of

BASELINE = timedelta(hours=1)  # of stable's answers, for the thresholds of latency


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A rollout that nothing stands against."""

    policy: Policy
    beginning: Beginning
    target: Target | None  # of probes; None: none are sent
    notes: tuple[str, ...] = ()  # what will not be compared


def ready(
    workspace: Workspace,
    name: str,
    deployment: str | None = None,
    policy: str | None = None,
    reason: str = "",
) -> Ready:
    """Check all that a rollout needs; raise Refused with what stands against it.

    `policy` is the file of another policy than the endpoint's own.
    """
    path = Path(policy) if policy else None
    text, rules = policyfile.text(name, path), policyfile.load(name, path)
    endpoint, now = endpoints.get(workspace, name), workspace.now()
    door.require_unfrozen(endpoint, now)
    standing.require_none(endpoint)
    stable, chosen = pair(endpoint, deployment)
    require_flow(workspace, name)
    span = Span(start=now - BASELINE, end=now)
    limits = canary.thresholds(workspace, name, stable, span)
    target = aim(workspace, endpoint, chosen) if rules.probes_per_second else None
    shape = learned(target, stable, chosen) if target else None
    beginning = Beginning(
        id=f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}",
        stage=workspace.stage.name,
        endpoint=name,
        canary=chosen,
        stable=stable,
        started=now,
        who=who(),
        reason=reason,
        policy=text,
        limits=limits,
        shape=shape,
        safe=of(endpoint),
    )
    notes = tuple(not_compared(rules, stable, limits, shape))
    return Ready(policy=rules, beginning=beginning, target=target, notes=notes)


def pair(endpoint: Endpoint, deployment: str | None) -> tuple[str, str]:
    """Stable and canary: what has all the traffic, and what is to have it."""
    if list(endpoint.traffic.values()) != [100]:
        raise Refused(
            f"A rollout begins where one deployment has all live traffic; "
            f"{endpoint.name} has {described(endpoint.traffic)}.",
            "invoke rollback",
            f"invoke shift-traffic --set {_all_to(endpoint)}",
        )
    (stable,) = endpoint.traffic
    others = [each for each in endpoint.deployments if each != stable]
    chosen = deployment or (others[0] if len(others) == 1 else "")
    if not chosen:
        there = ", ".join(others) or "none beside it"
        raise Refused(
            f"Which deployment is to take over from {stable}? There are: {there}.",
            *(f"invoke rollout.start --deployment {each}" for each in others),
            *(f"invoke deploy --deployment {each}" for each in _files(endpoint)),
        )
    if chosen == stable:
        raise Refused(
            f"{stable} has all the live traffic already.",
            *(f"invoke rollout.start --deployment {each}" for each in others),
        )
    require_fit(endpoint, chosen)
    return stable, chosen


def _files(endpoint: Endpoint) -> list[str]:
    """The deployments that could be made beside the only one there is."""
    if len(endpoint.deployments) > 1 or endpoint.name not in specs.names():
        return []
    described = specs.load(endpoint.name).deployments
    return [each for each in described if each not in endpoint.deployments]


def require_fit(endpoint: Endpoint, name: str) -> None:
    """Raise unless a deployment is there, ready, and without mirror traffic."""
    live = endpoints.require(endpoint, name)
    if live.state != "Succeeded":
        raise Refused(
            f"{name} is {live.state}, so it can't be rolled out.",
            f"invoke logs --deployment {name}",
            "invoke status",
        )
    if endpoint.mirror:
        raise Refused(
            f"{endpoint.name} mirrors to {described(endpoint.mirror)}: a rollout would "
            "not know whose requests those are.",
            "invoke mirror --off",
        )


def require_flow(workspace: Workspace, name: str) -> None:
    """Raise Refused where request rows don't reach the log workspace."""
    if readings.REQUESTS not in readings.flowing(workspace, name):
        raise Refused(
            f"The request rows of {name} don't flow to Log Analytics, so nothing could "
            "be judged.",
            "invoke diagnostics.on   # and again when rows arrive",
        )


def aim(workspace: Workspace, endpoint: Endpoint, deployment: str) -> Target:
    """Where probes go; raise Refused where there is no request to send."""
    try:
        payload = payloads.one(None, endpoint.name, deployment)
    except NotFound as error:
        raise Refused(
            f"There is nothing to probe with: {error.problem}",
            *error.remedies,
            "probes_per_second: 0 in the policy   # then a dead one is found later",
        ) from None
    timeouts = {
        name: each.request_timeout_ms / 1000
        for name, each in endpoint.deployments.items()
    }

    def bearer() -> str:
        return credentials.bearer(workspace, endpoint)

    return Target(
        uri=endpoint.scoring_uri,
        payload=payload,
        timeouts=timeouts,
        credential=bearer,
    )


def learned(target: Target, stable: str, name: str) -> Shape | None:
    """The shape of stable's answers; raise Refused if the other's isn't like it."""
    shape = probes.learn(target, stable)
    if wrong := probes.check(target, name, shape):
        raise Refused(
            f"{name} gives no good answer to the sample request: {wrong}.",
            f"invoke score --deployment {name}",
            f"invoke logs --deployment {name}",
        )
    return shape


def not_compared(
    policy: Policy, stable: str, limits: Thresholds, shape: Shape | None
) -> list[str]:
    """What a rollout that begins now will not know, in sentences."""
    notes = [usual] if (usual := _unusual(policy, stable, limits)) else []
    if not policy.probes_per_second:
        notes.append("no probes: a dead deployment is found by its callers' requests")
    elif shape is None:
        notes.append(
            f"{stable} gives no good answer to the sample request itself: whether an "
            "answer is garbage can't be told"
        )
    return notes


def _unusual(policy: Policy, stable: str, limits: Thresholds) -> str:
    """What isn't known of latency, since stable has had too few requests; or nothing.

    A proof is about the 90th percentile. Where that is unknown there can't be one.
    """
    if not policy.judge.latency or limits.p99 != canary.NEVER:
        return ""
    served = f"{stable} has served {limits.requests} requests in the last hour"
    if limits.p90 != canary.NEVER:
        return f"{served}: slow requests are told by its p50 and p90, not by its p99"
    slow = f"{served}: what is slow isn't known, so a slow canary can go unseen"
    if not any(policy.needs_proof(index) for index in range(len(policy.steps))):
        return slow
    return (
        f"{slow}, and a healthy one isn't proven to be: a person must promote it. "
        f"Begin after some requests ({led('invoke load')}), and the rollout does"
    )


def _all_to(endpoint: Endpoint) -> str:
    """The split that gives everything to what has most."""
    shares = endpoint.traffic or dict.fromkeys(endpoint.deployments, 0)
    most = max(shares, key=lambda name: shares[name], default="blue")
    return ",".join(f"{name}={100 * (name == most)}" for name in shares) or "blue=100"
