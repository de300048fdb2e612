"""Panels of facts that are no logs: what is deployed, changed, scaled, and fired."""

import json
from typing import Any

from ops import activity as log
from ops import endpoints, history, tags
from ops import journal as kept
from ops.alerting import fired
from ops.autoscaling import actions, deployed
from ops.boards.sources import SOURCES
from ops.boards.tables import MOST_ROWS, Asked, Table, table
from ops.errors import OpsError
from ops.hints import led
from ops.history import Row
from ops.readings import first_line

SHARES = ("traffic", "mirror")


def endpoint(asked: Asked) -> Table:
    """What is deployed now, whatever the time that is shown."""
    found = endpoints.get(asked.workspace, asked.endpoint)
    records = [
        {
            "DeploymentName": each.name,
            "TrafficPercent": found.traffic.get(each.name, 0),
            "MirrorPercent": found.mirror.get(each.name, 0),
            "State": each.state,
            "Instances": each.instances,
            "InstanceType": each.instance_type,
            "Model": each.model,
        }
        for each in found.deployments.values()
    ]
    return table(asked, records, SOURCES["endpoint"].columns)


def activity(asked: Asked) -> Table:
    """What the autoscale engine did, newest first."""
    span = asked.window.span
    settings = deployed.live(asked.workspace, asked.endpoint).values()
    records = [
        {
            "At": each.at,
            "DeploymentName": each.deployment,
            "What": each.what,
            "Before": each.before,
            "After": each.after,
            "Outcome": each.outcome,
            "Text": each.text,
        }
        for each in actions.of(asked.workspace, settings, span.start, span.end)
    ]
    none = f"no deployment is autoscaled: {led('invoke autoscale.apply')}"
    notes = [] if settings else [none]
    return table(asked, records, SOURCES["activity"].columns, notes)


def alerts(asked: Asked) -> Table:
    """Those that were fired at any moment of the time, the latest first."""
    window, now = asked.window, asked.workspace.now()
    found = fired.since(asked.workspace, now - window.since, asked.endpoint)
    records = [
        {
            "Fired": each.started,
            "Resolved": each.resolved,
            "Severity": each.severity,
            "Rule": each.rule,
            "DeploymentName": each.deployment,
            "Condition": each.condition,
            "State": each.state,
            "Text": each.measured or each.summary,
        }
        for each in sorted(found, key=lambda each: each.started, reverse=True)
        if each.started < window.until
    ]
    return table(asked, records, SOURCES["alerts"].columns)


def journal(asked: Asked) -> Table:
    """Every change in the time, newest first, from all that tells of it."""
    workspace, name, span = asked.workspace, asked.endpoint, asked.window.span
    entries = kept.entries(workspace.stage.name, name, MOST_ROWS)
    changes: list[tags.Change] = []
    events: list[log.Event] = []
    notes = []
    try:
        found = endpoints.find(workspace, name)
        changes = tags.changes(found.tags) if found else []
        below = sorted(found.deployments) if found else []
        events = log.events(workspace, name, span.start, span.end, below)
    except OpsError as error:  # the journal is always there
        notes.append(f"not all is told: {first_line(error)}")
    records = [
        {
            "At": row.at,
            "Verb": row.verb,
            "Who": row.who,
            "Change": changed(row),
            "Outcome": row.outcome,
            "Reason": row.reason,
            "ToldBy": row.told_by,
        }
        for row in history.merged(entries, changes, events, name)
        if span.start <= row.at < span.end
    ]
    return table(asked, records, SOURCES["journal"].columns, notes)


def changed(row: Row) -> str:
    """`traffic: blue 100% -> blue 90%, green 10%`, for each thing that differs."""
    before = row.before if isinstance(row.before, dict) else {}
    after = row.after if isinstance(row.after, dict) else {}
    return "; ".join(
        f"{key}: {_plain(key, before.get(key))} -> {_plain(key, after.get(key))}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    )


def _plain(key: str, value: Any) -> str:
    if isinstance(value, dict):
        unit = "%" if key in SHARES else ""
        pairs = (f"{name} {_plain('', each)}{unit}" for name, each in value.items())
        return ", ".join(pairs) or "none"
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, default=str)
