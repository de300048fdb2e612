"""Which version of a deployment answered, where it was deployed in the meantime."""

from ops.diagnosis.facts import Facts, at, touched
from ops.endpoints import Deployment
from ops.measures import Outcome


def before(facts: Facts, deployment: Deployment, outcomes: list[Outcome]) -> list[str]:
    """Evidence that some of these answers are of what was served before a deploy."""
    deploys = [
        entry.at
        for entry in facts.history
        if entry.verb == "deploy" and deployment.name in touched(entry)
    ]
    firsts = [each.first for each in outcomes if each.first]
    if not deploys or not firsts or min(firsts) >= max(deploys):
        return []
    return [
        f"{deployment.name} was deployed anew at {at(max(deploys))} UTC: the first of "
        "these are of what it was before"
    ]
