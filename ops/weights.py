"""Weights: how many percent of the requests a deployment gets, live or mirrored.

The rules are pure: what Azure refuses, and what would hurt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ops import endpoints
from ops.endpoints import Endpoint, positive
from ops.errors import Refused, UsageError

MOST_MIRRORED = 50  # percent; Azure: how-to-safely-rollout-online-endpoints


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Percentages by deployment; zeros are left out."""

    traffic: dict[str, int]
    mirror: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        mirrored = f", mirror {described(self.mirror)}" if self.mirror else ""
        return described(self.traffic) + mirrored


def of(endpoint: Endpoint) -> Weights:
    """The weights that an endpoint has."""
    return Weights(traffic=endpoint.traffic, mirror=endpoint.mirror)


def check(endpoint: Endpoint, wanted: Weights) -> Weights:
    """The weights to write, zeros left out; raise Refused with the rule against it."""
    live = check_split(endpoint, wanted.traffic)
    given = Weights(traffic=live, mirror=positive(wanted.mirror))
    if given.mirror == endpoint.mirror and not set(live) & set(given.mirror):
        return given  # a rollback must not fail for what is mirrored already
    return Weights(traffic=live, mirror=check_mirror(endpoint, given))


def check_split(endpoint: Endpoint, asked: Mapping[str, int]) -> dict[str, int]:
    """The live weights to write; raise Refused or NotFound."""
    if negative := [f"{name} {share}" for name, share in asked.items() if share < 0]:
        raise Refused(f"A percentage can't be negative: {', '.join(negative)}.")
    total = sum(asked.values())
    if total not in (0, 100):
        listed = " + ".join(f"{name} {share}" for name, share in asked.items())
        raise Refused(
            f"The percentages must sum to 100 (or all be 0): {listed} = {total}."
        )
    for name, share in asked.items():
        if not share and name not in endpoint.deployments:
            continue  # --green 0 where there is no green (any more)
        endpoints.require(endpoint, name)
        if share > endpoint.traffic.get(name, 0):
            require_ready(endpoint, name)
    return positive(dict(asked))


def require_ready(endpoint: Endpoint, name: str) -> None:
    """Only what gains must be ready: a rollback may leave a broken deployment."""
    deployment = endpoints.require(endpoint, name)
    if not deployment.ready:
        raise Refused(
            f"{name} is {deployment.state}, so it can't take more traffic "
            f"on {endpoint.name}.",
            f"invoke logs --deployment {name}",
            "invoke status",
        )


def check_mirror(endpoint: Endpoint, wanted: Weights) -> dict[str, int]:
    """The mirror to write: Azure allows one deployment, 50 %, without live traffic."""
    mirror = positive(wanted.mirror)
    if len(mirror) > 1:
        raise Refused("Azure mirrors to one deployment at a time.")
    for name, share in mirror.items():
        deployment = endpoints.require(endpoint, name)
        if not 0 < share <= MOST_MIRRORED:
            raise Refused(
                f"Azure mirrors at most {MOST_MIRRORED}% of traffic, not {share}%."
            )
        if not deployment.ready:
            raise Refused(
                f"{name} is {deployment.state}, so it can't be mirrored to.",
                f"invoke logs --deployment {name}",
            )
        if live := wanted.traffic.get(name):
            raise Refused(
                f"{name} would have {live}% of live traffic and be mirrored to "
                f"({share}%): Azure gives a deployment live or mirror traffic, not "
                "both.",
                "invoke mirror --off",
                *_away(name, live, wanted.traffic),
            )
        if not wanted.traffic:
            raise Refused(f"{endpoint.name} has no live traffic to mirror.")
    return mirror


def gains(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What gets more than before, with its new percentage."""
    return {n: share for n, share in after.items() if share > before.get(n, 0)}


def losses(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What gets less than before, with its new percentage."""
    return {
        n: after.get(n, 0) for n, share in before.items() if share > after.get(n, 0)
    }


def described(weights: Mapping[str, int]) -> str:
    shares = (f"{name} {share}%" for name, share in sorted(weights.items()))
    return ", ".join(shares) or "none"


def _away(name: str, share: int, traffic: Mapping[str, int]) -> list[str]:
    """The command that gives a deployment's traffic to the one that has most else."""
    others = {n: s for n, s in traffic.items() if n != name and s}
    most = max(others, key=lambda each: others[each], default="")
    split = f"{most}={others.get(most, 0) + share},{name}=0"
    return [f"invoke shift-traffic --set {split}"] if most else []


def examples(endpoint: str) -> list[str]:
    """How to say a split, with the names that an endpoint's files have."""
    from ops import specs

    known = specs.deployments(endpoint) if endpoint else []
    if len(known) < 2 or {"blue", "green"} <= set(known):
        two = "invoke shift-traffic --set blue=80,green=20"
        return ["invoke shift-traffic --green 20", two]
    return [f"invoke shift-traffic --set {known[0]}=80,{known[1]}=20"]


def percentages(
    green: str | None, pairs: str | None, endpoint: str = ""
) -> dict[str, int]:
    """The split that --green 20 or --set a=10,b=90 asks for; raise UsageError."""
    if (green is None) == (pairs is None):
        raise UsageError(
            "shift-traffic takes either --green or --set.",
            *examples(endpoint),
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
                examples(endpoint)[-1],
            )
        asked[name] = percentage(f"--set {name}", text)
    return asked


def mirrored(green: str | None, pair: str | None, off: bool) -> dict[str, int]:
    """What --green 10, --set name=10 or --off asks to mirror; raise UsageError."""
    if sum((green is not None, pair is not None, off)) != 1:
        raise UsageError(
            "mirror takes one of --green, --set and --off.",
            "invoke --help mirror",
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
