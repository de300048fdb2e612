"""Rules about weights: where traffic goes, and how one side does beside the other."""

from datetime import timedelta
from math import sqrt

from ops.diagnosis.facts import Facts, Finding, plural, rows, total
from ops.endpoints import Deployment
from ops.journal import Entry
from ops.measures import Latency, Outcome, enough

LONG_MIRROR = timedelta(days=1)
ENOUGH_TO_COMPARE = 100  # requests, before a split is judged
SLOWER, SLOWER_MS = 1.5, 20  # both must hold
MORE_ERRORS, LEAST_ERRORS = 2.0, 5


def nowhere_to_go(facts: Facts) -> Finding | None:
    """404: no deployment has weight, or the one that was named isn't there."""
    found = facts.of("", 404)
    if not found:
        return None
    if not facts.endpoint.traffic and not _while_there_was_weight(facts, found):
        ready = next((d.name for d in facts.deployments if d.ready), "blue")
        return Finding(
            severity="serious",
            title=f"no deployment has traffic: {plural(total(found), 'request')} "
            "answered 404",
            evidence=[*rows(found), "traffic: none"],
            cause="every weight is 0, or the deployment that had it was deleted",
            next=[f"invoke shift-traffic --set {ready}=100{facts.flags}"],
        )
    return Finding(
        severity="warning",
        title=f"{plural(total(found), 'request')} named a deployment that isn't there",
        evidence=rows(found),
        cause="a caller's azureml-model-deployment header names a deployment that was "
        "deleted, or there was no weight at the time",
        next=[f"invoke status{facts.flags}"],
    )


def _while_there_was_weight(facts: Facts, found: list[Outcome]) -> bool:
    """Whether all were answered before the last weight was taken away."""
    emptied = [
        entry.at
        for entry in facts.history
        if isinstance(entry.after, dict) and entry.after.get("traffic") == {}
    ]
    lasts = [each.last for each in found if each.last]
    return bool(emptied and lasts) and max(lasts) < max(emptied)


def no_weights(facts: Facts) -> Finding | None:
    """Deployments, but no traffic to any of them."""
    found = facts.of("", 404)
    if facts.endpoint.traffic or (found and not _while_there_was_weight(facts, found)):
        return None
    names = [each.name for each in facts.deployments]
    first = next((d.name for d in facts.deployments if d.ready), None)
    return Finding(
        severity="warning",
        title="no deployment has traffic" if names else "there is no deployment",
        evidence=[f"traffic: none; deployments: {', '.join(names) or 'none'}"],
        cause="nothing was shifted to it yet; every request is answered 404",
        next=[
            f"invoke shift-traffic --set {first}=100{facts.flags}"
            if first
            else f"invoke deploy{facts.flags}"
        ],
    )


def silence(facts: Facts) -> Finding | None:
    """Weights, and not one request."""
    if not facts.endpoint.traffic or facts.outcomes or facts.unread:
        return None
    minutes = round(facts.window.minutes)
    return Finding(
        severity="note",
        title=f"no request came in the last {minutes} minutes",
        evidence=[f"traffic: {_weights(facts.endpoint.traffic)}"],
        cause="nobody calls it, callers use another address, or the rows are not here "
        "yet (on Azure they take some minutes)",
        next=[f"invoke score{facts.flags}"],
    )


def mirror_left_on(facts: Facts) -> Finding | None:
    """A copy of live requests still goes somewhere."""
    if not facts.endpoint.mirror:
        return None
    name, share = next(iter(facts.endpoint.mirror.items()))
    entry = next((e for e in facts.history if e.verb == "mirror"), None)
    for_long = entry is None or facts.window.until - entry.at > LONG_MIRROR
    since = f"since {entry.at:%Y-%m-%d %H:%M} UTC" if entry else "for longer than this "
    told = [f"{since} by {entry.who}"] if entry else [f"{since}journal knows"]
    return Finding(
        severity="warning" if for_long else "note",
        title=f"{share}% of the requests are mirrored to {name}",
        deployment=name,
        evidence=told,
        cause="a trial that was not ended; copies cost instances and bandwidth",
        next=[f"invoke mirror --off{facts.flags}"],
    )


def split_off(facts: Facts) -> Finding | None:
    """The observed shares lie outside what the weights make likely."""
    weights = facts.endpoint.traffic
    seen = live_since_change(facts)
    whole = sum(seen.values())
    if not weights or whole < ENOUGH_TO_COMPARE:
        return None
    lines = []
    for name in sorted({*weights, *seen}):
        wanted, share = weights.get(name, 0) / 100, seen.get(name, 0) / whole
        slack = max(3 * sqrt(wanted * (1 - wanted) / whole), 0.05)
        if abs(share - wanted) > slack:
            lines.append(
                f"{name}: weight {wanted:.0%}, observed {share:.1%} "
                f"({seen.get(name, 0):,} of {whole:,})"
            )
    if not lines:
        return None
    return Finding(
        severity="warning",
        title="the observed split is not that of the weights",
        evidence=lines,
        cause="callers name a deployment (the azureml-model-deployment header passes "
        "the weights by), or a deployment turns requests away",
        next=[f"invoke status{facts.flags}", f"invoke metrics{facts.flags}"],
    )


def live_since_change(facts: Facts) -> dict[str, int]:
    """Live requests by deployment in the whole minutes since the weights changed."""
    shifts = [e.at for e in facts.history if weights_changed(e)]
    start = max([facts.window.since, *shifts]) + timedelta(minutes=1)
    seen: dict[str, int] = {}
    for point in facts.points:
        if point.at >= start and point.deployment:
            seen[point.deployment] = seen.get(point.deployment, 0) + point.live
    return seen


def away(facts: Facts, deployment: Deployment) -> str:
    """How to take a deployment's traffic away; how to mend it where it has none."""
    name = deployment.name
    others = [each.name for each in facts.deployments if each.ready]
    steady = next((other for other in others if other != name), None)
    if not facts.endpoint.traffic.get(name) or steady is None:
        return f"invoke deploy --deployment {name}{facts.flags}"
    return f"invoke shift-traffic --set {steady}=100,{name}=0{facts.flags}"


def weights_changed(entry: Entry) -> bool:
    """Whether a change moved live traffic: a shift, or the first deploy."""
    if entry.verb == "shift-traffic":
        return True
    before, after = (
        part.get("traffic") if isinstance(part, dict) else None
        for part in (entry.before, entry.after)
    )
    return entry.verb == "deploy" and before != after


def worse_than_the_other(facts: Facts) -> Finding | None:
    """One deployment much slower, or failing much more, than the one beside it."""
    served = [d.name for d in facts.deployments if facts.requests(d.name)]
    if len(served) < 2:
        return None
    steady = max(served, key=lambda name: facts.endpoint.traffic.get(name, 0))
    for name in served:
        lines = _slower(facts, name, steady) + _more_errors(facts, name, steady)
        if name != steady and lines:
            return Finding(
                severity="warning",
                title=f"{name} does worse than {steady}",
                deployment=name,
                evidence=lines,
                cause="the counts as they are, no verdict: few requests scatter widely",
                next=[
                    f"invoke metrics{facts.flags}",
                    f"invoke shift-traffic --set {steady}=100,{name}=0{facts.flags}"
                    if facts.endpoint.traffic.get(name)
                    else f"invoke logs --deployment {name}{facts.flags}",
                ],
            )
    return None


def _slower(facts: Facts, name: str, steady: str) -> list[str]:
    mine, other = facts.latencies.get(name), facts.latencies.get(steady)
    p95, base = enough(mine).get(95), enough(other).get(95)
    if p95 is None or base is None or p95 < SLOWER * base or p95 - base < SLOWER_MS:
        return []
    return [f"p95 {p95:.0f} ms {_of(mine)}, {steady} {base:.0f} ms {_of(other)}"]


def _more_errors(facts: Facts, name: str, steady: str) -> list[str]:
    def errors(which: str) -> tuple[int, int]:
        own = facts.of(which)
        return total([o for o in own if o.status >= 400]), total(own)

    (bad, whole), (base_bad, base) = errors(name), errors(steady)
    if bad < LEAST_ERRORS or bad / whole < MORE_ERRORS * base_bad / base:
        return []
    return [f"{bad:,} of {whole:,} failed, {steady} {base_bad:,} of {base:,}"]


def _of(latency: Latency | None) -> str:
    return f"({plural(latency.count, 'request')})" if latency else ""


def _weights(traffic: dict[str, int]) -> str:
    return ", ".join(f"{name} {share}%" for name, share in sorted(traffic.items()))


RULES = [
    nowhere_to_go,
    no_weights,
    split_off,
    worse_than_the_other,
    mirror_left_on,
    silence,
]
