"""Split live traffic between deployments, and mirror it. Every traffic write is here.

Azure has no PATCH for traffic and no ETag: a change reads the endpoint, checks, writes
all of it back, and reads until Azure shows what was written.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops import endpoints, journal
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import Conflict, Refused, UsageError

READ_BACK_SECONDS = 60.0
MOST_MIRRORED = 50  # percent; Azure: how-to-safely-rollout-online-endpoints


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A change of weights, live or mirrored, in percent by deployment."""

    endpoint: str
    what: str  # traffic, mirror traffic
    before: dict[str, int]
    after: dict[str, int]

    @property
    def changes(self) -> bool:
        return self.before != self.after


def shift(
    workspace: Workspace,
    name: str,
    asked: Mapping[str, int],
    *,
    reason: str = "",
    dry_run: bool = False,
) -> Shift:
    """Give deployments the percentages asked for; return once Azure shows them.

    Raises Refused where a rule stands against it, Conflict where another writer
    changed the weights meanwhile.
    """
    endpoint = endpoints.get(workspace, name)
    planned = _shift(endpoint, check_split(endpoint, asked))
    if dry_run or not planned.changes:
        return planned
    with journal.change(
        "shift-traffic", workspace.stage.name, name, reason, at=workspace.now()
    ) as record:
        endpoint = endpoints.get(workspace, name)  # again: now under the lock
        planned = _shift(endpoint, check_split(endpoint, asked))
        record.before = planned.before
        write(workspace, endpoint, traffic=planned.after)
        record.after = planned.after
    return planned


def mirror(
    workspace: Workspace,
    name: str,
    asked: Mapping[str, int],
    *,
    reason: str = "",
    dry_run: bool = False,
) -> Shift:
    """Copy a percentage of live requests to one deployment; {} ends it."""
    endpoint = endpoints.get(workspace, name)
    wanted = check_mirror(endpoint, asked)
    planned = Shift(
        endpoint=name, what="mirror traffic", before=endpoint.mirror, after=wanted
    )
    if dry_run or not planned.changes:
        return planned
    with journal.change(
        "mirror", workspace.stage.name, name, reason, at=workspace.now()
    ) as record:
        endpoint = endpoints.get(workspace, name)
        record.before = endpoint.mirror
        write(workspace, endpoint, mirror=check_mirror(endpoint, asked))
        record.after = wanted
    return planned


def write(
    workspace: Workspace,
    endpoint: Endpoint,
    *,
    traffic: dict[str, int] | None = None,
    mirror: dict[str, int] | None = None,
) -> None:
    """PUT the endpoint with other weights and read until Azure shows them."""
    wanted = (
        endpoint.traffic if traffic is None else traffic,
        endpoint.mirror if mirror is None else mirror,
    )
    workspace.put(endpoints.path(endpoint.name), with_weights(endpoint.body, *wanted))
    deadline = time.monotonic() + READ_BACK_SECONDS
    pause = 0.05
    while True:
        # A read can still show the old weights: stale until the deadline.
        seen = endpoints.to_endpoint(workspace.get(endpoints.path(endpoint.name)), {})
        if (seen.traffic, seen.mirror) == wanted:
            return
        if time.monotonic() > deadline:
            raise Conflict(
                f"{endpoint.name} shows {described(seen.traffic)}, mirror "
                f"{described(seen.mirror)}, where {described(wanted[0])}, mirror "
                f"{described(wanted[1])} was written: another writer was faster.",
                "invoke status",
                "invoke history",
            )
        time.sleep(pause)
        pause = min(pause * 2, 5.0)


def percentages(green: str | None, pairs: str | None) -> dict[str, int]:
    """The split that --green 20 or --set a=10,b=90 asks for; raise UsageError."""
    if (green is None) == (pairs is None):
        raise UsageError(
            "shift-traffic takes either --green or --set.",
            "invoke shift-traffic --green 20",
            "invoke shift-traffic --set blue=80,green=20",
        )
    if green is not None:
        share = percentage("--green", green)
        return {"blue": 100 - share, "green": share}
    asked: dict[str, int] = {}
    for pair in str(pairs).split(","):
        name, equals, text = pair.strip().partition("=")
        if not equals or not name or name in asked:
            raise UsageError(
                f"--set takes each deployment once, as name=percentage, not {pair!r}.",
                "invoke shift-traffic --set blue=80,green=20",
            )
        asked[name] = percentage(f"--set {name}", text)
    return asked


def mirrored(green: str | None, pair: str | None, off: bool) -> dict[str, int]:
    """What --green 10, --set name=10 or --off asks to mirror; raise UsageError."""
    if sum((green is not None, pair is not None, off)) != 1:
        raise UsageError(
            "mirror takes one of --green, --set and --off.",
            "invoke mirror --green 10",
            "invoke mirror --off",
        )
    if off:
        return {}
    name, _, text = ("green", "", green) if pair is None else pair.partition("=")
    return {name: percentage("--green" if pair is None else f"--set {name}", str(text))}


def percentage(flag: str, text: str) -> int:
    digits = str(text).strip().removesuffix("%")
    if not (digits.isascii() and digits.isdigit()) or int(digits) > 100:
        raise UsageError(
            f"{flag} takes a whole percentage from 0 to 100, not {text!r}."
        )
    return int(digits)


def check_split(endpoint: Endpoint, asked: Mapping[str, int]) -> dict[str, int]:
    """The weights to write, zeros left out; raise Refused with the rule against it."""
    total = sum(asked.values())
    if total not in (0, 100):
        listed = " + ".join(f"{name} {share}" for name, share in asked.items())
        raise Refused(
            f"The percentages must sum to 100 (or all be 0): {listed} = {total}."
        )
    for name, share in asked.items():
        gains = share > endpoint.traffic.get(name, 0)
        if not share and name not in endpoint.deployments:
            continue  # --green 0 where there is no green (any more)
        deployment = endpoints.require(endpoint, name)
        # Only what gains must be ready: a rollback may leave a broken deployment.
        if gains and not deployment.ready:
            raise Refused(
                f"{name} is {deployment.state}, so it can't take more traffic "
                f"on {endpoint.name}.",
                f"invoke logs --deployment {name}",
                "invoke status",
            )
        if gains and endpoint.mirror.get(name):
            raise Refused(
                f"{name} is mirrored to ({endpoint.mirror[name]}%): Azure gives a "
                "deployment live or mirror traffic, not both.",
                "invoke mirror --off",
            )
    return endpoints.positive(dict(asked))


def check_mirror(endpoint: Endpoint, asked: Mapping[str, int]) -> dict[str, int]:
    """The mirror to write: Azure allows one deployment, 50 %, without live traffic."""
    wanted = endpoints.positive(dict(asked))
    if len(wanted) > 1:
        raise Refused("Azure mirrors to one deployment at a time.")
    for name, share in wanted.items():
        deployment = endpoints.require(endpoint, name)
        if share > MOST_MIRRORED:
            raise Refused(
                f"Azure mirrors at most {MOST_MIRRORED}% of traffic, not {share}%."
            )
        if not deployment.ready:
            raise Refused(
                f"{name} is {deployment.state}, so it can't be mirrored to.",
                f"invoke logs --deployment {name}",
            )
        if endpoint.traffic.get(name):
            raise Refused(
                f"{name} has {endpoint.traffic[name]}% of live traffic: Azure gives a "
                "deployment live or mirror traffic, not both.",
                "invoke shift-traffic   # away from it first",
            )
        if not endpoint.traffic:
            raise Refused(f"{endpoint.name} has no live traffic to mirror.")
    return wanted


def with_weights(
    body: dict[str, Any], traffic: dict[str, int], mirror: dict[str, int]
) -> dict[str, Any]:
    """A GET's body as the PUT that changes nothing but the weights."""
    read_only = ("provisioningState", "scoringUri", "swaggerUri")
    kept = {k: v for k, v in body["properties"].items() if k not in read_only}
    identity = body.get("identity") or {}
    assigned = identity.get("userAssignedIdentities")
    if assigned:  # a PUT takes the ids alone, without what Azure says of them
        identity = {**identity, "userAssignedIdentities": {key: {} for key in assigned}}
    written = ("type", "userAssignedIdentities")
    return {
        "location": body.get("location"),
        "tags": body.get("tags") or {},
        "kind": body.get("kind"),
        "identity": {k: v for k, v in identity.items() if k in written} or None,
        "properties": {**kept, "traffic": traffic, "mirrorTraffic": mirror},
    }


def described(weights: Mapping[str, int]) -> str:
    shares = (f"{name} {share}%" for name, share in sorted(weights.items()))
    return ", ".join(shares) or "none"


def _shift(endpoint: Endpoint, after: dict[str, int]) -> Shift:
    return Shift(
        endpoint=endpoint.name, what="traffic", before=endpoint.traffic, after=after
    )
