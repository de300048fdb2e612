"""The alerts that a rollout goes by: its canary's, and those of the whole endpoint."""

from ops.alerting import fired
from ops.clients import Workspace
from ops.rollouts.observed import Alert


def alerts(workspace: Workspace, endpoint: str, canary: str) -> tuple[Alert, ...]:
    """What is fired now; who has acknowledged it, or muted it, changes nothing."""
    return concerning(fired.fired(workspace, endpoint), canary)


def concerning(found: list[fired.Alert], canary: str) -> tuple[Alert, ...]:
    """All but those about another deployment, which going back does not mend."""
    return tuple(
        Alert(name=each.rule, severity=each.severity, fired_at=each.started)
        for each in found
        if each.deployment in ("", canary)
    )
