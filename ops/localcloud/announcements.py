"""What an evaluation has decided, written down: alerts, and deliveries to receivers."""

import logging
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

from ops.localcloud import alerts, notifications
from ops.localcloud.alerting.evaluation import Turn
from ops.localcloud.alerting.machine import Series
from ops.localcloud.alerting.payloads import Said, context, older, payload
from ops.localcloud.alerting.processing import Processed, Told, processed
from ops.localcloud.alerting.rules import Rule
from ops.localcloud.notifications import Message
from ops.localcloud.records import Resource
from ops.localcloud.state import State

log = logging.getLogger(__name__)


def announce(state: State, rule: Rule, turn: Turn, at: datetime) -> Series:
    """Fire or resolve an alert as a turn has it; return what to remember of it.

    Within a transaction: the alert, its deliveries and the memory are one.
    """
    if turn.step.event == "fired":
        return _fire(state, rule, turn, at)
    if turn.step.event == "resolved":
        _resolve(state, rule, turn, at)
    return turn.step.series


def _fire(state: State, rule: Rule, turn: Turn, at: datetime) -> Series:
    said = _said(rule, turn, at)
    told = context(said)
    fate = _processed(state, said, "Fired", told)
    silent = turn.step.muted or bool(fate.suppressed_by)
    alert = alerts.fire(
        state,
        alerts.Firing(
            rule=rule.id,
            severity=rule.severity,
            target=turn.target,
            description=rule.description,
            signal=rule.signal,
            service=rule.service,
            context={"context": told},
            custom=rule.custom,
            suppressed=silent,
        ),
        at,
        _name(rule, turn, at),
    )
    log.info("%s has fired on %s%s", rule.name, turn.target, dict(turn.dimensions))
    if silent:
        why = fate.suppressed_by or "muteActionsDuration"
        alerts.remark(state, alert, at, "ActionsSuppressed", f"Suppressed by {why}")
    else:
        _tell(state, said, alert, fate)
    if not rule.stateful:
        return turn.step.series
    return replace(turn.step.series, alert=alert.id, silent=silent)


def _resolve(state: State, rule: Rule, turn: Turn, at: datetime) -> None:
    fired = state.resource(turn.before.alert)
    if fired is None:
        return  # it was kept for 30 days
    said = _said(rule, turn, at)
    alert = alerts.resolve(state, fired, at)
    log.info(
        "%s is resolved on %s%s: %s",
        *(rule.name, turn.target, dict(turn.dimensions), turn.step.reason),
    )
    fate = _processed(state, said, "Resolved", context(said))
    if not turn.before.silent and not fate.suppressed_by:
        _tell(state, said, alert, fate)


def _tell(state: State, said: Said, alert: Resource, fate: Processed) -> None:
    message = Message(
        about=alert.id,
        event=alerts.essentials(alert)["monitorCondition"],
        common=payload(said, alert),
        older=older(said, alert),
    )
    groups = (*said.rule.groups, *fate.added)
    notifications.tell(state, groups, message, said.at)
    if groups:
        names = ", ".join(sorted({group.rsplit("/", 1)[-1] for group in groups}))
        alerts.remark(state, alert, said.at, "ActionsTriggered", f"Told: {names}")


def _processed(
    state: State, said: Said, condition: str, told: dict[str, Any]
) -> Processed:
    """What alert processing rules make of it, at its time."""
    rule = said.rule
    about = Told(
        rule=rule.id,
        rule_name=rule.name,
        target=said.target,
        severity=rule.severity,
        signal=rule.signal,
        service=rule.service,
        condition=condition,
        description=rule.description,
        context=told,
    )
    rules = [each.body for each in state.of_type("actionRules")]
    return processed(rules, about, said.at)


def _said(rule: Rule, turn: Turn, at: datetime) -> Said:
    return Said(
        rule=rule,
        target=turn.target,
        dimensions=turn.dimensions,
        reading=turn.reading,
        at=at,
    )


def _name(rule: Rule, turn: Turn, at: datetime) -> str:
    """The same firing has the same name, however often it is decided."""
    parts = (rule.id.lower(), turn.target.lower(), str(turn.dimensions), at.isoformat())
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(parts)))
