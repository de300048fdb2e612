"""Every rule, and the findings they make of the facts, the worst first."""

from ops.diagnosis import (
    alerts,
    instances,
    provisioning,
    responses,
    rollouts,
    surroundings,
    weights,
)
from ops.diagnosis.facts import Facts, Finding

DEPLOYMENT_RULES = [*provisioning.RULES, *instances.RULES, *responses.RULES]
ENDPOINT_RULES = [
    *alerts.RULES,
    *rollouts.RULES,
    *weights.RULES,
    *surroundings.RULES,
]
ORDER = ("serious", "warning", "note")


def findings(facts: Facts) -> list[Finding]:
    """What is wrong, by severity; within one, deployments with weight come first."""
    facts = facts.current()
    found = [
        finding
        for deployment in facts.deployments
        for rule in DEPLOYMENT_RULES
        if (finding := rule(facts, deployment))
    ]
    found += [finding for rule in ENDPOINT_RULES if (finding := rule(facts))]

    def place(finding: Finding) -> tuple[int, int]:
        weight = facts.endpoint.traffic.get(finding.deployment, 0)
        return ORDER.index(finding.severity), -weight

    return sorted(found, key=place)
