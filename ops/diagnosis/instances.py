"""Rules about instances: crash loops, probes, saturation, states against weights."""

from collections import Counter
from datetime import timedelta
from math import ceil

from ops.diagnosis import scripts, slow_start, weights
from ops.diagnosis.facts import Facts, Finding, at, plural, rows
from ops.endpoints import Deployment
from ops.measures import Event

HIGH_CPU, FULL_CPU = 85, 95
HIGH_MEMORY, FULL_MEMORY = 85, 95
STARTING = timedelta(seconds=30)  # in which probes fail, as a server starts
BUSY = ("Creating", "Updating", "Scaling", "Deleting")


def crash_loop(facts: Facts, deployment: Deployment) -> Finding | None:
    """Instances that start, exit and are started again."""
    name = deployment.name
    backoffs = _events(facts, name, "BackOff")
    if not backoffs or deployment.state == "Failed":
        return None
    # What run() raises is answered with 500; no process ends of it.
    failure = scripts.last(facts.consoles.get(name, []), "import", "init")
    loops = Counter(each.instance for each in backoffs)
    worst = loops.most_common(1)[0]
    crashes = "keeps crashing" if len(backoffs) > 1 else "crashed"
    cause = "the scoring process exits by itself: killed for its memory, or sys.exit()"
    slow = None if failure else slow_start.seen(facts, deployment)
    if slow:
        cause = slow.cause
    elif failure:
        cause = "; ".join(filter(None, (failure.sentence, failure.hint)))
    return Finding(
        severity="serious",
        title=f"{name} {crashes}: {plural(len(backoffs), 'restart')}",
        deployment=name,
        evidence=[
            f"instance {worst[0]}: BackOff {plural(worst[1], 'time')}",
            *(slow.evidence if slow else ()),
            *_said(backoffs[-3:]),
        ],
        cause=cause,
        next=[
            *(slow.next if slow else ()),
            f"invoke logs --deployment {name} --lines 200{facts.flags}",
            weights.away(facts, deployment),
        ],
    )


def probes_fail(facts: Facts, deployment: Deployment) -> Finding | None:
    """Probes that fail on instances that do not exit."""
    name = deployment.name
    probes = _events(facts, name, "LivenessProbeFailed", "ReadinessProbeFailed")
    found = [each for each in probes if not _starting(facts, each)]
    liveness = [each for each in found if each.name == "LivenessProbeFailed"]
    again = [i for i, count in Counter(e.instance for e in found).items() if count > 1]
    if _events(facts, name, "BackOff") or deployment.state == "Failed":
        return None  # told, with its cause, by the rules about crashes and failures
    if not liveness and not again:
        return None  # one failure while an instance starts is the way it starts
    return Finding(
        severity="serious" if liveness else "warning",
        title=f"{name}: {plural(len(found), 'probe failure')}",
        deployment=name,
        evidence=_said(found[-3:]),
        cause="the server is too busy or too slow to answer GET / in time: a long "
        "request holds all workers, or the probe's timeout is too short"
        + ("; failed liveness probes restart the instance" if liveness else ""),
        next=[
            f"invoke metrics{facts.flags}   # is it saturated?",
            f"invoke logs --deployment {name} --lines 200{facts.flags}",
            "liveness_probe / readiness_probe: timeout and failure_threshold in the "
            "deployment's file",
        ],
    )


def weight_without_readiness(facts: Facts, deployment: Deployment) -> Finding | None:
    """Live traffic on a deployment that is not ready for it."""
    weight = facts.endpoint.traffic.get(deployment.name, 0)
    if not weight or deployment.ready:
        return None
    served = sum(each.count for each in facts.of(deployment.name, 200, 201))
    still = f"; yet {plural(served, 'request')} were served" if served else ""
    return Finding(
        severity="serious",
        title=f"{deployment.name} has {weight}% of the traffic and is "
        f"{deployment.state}",
        deployment=deployment.name,
        evidence=[f"state {deployment.state}, weight {weight}%{still}"],
        cause="the last change of it failed; what ran before may still serve, but is "
        "not what the files say and will not scale"
        if deployment.state == "Failed"
        else "an operation on it is not done",
        next=[
            weights.away(facts, deployment),
            f"invoke deploy --deployment {deployment.name}{facts.flags}",
        ],
    )


def no_instance(facts: Facts, deployment: Deployment) -> Finding | None:
    """503: requests came and no instance was up."""
    found = facts.of(deployment.name, 503)
    if not found:
        return None
    return Finding(
        severity="serious",
        title=f"{deployment.name} had no ready instance for "
        f"{plural(sum(each.count for each in found), 'request')}",
        deployment=deployment.name,
        evidence=rows(found),
        cause="every instance was starting, failing its readiness probe or restarting",
        next=[
            f"invoke status{facts.flags}",
            f"invoke logs --deployment {deployment.name} --lines 200{facts.flags}",
            f"more than one instance: invoke scale --deployment {deployment.name} "
            f"--instances {deployment.instances + 1}{facts.flags}",
        ],
    )


def saturated(facts: Facts, deployment: Deployment) -> Finding | None:
    """CPU or memory near their ends."""
    usage = facts.usage.get(deployment.name)
    cpu = (usage and usage.cpu) or 0
    memory = (usage and usage.memory) or 0
    if cpu < HIGH_CPU and memory < HIGH_MEMORY:
        return None
    short = [f"CPU {cpu:.0f}%"] if cpu >= HIGH_CPU else []
    short += [f"memory {memory:.0f}%"] if memory >= HIGH_MEMORY else []
    more = max(ceil(deployment.instances * cpu / 70), deployment.instances + 1)
    return Finding(
        severity="serious" if memory >= FULL_MEMORY or cpu >= FULL_CPU else "warning",
        title=f"{deployment.name} is saturated: {', '.join(short)}",
        deployment=deployment.name,
        evidence=[
            f"CpuUtilizationPercentage {cpu:.0f}, CpuMemoryUtilizationPercentage "
            f"{memory:.0f}, {plural(deployment.instances, 'instance')}"
        ],
        cause="more work than the instances can do"
        if cpu >= HIGH_CPU
        else "the model and its requests need nearly all the memory there is; the next "
        "step is a kill",
        next=[
            f"invoke scale --deployment {deployment.name} --instances {more}"
            f"{facts.flags}"
            if cpu >= HIGH_CPU
            else "a larger instance_type, or fewer workers (WORKER_COUNT)",
            f"invoke metrics{facts.flags}",
        ],
    )


def fewer_than_asked(facts: Facts, deployment: Deployment) -> Finding | None:
    """Instances that were asked for and do not run."""
    usage = facts.usage.get(deployment.name)
    running = usage.instances_lately if usage else None
    if running is None or running >= deployment.instances or not deployment.ready:
        return None
    return Finding(
        severity="warning",
        title=f"{deployment.name} runs {running} of {deployment.instances} instances",
        deployment=deployment.name,
        evidence=[f"DeploymentCapacity {running}, sku.capacity {deployment.instances}"],
        cause="an instance is starting or restarting, or Azure is replacing it",
        next=[f"invoke status{facts.flags}", f"invoke watch{facts.flags}"],
    )


def in_progress(facts: Facts, deployment: Deployment) -> Finding | None:
    """An operation that runs: what is seen now may pass."""
    if deployment.state not in BUSY:
        return None
    return Finding(
        severity="note",
        title=f"{deployment.name} is {deployment.state}",
        deployment=deployment.name,
        evidence=[f"provisioning state {deployment.state}"],
        cause="an operation on it runs; other changes of it are refused until it ends",
        next=[f"invoke watch{facts.flags}"],
    )


def _events(facts: Facts, deployment: str, *names: str) -> list[Event]:
    """Its events of these names, since the last deploy that went well."""
    mended = facts.mended(deployment)
    return [
        each
        for each in facts.events
        if each.deployment == deployment
        and each.name in names
        and (mended is None or each.at >= mended)
    ]


def _starting(facts: Facts, event: Event) -> bool:
    """Whether the instance had just been started when this befell it."""
    return any(
        each.name == "Started"
        and each.instance == event.instance
        and each.at <= event.at <= each.at + STARTING
        for each in facts.events
    )


def _said(events: list[Event]) -> list[str]:
    return [f"{at(e.at)} {e.instance} {e.name}: {e.message}" for e in events]


RULES = [
    crash_loop,
    probes_fail,
    weight_without_readiness,
    no_instance,
    saturated,
    fewer_than_asked,
    in_progress,
]
