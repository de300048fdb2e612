"""Alert processing rules: they add action groups to an alert, or silence all of them.

Azure: actionRules 2021-08-08, and alert processing rules, "Scope and filters" and "What
should this rule do?": suppression wins.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.localcloud.alerting.schedules import active


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the filters of a processing rule may look at."""

    rule: str  # id
    rule_name: str
    target: str
    severity: int
    signal: str
    service: str
    condition: str  # Fired or Resolved
    description: str
    context: Mapping[str, Any]

    def field(self, name: str) -> str:
        """What a filter of this field compares, in lower case."""
        parts = self.target.strip("/").split("/")
        kind = "/".join([*parts[5:6], *parts[6::2]]) if len(parts) > 6 else ""
        found = {
            "AlertContext": json.dumps(self.context),
            "AlertRuleId": self.rule,
            "AlertRuleName": self.rule_name,
            "Description": self.description,
            "MonitorCondition": self.condition,
            "MonitorService": self.service,
            "Severity": f"Sev{self.severity}",
            "SignalType": self.signal,
            "TargetResource": self.target,
            "TargetResourceGroup": parts[3] if len(parts) > 3 else "",
            "TargetResourceType": kind,
        }
        return found[name].lower()


@dataclass(frozen=True, kw_only=True)
class Processed:
    """What processing rules make of an alert's action groups."""

    suppressed_by: str = ""  # the name of a processing rule
    added: tuple[str, ...] = ()


def processed(
    rules: Iterable[Mapping[str, Any]], told: Told, at: datetime
) -> Processed:
    """`rules` are their bodies."""
    suppressed_by, added = "", list[str]()
    for body in rules:
        if not applies(body["properties"], told, at):
            continue
        for action in body["properties"]["actions"]:
            if action["actionType"] == "RemoveAllActionGroups":
                suppressed_by = suppressed_by or str(body["name"])
            else:
                added += action["actionGroupIds"]
    return Processed(suppressed_by=suppressed_by, added=tuple(dict.fromkeys(added)))


def applies(properties: Mapping[str, Any], told: Told, at: datetime) -> bool:
    """Every filter must let an alert through; one of a filter's values is enough."""
    target = told.target.lower()
    scopes = [str(scope).rstrip("/").lower() for scope in properties["scopes"]]
    return (
        bool(properties.get("enabled", True))
        and any(target == scope or target.startswith(f"{scope}/") for scope in scopes)
        and all(
            _lets_through(each, told) for each in properties.get("conditions") or ()
        )
        and active(properties.get("schedule"), at)
    )


def _lets_through(filter_: Mapping[str, Any], told: Told) -> bool:
    found = told.field(filter_["field"])
    values = [str(value).lower() for value in filter_["values"]]
    operator = filter_["operator"]
    if operator in ("Contains", "DoesNotContain"):
        held = any(value in found for value in values)
        return held == bool(operator == "Contains")
    if filter_["field"] == "TargetResourceGroup":  # which may be told by its id
        values = [value.rsplit("/", 1)[-1] for value in values]
    return (found in values) == bool(operator == "Equals")
