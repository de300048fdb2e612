"""What to do next about a deployment: pure, from what is asked and what there is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ops.localcloud.instances import LIVE, note
from ops.localcloud.records import Instance
from ops.localcloud.verdicts import moment


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What the gateway routes by, as it has said itself."""

    confirmed: bool = False  # it routes by the table that was published last
    round: int = 0  # of the router's steps; tells what an answer can know of
    ports: Mapping[str, int] = field(default_factory=dict)  # instance id -> port
    in_flight: Mapping[str, int] = field(default_factory=dict)

    def routes_to(self, instance: Instance) -> bool:
        """Whether requests surely may reach the instance now."""
        return self.confirmed and self.ports.get(instance.id) == instance.port

    def is_clear_of(self, instance: Instance, since_round: int) -> bool:
        """Whether no request is in the instance, nor can one come any more."""
        return (
            self.confirmed
            and self.round > since_round
            and instance.id not in self.ports
            and not self.in_flight.get(instance.id)
        )


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a plan for one deployment is made from."""

    instances: tuple[Instance, ...]
    capacity: int
    deleting: bool = False
    failed: bool = False  # its provisioning state
    operation: str | None = None  # the id of the one that waits for the outcome
    template: str | None = None  # the fingerprint asked for; None while unknown
    preparing: bool = False
    refusal: str | None = None  # why it can't be prepared
    serving: Serving = field(default_factory=Serving)
    drained_since: Mapping[str, int] = field(default_factory=dict)  # id -> round


@dataclass(frozen=True, kw_only=True)
class Action:
    """One step towards what is asked, and why."""

    do: Literal[
        "start",  # one more instance of the template
        "promote",  # let the instance have requests
        "drain",  # take it out of the table
        "stop",  # end its process, nobody needs it
        "fail",  # the deployment, with `reason`
        "succeed",  # the deployment
        "forget",  # the deployment, all of it
    ]
    instance: str | None = None
    reason: str = ""


def plan(facts: Facts, now: datetime) -> list[Action]:
    """The actions to take now; none when all is as it should be or must be waited for.

    First those that leave are seen off; then a failure is told; then what is missing
    is started, what is ready is let in and what is too much is drained.
    """
    leaving = see_off(facts, now)
    if facts.deleting:
        return leaving + delete(facts)
    if facts.preparing:
        return leaving
    if reason := failure(facts):
        return leaving + fail(facts, reason)
    live = [i for i in facts.instances if i.state in LIVE]
    current = [i for i in live if i.fingerprint == facts.template]
    old = [i for i in live if i.fingerprint != facts.template]
    steps = replace_old(facts, current, old) if old else keep_up(facts, current)
    if not steps and succeeded(facts, current, old):
        steps = [Action(do="succeed", reason=f"{len(current)} instances are ready")]
    return leaving + steps


def see_off(facts: Facts, now: datetime) -> list[Action]:
    """Stop each draining instance that no request needs any more, or too long."""
    actions = []
    for instance in facts.instances:
        if instance.state != "Draining":
            continue
        deadline = moment(instance, "until")
        if facts.serving.is_clear_of(instance, facts.drained_since.get(instance.id, 0)):
            reason = "drained"
        elif deadline is None or now >= deadline:
            reason = "not drained in time"
        else:
            continue
        actions.append(Action(do="stop", instance=instance.id, reason=reason))
    return actions


def delete(facts: Facts) -> list[Action]:
    live = [i for i in facts.instances if i.state in LIVE]
    if live:
        return [out(i, "the deployment is being deleted") for i in live]
    if any(i.state != "Stopped" for i in facts.instances):
        return []
    return [Action(do="forget", reason="nothing of it is left")]


def failure(facts: Facts) -> str | None:
    """Why the operation has failed: it can't be prepared, or an instance gave up."""
    if facts.operation is None:
        return None
    if facts.refusal is not None:
        return facts.refusal
    for instance in facts.instances:
        if note(instance, "gave_up") and (
            note(instance, "operation") == facts.operation
        ):
            return str(note(instance, "gave_up"))
    return None


def fail(facts: Facts, reason: str) -> list[Action]:
    """Tell the failure; stop what was started for it and does not serve yet.

    Whatever serves goes on: a deployment that fails to change keeps its instances.
    """
    unready = [
        Action(do="stop", instance=i.id, reason="its deployment failed")
        for i in facts.instances
        if i.state in LIVE and not note(i, "proven")
    ]
    return [*unready, Action(do="fail", reason=reason)]


def replace_old(
    facts: Facts, current: list[Instance], old: list[Instance]
) -> list[Action]:
    """Start the new beside the old; switch when all of the new are ready.

    Azure: managed online endpoints keep extra quota for such an update
    (how-to-manage-quotas).
    """
    surplus = [
        out(i, "fewer instances are asked for") for i in current[facts.capacity :]
    ]
    missing = facts.capacity - len(current)
    if missing > 0:
        return [Action(do="start", reason="the template has changed")] * missing
    wanted = current[: facts.capacity]
    if surplus or not all(note(i, "passed") or i.state == "Ready" for i in wanted):
        return surplus
    let_in = [let(i) for i in wanted if i.state != "Ready"]
    return let_in + [out(i, "replaced by the new template") for i in old]


def keep_up(facts: Facts, current: list[Instance]) -> list[Action]:
    """As many instances as asked for: the ready ones let in, the newest drained."""
    passed = [i for i in current if i.state == "Starting" and note(i, "passed")]
    let_in = [let(i) for i in passed]
    missing = facts.capacity - len(current)
    if missing > 0 and facts.template and (facts.operation or not facts.failed):
        reason = f"{len(current)} of {facts.capacity} instances exist"
        return [*let_in, *[Action(do="start", reason=reason)] * missing]
    # Those that don't serve go first, then the newest.
    by_worth = sorted(current, key=lambda i: i.state == "Ready", reverse=True)
    surplus = by_worth[facts.capacity :]
    kept = [step for step in let_in if step.instance not in {i.id for i in surplus}]
    return kept + [out(i, f"scaled to {facts.capacity}") for i in reversed(surplus)]


def succeeded(facts: Facts, current: list[Instance], old: list[Instance]) -> bool:
    """Whether all that was asked is ready, and the gateway routes to it and only it."""
    if facts.operation is None or old or len(current) != facts.capacity:
        return False
    if not all(i.state == "Ready" and facts.serving.routes_to(i) for i in current):
        return False
    draining = (i for i in facts.instances if i.state == "Draining")
    return not any(i.id in facts.serving.ports for i in draining)


def let(instance: Instance) -> Action:
    return Action(do="promote", instance=instance.id, reason="it is ready")


def out(instance: Instance, reason: str) -> Action:
    """Drain an instance that may have requests; stop one that can't."""
    drains = instance.state in {"Ready", "NotReady"}
    return Action(do="drain" if drains else "stop", instance=instance.id, reason=reason)
