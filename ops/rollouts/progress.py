"""What a runner tells of a rollout, and how it learns that it has lost it."""

from dataclasses import dataclass
from datetime import datetime

from ops.errors import Conflict
from ops.rollouts.decisions import Decision
from ops.rollouts.standing import Standing, whose


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Something that a person who watches should be told."""

    at: datetime
    what: str  # look; or what befell the rollout: advanced, paused, trouble...
    text: str
    here: Standing
    steps: tuple[str, ...] = ()  # of the policy, as they are shown
    decision: Decision | None = None


class TakenOver(Conflict):
    """Another runner has this rollout now, or somebody has ended it."""


class Moved(Conflict):
    """Somebody has paused or resumed the rollout since it was looked at."""


def taken_over(ours: Standing, found: Standing) -> str:
    """Who has it now, in a sentence."""
    if found.id != ours.id:
        return f"{found.by} has begun another rollout, {found.id}."
    if not found.active:
        return f"The rollout was {found.state} by {whose(found.by)}."
    return f"{found.runner or found.by} runs this rollout now."
