"""Rules about deployments that could not be created, updated or started.

Azure: how-to-troubleshoot-online-endpoints, "Common deployment errors".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ops.diagnosis import scripts, slow_start
from ops.diagnosis.facts import Facts, Finding, at, touched
from ops.endpoints import Deployment
from ops.journal import Entry

Rule = Callable[[Facts, Deployment], Finding | None]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a documented code means, and what to do about it."""

    means: str
    cause: str
    next: tuple[str, ...]


CODES = {
    "ImageBuildFailure": Known(
        means="its environment could not be built",
        cause="a package of the conda file can't be had, or two exclude each other",
        next=(
            "invoke logs --deployment {name} --container storage-initializer{flags}",
            "mend the conda file, raise the environment's version, then: "
            "invoke deploy --deployment {name}{flags}",
        ),
    ),
    "OutOfQuota": Known(
        means="there is no quota for its instances",
        cause="the subscription's cores for this instance type are used up; Azure "
        "reserves 20 % more for upgrades (the need is 1.2 x instance_count, rounded "
        "up, x cores)",
        next=(
            "invoke status{flags}   # what is not used: delete-deployment frees it",
            "another instance_type or a smaller instance_count in its file",
            "az ml compute list-usage   # then ask for more",
        ),
    ),
    "BadArgument": Known(
        means="Azure refused what its files say",
        cause="a resource that the files name does not exist or may not be read, the "
        "instance type is unknown, or the start-up (init, model path) is wrong",
        next=("invoke validate --run{flags}",),
    ),
    "ResourceNotReady": Known(
        means="its instances never became ready",
        cause="the scoring script did not start, or took longer than the readiness "
        "probe waits (initial_delay + period x failure_threshold)",
        next=(
            "invoke logs --deployment {name} --lines 200{flags}",
            "invoke validate --run{flags}",
        ),
    ),
    "ResourceNotFound": Known(
        means="something it needs does not exist",
        cause="the model, environment, container registry or identity that the files "
        "name was deleted or never registered",
        next=("invoke validate{flags}", "invoke deploy --deployment {name}{flags}"),
    ),
    "WorkspaceManagedNetworkNotReady": Known(
        means="the workspace's managed network is not provisioned",
        cause="the network is made at the first use, unless it is asked for before",
        next=(
            "az ml workspace provision-network --name WORKSPACE",
            "invoke deploy --deployment {name}{flags}",
        ),
    ),
    "OperationCanceled": Known(
        means="its operation was cancelled",
        cause="another operation on it had precedence, or Azure Resource Manager "
        "was busy",
        next=("invoke history{flags}", "invoke deploy --deployment {name}{flags}"),
    ),
    "SecretsInjectionError": Known(
        means="its secrets could not be read",
        cause="the endpoint's identity has no right on the key vault or connection, or "
        "the secret that an environment variable names does not exist",
        next=(
            "give the endpoint's identity the role Azure Machine Learning Workspace "
            "Connection Secrets Reader (or get and list on the vault)",
            "invoke deploy --deployment {name}{flags}",
        ),
    ),
    "InternalServerError": Known(
        means="Azure failed",
        cause="a fault of the service; it often passes",
        next=(
            "invoke deploy --deployment {name}{flags}",
            "Azure's status page; a support request with the time above",
        ),
    ),
}


def coded(code: str) -> Rule:
    """The rule about one documented error code."""

    def rule(facts: Facts, deployment: Deployment) -> Finding | None:
        entry = last_failure(facts, deployment)
        if deployment.state != "Failed" or not entry or error_code(entry) != code:
            return None
        return _failed(facts, deployment, CODES[code], code, entry)

    rule.__name__ = code
    return rule


def failed_otherwise(facts: Facts, deployment: Deployment) -> Finding | None:
    """Failed, but this machine's journal does not say of what."""
    entry = last_failure(facts, deployment)
    if deployment.state != "Failed" or (entry and error_code(entry) in CODES):
        return None
    build = build_error(facts.builds.get(deployment.name, []))
    known = CODES["ImageBuildFailure" if build else "ResourceNotReady"]
    return _failed(facts, deployment, known, "no code in this journal", entry)


def last_failure(facts: Facts, deployment: Deployment) -> Entry | None:
    """The latest change of a deployment, if it failed."""
    for entry in facts.history:
        if entry.verb in ("deploy", "scale") and deployment.name in touched(entry):
            return entry if entry.outcome == "failed" else None
    return None


def error_code(entry: Entry) -> str:
    """The service's code at the head of a failure: "ResourceNotReady: ..."."""
    return next((code for code in CODES if re.search(rf"\b{code}\b", entry.detail)), "")


def build_error(lines: list[str]) -> str:
    """The line of a build's log that tells why it failed; "" for one that did not."""
    wanted = re.compile(r"not found|no solution|conflict|error|failed|unsatisf", re.I)
    return next((line.strip() for line in reversed(lines) if wanted.search(line)), "")


def _failed(
    facts: Facts, deployment: Deployment, known: Known, code: str, entry: Entry | None
) -> Finding:
    name = deployment.name
    failure = scripts.last(facts.consoles.get(name, []), "import", "init")
    evidence = [f"provisioning state Failed ({code})"]
    if entry:
        said = [line.strip() for line in entry.detail.splitlines() if line.strip()]
        evidence.append(f"{at(entry.at)} {entry.verb} by {entry.who}: {said[0]}")
        evidence += said[1:3] if not failure else []
    cause = known.cause
    starting = known is CODES["ResourceNotReady"]
    slow = slow_start.seen(facts, deployment) if starting and not failure else None
    if slow:
        evidence += slow.evidence
        cause = slow.cause
    elif starting and failure:
        evidence.append(f"console: {failure.where}: {failure.code}")
        cause = "; ".join(filter(None, (failure.sentence, failure.hint)))
    elif known is CODES["ImageBuildFailure"]:
        evidence += _build(facts, name)
    return Finding(
        severity="serious",
        title=f"{name} failed: {known.means}",
        deployment=name,
        evidence=evidence,
        cause=cause,
        next=[
            *(slow.next if slow else ()),
            *(each.format(name=name, flags=facts.flags) for each in known.next),
        ],
    )


def _build(facts: Facts, name: str) -> list[str]:
    error = build_error(facts.builds.get(name, []))
    return [f"build: {error}"] if error else []


RULES: list[Rule] = [*(coded(code) for code in CODES), failed_otherwise]
