"""What going back means after any sequence of changes of weights.

The changes that are in force form a stack. A change forward lies upon it, one back
takes away what it undid. All steps of a rollout are one change for whoever goes back:
that one leads to the weights from before the rollout began. docs/traffic.md has the
table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ops import door, tags, weights
from ops.rollouts import standing
from ops.rollouts.standing import Standing
from ops.tags import Change
from ops.weights import Weights

ROLLBACK, STEP, UNDO, REDO = "rollback", "rollback --step", "undo", "redo"
ROLLOUT = "rollout"
# Changes that gave traffic back; `redo` is the undo of one of them.
BACKWARD = (ROLLBACK, STEP, UNDO, "rollout.abort", "watchdog")
# Those that somebody who watched the canary decided upon.
JUDGED = ("rollout.abort", "watchdog")
WENT_BACK = (standing.ROLLED_BACK, standing.ABORTED)


def changes(found: dict[str, str]) -> list[Change]:
    """The changes that the tags keep, newest first, without mirrors that ran out."""
    return [each for each in tags.changes(found) if each.verb != door.LIMIT]


def is_back(latest: Change, here: Standing | None) -> bool:
    """Whether the latest change gave traffic back, by a person, a rollout or watchdog.

    A single step back leaves the rest of a rollout to go back from.
    """
    if latest.verb == ROLLOUT:
        return here is not None and here.state in WENT_BACK
    return (latest.verb in BACKWARD and latest.verb != STEP) or promoted_back(latest)


def judged(verb: str, reason: str, here: Standing | None) -> bool:
    """Whether a change took traffic from a deployment because of what it served."""
    if verb == ROLLOUT:
        return here is not None and here.state in WENT_BACK
    return verb in JUDGED or reason.startswith(door.WENT_BACK)


def promoted_back(change: Change) -> bool:
    """Whether it is the end of a promotion whose new deployment got sick."""
    return change.reason.startswith(door.WENT_BACK)


@dataclass(frozen=True, kw_only=True)
class InForce:
    """The changes that nobody has gone back from, oldest first."""

    changes: list[Change]
    undone: list[Change]  # what the last change back took away

    @property
    def partly(self) -> bool:
        """Whether that was a part of a rollout whose earlier steps still stand."""
        both = [*self.changes, *self.undone]
        return bool(self.changes and self.undone) and self.changes[-1] in unit(both)


def in_force(newest_first: Sequence[Change]) -> InForce:
    """Play all changes that are known, the oldest first."""
    stack: list[Change] = []
    taken: list[list[Change]] = []  # what each change back took away
    for change in reversed(newest_first):
        if change.verb in BACKWARD or promoted_back(change) or _lowers(stack, change):
            taken.append(_take_away(stack, change))
        elif change.verb == REDO and taken and taken[-1]:
            stack += taken.pop()
        else:
            stack.append(change)
            taken.clear()
    return InForce(changes=stack, undone=taken[-1] if taken else [])


def unit(stack: Sequence[Change]) -> list[Change]:
    """The last of the changes in force with the rollout that it is a step of."""
    first = len(stack) - 1
    if stack[first].verb != ROLLOUT:
        return [stack[first]]
    canary = _canary(stack[first])
    while (
        first
        and stack[first - 1].verb == ROLLOUT
        and canary & _served(stack[first].before)
    ):
        first -= 1
    return list(stack[first:])


def cut_off(steps: Sequence[Change], kept: Sequence[Change]) -> bool:
    """Whether the tags no longer have the beginning of a rollout."""
    oldest = steps[0]
    began = oldest.verb != ROLLOUT or not _canary(oldest) & _served(oldest.before)
    return len(kept) >= tags.RING - 1 and oldest is kept[-1] and not began


def _take_away(stack: list[Change], back: Change) -> list[Change]:
    """Remove what a change back has undone: all down to where its weights were."""
    if stack and _same(stack[-1].after, back.after):
        return []  # it went back from what was changed outside of the toolkit
    place = len(stack) if back.verb == ROLLOUT else 0  # which goes back in parts
    for same in (_same, _same_traffic):
        fitting = [n for n, each in enumerate(stack) if same(each.before, back.after)]
        if fitting:
            place = fitting[-1]
            break
    undone = stack[place:]
    del stack[place:]
    return undone


def _lowers(stack: Sequence[Change], change: Change) -> bool:
    """Whether a rollout's change takes traffic from the canary of its steps so far."""
    if change.verb != ROLLOUT or not stack or stack[-1].verb != ROLLOUT:
        return False
    canary = _canary(stack[-1])
    before, after = change.before, change.after
    if before is None or after is None or not canary:
        return False
    lost = weights.losses(before.traffic, after.traffic)
    return bool(canary & set(lost)) or bool(
        canary & set(before.mirror) and not canary & _served(after)
    )


def _canary(step: Change) -> set[str]:
    """What a step of a rollout gives more to."""
    if step.before is None or step.after is None:
        return set()
    gains = weights.gains(step.before.traffic, step.after.traffic)
    return set(gains) | set(weights.gains(step.before.mirror, step.after.mirror))


def _served(shares: Weights | None) -> set[str]:
    return {*shares.traffic, *shares.mirror} if shares else set()


def _same(one: Weights | None, other: Weights | None) -> bool:
    return one is not None and one == other


def _same_traffic(one: Weights | None, other: Weights | None) -> bool:
    return bool(one and other) and one.traffic == other.traffic  # type: ignore[union-attr]
