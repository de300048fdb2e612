"""Rules about how a deployment answers, by the status codes of Azure's own table.

Azure: how-to-troubleshoot-online-endpoints, "HTTP status codes": on a managed endpoint
whatever the model answers short of 200 is a 424, with the model's own status beside it.
"""

from ops.diagnosis import capacity, scripts, versions, weights
from ops.diagnosis.facts import Facts, Finding, Severity, plural, rows, total
from ops.endpoints import Deployment
from ops.measures import Outcome, enough

SERIOUS_RATIO = 0.01  # one request in a hundred
GONE = 502  # instead of a model's status, where the connection broke
LONGEST_TIMEOUT_MS = 180_000  # Azure's own limit


def run_raises(facts: Facts, deployment: Deployment) -> Finding | None:
    """424 with a model status of 5xx that the script itself gave."""
    found = [
        each
        for each in facts.of(deployment.name, 424)
        if each.model_status not in (0, GONE, *range(400, 500))
    ]
    if not found:
        return None
    lines = facts.consoles.get(deployment.name, [])
    failure = scripts.last(lines, "run", "answer")
    cause = "run() raises, or answers with an error of its own"
    evidence = rows(found)
    if failure:
        cause = "; ".join(filter(None, (failure.sentence, failure.hint)))
        evidence.append(f"console: {failure.where}: {failure.code}")
    evidence += versions.before(facts, deployment, found)
    return _answered(
        facts,
        deployment,
        found,
        "failed in the scoring script",
        evidence=evidence,
        cause=cause,
        next=[
            *_follow(facts, found),
            *_rolled_back(facts, deployment),
            f"invoke logs --deployment {deployment.name} --lines 200{facts.flags}",
            f"invoke validate --run{facts.flags}   # after mending it",
        ],
    )


def bad_requests(facts: Facts, deployment: Deployment) -> Finding | None:
    """424 with a model status of 4xx: the script refuses what callers send."""
    found = [
        each
        for each in facts.of(deployment.name, 424)
        if 400 <= each.model_status < 500
    ]
    if not found:
        return None
    return Finding(
        severity="warning",
        title=f"{_part(facts, deployment, found)} of {deployment.name} were bad "
        "requests",
        deployment=deployment.name,
        evidence=rows(found),
        cause="the scoring script refuses the body with a 400 (not JSON, wrong shape, "
        "wrong types): a caller sends what the model does not take, or the new model "
        "takes something else than the old one",
        next=[
            *_follow(facts, found),
            f"invoke score --deployment {deployment.name}{facts.flags}   "
            "# the model's own sample request",
        ],
    )


def instance_lost(facts: Facts, deployment: Deployment) -> Finding | None:
    """424 without an answer of the model: the instance took it and went away."""
    found = [
        each
        for each in facts.of(deployment.name, 424)
        if each.model_status in (0, GONE)
    ]
    if not found:
        return None
    return _answered(
        facts,
        deployment,
        found,
        "were lost with the instance that had them",
        evidence=rows(found),
        cause="the scoring process died in the middle of a request: out of memory, a "
        "crash in native code, or sys.exit() in run()",
        next=[
            *_rolled_back(facts, deployment),
            f"invoke logs --deployment {deployment.name} --lines 200{facts.flags}",
            f"invoke metrics{facts.flags}   # memory",
        ],
    )


def timeouts(facts: Facts, deployment: Deployment) -> Finding | None:
    """408: the model ran longer than request_timeout_ms."""
    found = facts.of(deployment.name, 408)
    if not found:
        return None
    limit = deployment.request_timeout_ms
    p95 = enough(facts.latencies.get(deployment.name)).get(95)
    told = [f"request_timeout_ms {limit}" + (f", p95 {p95:.0f} ms" if p95 else "")]
    return _answered(
        facts,
        deployment,
        found,
        "timed out",
        evidence=rows(found) + told,
        cause=f"the model ran longer than request_timeout_ms ({limit}): it is slow, or "
        "the requests waited for others before it",
        next=[
            f"invoke metrics{facts.flags}   # latency, CPU, requests a minute",
            f"request_settings.request_timeout_ms above {limit} in the deployment's "
            f"file, up to {LONGEST_TIMEOUT_MS}",
        ],
    )


def throttled(facts: Facts, deployment: Deployment) -> Finding | None:
    """429: more requests in flight than the instances may hold."""
    found = facts.of(deployment.name, 429)
    if not found:
        return None
    limit = capacity.in_flight(deployment)
    arithmetic = (
        f"2 x max_concurrent_requests_per_instance {deployment.max_concurrent} x "
        f"instance_count {deployment.instances} = {limit} in flight"
    )
    wanted = max(capacity.instances_for(facts, deployment), deployment.instances + 1)
    return _answered(
        facts,
        deployment,
        found,
        "were turned away",
        evidence=[*rows(found), arithmetic],
        cause=f"too many pending requests: {deployment.name} holds {limit} at a time, "
        "and callers sent more" + capacity.throughput(facts, deployment),
        next=[
            f"invoke scale --deployment {deployment.name} --instances {wanted}"
            f"{facts.flags}",
            "max_concurrent_requests_per_instance in the deployment's file, if the "
            "script may serve several at once (WORKER_COUNT)",
        ],
    )


def platform_errors(facts: Facts, deployment: Deployment) -> Finding | None:
    """500 without a model's status: not the model's fault."""
    found = facts.of(deployment.name, 500)
    if not found:
        return None
    return _answered(
        facts,
        deployment,
        found,
        "met an error of the platform",
        evidence=rows(found),
        cause="Azure's own front end failed; the scoring script was not at fault",
        next=["Azure's status page; a support request with a request id from above"],
    )


def callers_leave(facts: Facts, deployment: Deployment) -> Finding | None:
    """499: the caller closed the connection before the answer."""
    found = facts.of(deployment.name, 499)
    if not found:
        return None
    return Finding(
        severity="warning",
        title=f"callers of {deployment.name} left before "
        f"{plural(total(found), 'answer')}",
        deployment=deployment.name,
        evidence=rows(found),
        cause="the callers' own timeout is shorter than the answers take",
        next=[f"invoke metrics{facts.flags}   # p95 and p99 against their timeout"],
    )


def _answered(
    facts: Facts,
    deployment: Deployment,
    found: list[Outcome],
    what: str,
    *,
    evidence: list[str],
    cause: str,
    next: list[str],
) -> Finding:
    return Finding(
        severity=_severity(facts, deployment, found),
        title=f"{_part(facts, deployment, found)} of {deployment.name} {what}"
        + (", before the last deploy" if over(facts, deployment, found) else ""),
        deployment=deployment.name,
        evidence=evidence,
        cause=cause,
        next=next,
    )


def _severity(facts: Facts, deployment: Deployment, found: list[Outcome]) -> Severity:
    if over(facts, deployment, found):
        return "note"
    ratio = total(found) / facts.requests(deployment.name)
    return "serious" if ratio >= SERIOUS_RATIO else "warning"


def over(facts: Facts, deployment: Deployment, found: list[Outcome]) -> bool:
    """Whether all of it was before the last deploy that went well."""
    lasts = [each.last for each in found if each.last]
    mended = facts.mended(deployment.name)
    return mended is not None and bool(lasts) and max(lasts) < mended


def _part(facts: Facts, deployment: Deployment, found: list[Outcome]) -> str:
    """ "40 of 1,000 requests (4 %)"."""
    whole = facts.requests(deployment.name)
    ratio = 100 * total(found) / whole
    shown = f"{ratio:.1f}".removesuffix(".0") if ratio >= 0.1 else "under 0.1"
    return f"{total(found):,} of {plural(whole, 'request')} ({shown}%)"


def _rolled_back(facts: Facts, deployment: Deployment) -> list[str]:
    """Traffic away from it first, where it has some and another can take it."""
    command = weights.away(facts, deployment)
    return [command] if "shift-traffic" in command else []


def _follow(facts: Facts, found: list[Outcome]) -> list[str]:
    """How to see one of the requests whole, where one is known by its id."""
    known = [each.request_id for each in found if each.request_id]
    return [f"invoke logs --request-id {known[0]}{facts.flags}"] if known else []


RULES = [
    run_raises,
    bad_requests,
    instance_lost,
    timeouts,
    throttled,
    platform_errors,
    callers_leave,
]
