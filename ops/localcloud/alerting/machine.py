"""When an alert fires and when it is resolved: a state machine, told one evaluation at
a time.

Azure: alerts-overview, "Alerts and state", and the muteActionsDuration of
scheduledQueryRules. docs/alerts-engine.md has each rule beside the test that holds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ops.localcloud.alerting.rules import Rule

FORGOTTEN = timedelta(
    days=1
)  # Azure forgets a metric's series without data for so long


@dataclass(frozen=True, kw_only=True)
class Series:
    """What is remembered of one target and one combination of dimension values."""

    fired: datetime | None = None
    healthy: int = 0  # evaluations in a row, since it was last seen to fail
    told: datetime | None = None  # the last evaluation that could be made
    quiet_until: datetime | None = None  # muteActionsDuration
    alert: str = ""  # the id of the alert that is fired
    silent: bool = False  # nobody was told of it, nor will be that it is resolved

    @property
    def worth_keeping(self) -> bool:
        return self.fired is not None or self.quiet_until is not None

    def to_json(self) -> dict[str, Any]:
        found = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in vars(self).items()
        }
        return {name: value for name, value in found.items() if value}


def series(told: Mapping[str, Any]) -> Series:
    """Read what to_json wrote."""
    moments = {
        name: datetime.fromisoformat(told[name])
        for name in ("fired", "told", "quiet_until")
        if told.get(name)
    }
    return Series(
        **moments,
        healthy=int(told.get("healthy", 0)),
        alert=str(told.get("alert", "")),
        silent=bool(told.get("silent", False)),
    )


@dataclass(frozen=True, kw_only=True)
class Step:
    """What an evaluation makes of a series."""

    series: Series
    event: str = ""  # fired, resolved or nothing
    reason: str = ""
    muted: bool = False  # it fires, and its actions are muted


def advance(rule: Rule, before: Series, met: bool | None, at: datetime) -> Step:
    """One evaluation of a series; None is one that can't be told."""
    if met is None:
        return _unknown(before, at)
    if met:
        return _failing(rule, before, at)
    return _healthy(rule, before, at)


def ended(before: Series, reason: str) -> Step:
    """The rule or the target has gone, and with it what was fired."""
    if before.fired is None or not before.alert:
        return Step(series=Series())
    return Step(series=Series(), event="resolved", reason=reason)


def _failing(rule: Rule, before: Series, at: datetime) -> Step:
    after = replace(before, healthy=0, told=at)
    if rule.stateful:
        if before.fired is not None:
            return Step(series=after)
        return Step(series=replace(after, fired=at), event="fired", reason="met")
    muted = before.quiet_until is not None and at < before.quiet_until
    if not muted:
        quiet_until = at + rule.mute if rule.mute else None
        after = replace(after, quiet_until=quiet_until)
    return Step(series=after, event="fired", reason="met", muted=muted)


def _healthy(rule: Rule, before: Series, at: datetime) -> Step:
    over = before.quiet_until is not None and at >= before.quiet_until
    quiet_until = None if over else before.quiet_until
    after = replace(before, told=at, quiet_until=quiet_until)
    if before.fired is None:
        return Step(series=replace(after, healthy=0))
    after = replace(after, healthy=before.healthy + 1)
    if after.healthy < rule.healthy_needed:
        return Step(series=after)
    return Step(series=Series(told=at), event="resolved", reason="healthy")


def _unknown(before: Series, at: datetime) -> Step:
    """Neither healthy nor failing; after a day without data it is forgotten."""
    if before.fired is None:
        return Step(series=before)
    if at - (before.told or before.fired) < FORGOTTEN:
        return Step(series=before)
    return Step(series=Series(), event="resolved", reason="no data for a day")
