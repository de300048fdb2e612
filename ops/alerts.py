"""Make the alert rules of a workspace as the files in alerts/ say.

Nothing is written before everything has been read, checked and compared; what is not
ours is never touched; what is in step is left alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops import door, specs
from ops.alerting import querychecks
from ops.alerting.comparing import Comparison, compare
from ops.alerting.monitor import Monitor
from ops.alerting.steps import DELETE, FOREIGN, SKIP, Step
from ops.errors import NotFound, OpsError, Refused, ServiceError

if TYPE_CHECKING:
    from ops.clients import Workspace

VERB = "alerts.apply"


@dataclass(frozen=True, kw_only=True)
class Applied:
    """One step when its turn is over."""

    step: Step
    error: str = ""  # why it was refused; "" where it was done


def plan(
    workspace: "Workspace", rule: str | None = None, endpoint: str | None = None
) -> Comparison:
    """What apply would do; raise InvalidSpec, or Refused for somebody else's rule."""
    found = compare(workspace, rule, endpoint)
    if foreign := [step for step in found.steps if step.action == FOREIGN]:
        listed = "\n".join(f"  - {step.notes[0]}" for step in foreign)
        raise Refused(
            f"Names that our rules would have are taken:\n{listed}",
            "invoke alerts.show",
            "rename the file in alerts/, or have its owner delete the rule",
        )
    if unread := [s for s in found.steps if s.action == SKIP and not s.endpoint]:
        listed = "\n".join(f"  - {step.notes[0]}" for step in unread)
        raise Refused(f"Action groups can't be made from here:\n{listed}")
    if not found.places and not any(step.action == DELETE for step in found.steps):
        raise Refused(
            "No endpoint of specs/ is deployed here: there is nothing to alert on.",
            specs.first_deploy(endpoint) if endpoint else "invoke deploy",
        )
    querychecks.require_sound(workspace, found.steps)
    return found


def changes(found: Comparison) -> bool:
    """Whether there is anything to be done."""
    return any(step.writes for step in found.steps)


def apply(
    workspace: "Workspace", found: Comparison, *, reason: str = ""
) -> Iterator[Applied]:
    """Take each step that changes something, journalled by endpoint; yield every one.

    What the service refuses keeps no other step from being done; that some were is
    raised in the end.
    """
    yield from (Applied(step=step) for step in found.steps if not step.writes)
    monitor = Monitor(workspace)
    left = [step for step in found.steps if step.writes]
    ended: list[Applied] = []
    for endpoint, steps in _by_endpoint(left, found):
        try:
            for each in _taken(workspace, monitor, endpoint, steps, reason):
                ended.append(each)
                yield each
        except PartlyDone:
            continue
        except OpsError as error:
            error.add(_told(left, ended))
            raise
    if refused := [each for each in ended if each.error]:
        count = f"{len(refused)} of {len(left)} changes"
        told = "\n".join(f"  - {each.step.name}: {each.error}" for each in refused)
        raise PartlyDone(
            f"{count} were refused; all others are made.\n{told}", f"invoke {VERB}"
        )


class PartlyDone(OpsError):
    """Some of an endpoint's steps were refused; each has said why."""


def _by_endpoint(
    steps: Iterable[Step], found: Comparison
) -> Iterator[tuple[str, list[Step]]]:
    """Groups go with the first endpoint, before its rules; those to go with the last.

    A rule can't tell a group that isn't there yet, nor a group go that a rule tells.
    """
    groups = [step for step in steps if not step.endpoint]
    names = list(dict.fromkeys(step.endpoint for step in steps if step.endpoint))
    names = names or (list(found.places)[:1] if groups else [])
    for name in names:
        mine = [step for step in steps if step.endpoint == name]
        if name == names[0]:
            mine = [s for s in groups if s.action != DELETE] + mine
        if name == names[-1]:
            mine += [step for step in groups if step.action == DELETE]
        yield name, mine


def _taken(
    workspace: "Workspace",
    monitor: Monitor,
    endpoint: str,
    steps: list[Step],
    reason: str,
) -> Iterator[Applied]:
    wanted = {step.shown: step.action for step in steps}
    where = (workspace, endpoint, VERB, reason)
    with door.noted(*where, wanted=wanted) as record:
        record.after = {}
        refused = 0
        for step in steps:
            error = _take(monitor, step)
            refused += bool(error)
            record.after[step.shown] = f"refused: {error}" if error else step.action
            yield Applied(step=step, error=error)
        if refused:
            raise PartlyDone(f"{refused} of {len(steps)} changes were refused")


def _take(monitor: Monitor, step: Step) -> str:
    """Make or remove one resource; return why the service refuses it."""
    try:
        if step.action == DELETE:
            monitor.delete(step.kind, step.name)
        else:
            monitor.put(step.kind, step.name, step.body)
    except ServiceError as error:
        return error.problem
    except NotFound:
        return "" if step.action == DELETE else "its resource group is not there"
    return ""


def _told(steps: Iterable[Step], ended: Iterable[Applied]) -> str:
    """What is done and what is not, where it ended before its time."""
    done = [each.step.name for each in ended if not each.error]
    over = {each.step.name for each in ended}
    left = [step.name for step in steps if step.name not in over]
    told = f"done: {', '.join(done) or 'nothing'}; not done: {', '.join(left)}"
    return f"{told} (the same verb goes on from here)"
