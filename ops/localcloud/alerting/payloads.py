"""The common alert schema: what a webhook is sent when an alert fires or is resolved.

Azure: alerts-common-schema, "Sample alert payload"; alertContext of monitoringService
Platform and Log Alerts V2. A threshold is a string there, and so it is here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ops.localcloud.alerting.readings import Measure, Reading
from ops.localcloud.alerting.rules import Rule
from ops.localcloud.records import Resource

PORTAL = "https://portal.azure.com"
API = "https://api.loganalytics.io/v1"
MOST_LINKED = 8192  # characters of a query in a link; Azure: a payload has 256 KB


@dataclass(frozen=True, kw_only=True)
class Said:
    """Why an alert has changed: which rule, what it read, and when."""

    rule: Rule
    target: str
    dimensions: tuple[tuple[str, str], ...]
    reading: Reading | None  # None: there is nothing to read any more
    at: datetime


def context(said: Said) -> dict[str, Any]:
    """What there is to say of the evaluation: alertContext, and the alert's context."""
    rule = said.rule
    if said.reading is not None:
        measures = said.reading.measures
    else:
        nothing = {"value": None, "threshold": None, "met": None}
        measures = tuple(Measure(condition=each, **nothing) for each in rule.conditions)
    longest = max(condition.periods for condition in rule.conditions)
    start = said.at - max(rule.window * longest, rule.lookback or rule.window)
    return {
        "properties": dict(rule.custom) or None,
        "conditionType": rule.criteria,
        "condition": {
            "windowSize": rule.window_text,
            "allOf": [_condition(said, measure, start) for measure in measures],
            "windowStartTime": stamp(start),
            "windowEndTime": stamp(said.at),
        },
    }


def _condition(said: Said, measure: Measure, start: datetime) -> dict[str, Any]:
    condition = measure.condition
    threshold = condition.threshold if not condition.dynamic else measure.threshold
    found: dict[str, Any] = {
        "operator": condition.operator,
        "threshold": None if threshold is None else format(threshold, ".15g"),
        "timeAggregation": condition.aggregation,
        "dimensions": [
            {"name": name, "value": value} for name, value in said.dimensions
        ],
        "metricValue": measure.value,
    }
    failing = {
        "numberOfEvaluationPeriods": condition.periods,
        "minFailingPeriodsToAlert": condition.failing,
    }
    if said.rule.kind == "metric":
        found |= {
            "metricName": condition.metric,
            "metricNamespace": condition.told.get("metricNamespace"),
            "webTestName": None,
        }
        if condition.dynamic:
            found |= {
                "alertSensitivity": condition.sensitivity,
                "failingPeriods": failing,
                "ignoreDataBefore": condition.told.get("ignoreDataBefore"),
            }
        return found
    kind = _kind(said.target)
    return {
        "searchQuery": condition.query,
        "metricMeasureColumn": condition.measure or None,
        "targetResourceTypes": f"['{kind}']",
        **found,
        "failingPeriods": failing,
        **_links(said, condition.query, start),
    }


def _links(said: Said, query: str, start: datetime) -> dict[str, str | None]:
    """As on Azure; who follows them needs the resource to be there."""
    span, asked = f"{stamp(start)}/{stamp(said.at)}", quote(query, safe="")
    found = {
        "UI": f"{PORTAL}/#blade/Microsoft_Azure_Monitoring_Logs/LogsBlade/scope/"
        f"{quote(said.target, safe='')}/q/{asked}/timespan/{quote(span, safe='')}",
        "API": f"{API}{said.target}/query?query={asked}&timespan={quote(span)}",
    }
    return {
        f"linkTo{what}{kind}": link if len(asked) <= MOST_LINKED else None
        for what in ("SearchResults", "FilteredSearchResults")
        for kind, link in found.items()
    }


def payload(said: Said, alert: Resource) -> dict[str, Any]:
    """The common alert schema of an alert as it is now."""
    essentials, rule = alert.properties["essentials"], said.rule
    found = {
        "alertId": alert.body["id"],
        "alertRule": rule.name,
        "severity": essentials["severity"],
        "signalType": essentials["signalType"],
        "monitorCondition": essentials["monitorCondition"],
        "monitoringService": essentials["monitorService"],
        "alertTargetIDs": [said.target.lower()],
        "configurationItems": [said.target.rsplit("/", 1)[-1]],
        "originAlertId": essentials["sourceCreatedId"],
        "firedDateTime": stamp(datetime.fromisoformat(essentials["startDateTime"])),
        "description": rule.description,
        "essentialsVersion": "1.0",
        "alertContextVersion": "1.0",
    }
    resolved = essentials["monitorConditionResolvedDateTime"]
    if resolved:
        found["resolvedDateTime"] = stamp(datetime.fromisoformat(resolved))
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": found,
            "alertContext": context(said),
            "customProperties": dict(rule.custom) or None,
        },
    }


def older(said: Said, alert: Resource) -> dict[str, Any]:
    """What a receiver without useCommonAlertSchema gets.

    Log Alerts V2 have no other schema. Azure: alerts-non-common-schema-definitions.
    """
    if said.rule.kind == "log":
        return payload(said, alert)
    parts, told = said.target.split("/"), context(said)
    fired = alert.properties["essentials"]["monitorCondition"] == "Fired"
    return {
        "schemaId": "AzureMonitorMetricAlert",
        "data": {
            "version": "2.0",
            "properties": told["properties"],
            "status": "Activated" if fired else "Deactivated",
            "context": {
                "timestamp": stamp(said.at),
                "id": said.rule.id,
                "name": said.rule.name,
                "description": said.rule.description,
                "conditionType": told["conditionType"],
                "severity": str(said.rule.severity),
                "condition": {
                    name: told["condition"][name] for name in ("windowSize", "allOf")
                },
                "subscriptionId": parts[2],
                "resourceGroupName": parts[4],
                "resourceName": parts[-1],
                "resourceType": _kind(said.target),
                "resourceId": said.target,
                "portalLink": f"{PORTAL}/#resource{said.target}",
            },
        },
    }


def stamp(moment: datetime) -> str:
    """`2026-11-02T12:00:00.0000000Z`, in ticks as Azure writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _kind(target: str) -> str:
    parts: Mapping[int, str] = dict(
        enumerate(target.split("/providers/")[-1].split("/"))
    )
    names = [parts[0], *(parts[number] for number in range(1, len(parts), 2))]
    return "/".join(names)
