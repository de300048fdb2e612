"""Rules about alerts: what Azure Monitor says by itself."""

from ops.diagnosis.facts import Facts, Finding, at, plural

GRAVE = 2  # severities up to this one are more than a note


def alerts_are_fired(facts: Facts) -> Finding | None:
    """Each with its value and who is at it; what is wrong, other findings say."""
    if not facts.alerts:
        return None
    grave = any(each.severity <= GRAVE for each in facts.alerts)
    evidence = []
    for each in facts.alerts:
        value = f", {each.measured}" if each.measured else ""
        state = f"{each.state} by {each.by}" if each.by else each.state
        evidence.append(
            f"severity {each.severity}: {each.rule} on {each.subject}{value}, since "
            f"{at(each.started)} UTC, {state}"
        )
    return Finding(
        severity="warning" if grave else "note",
        title=f"{plural(len(facts.alerts), 'alert')} fired",
        evidence=evidence,
        next=[f"invoke alerts.list{facts.flags}"],
    )


RULES = [alerts_are_fired]
