"""Alert rules in words: their summaries, and their resources as two are compared."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ops.alerting import values
from ops.alerting.rules import DIMENSIONS, SIGNS, plain
from ops.autoscaling.sources import seconds

PLACEHOLDER = re.compile(r"\{(\w+)\}")
COLUMNS = {column: word for word, column in DIMENSIONS.items()}


def amount(value: float, unit: str) -> str:
    """`5%`, `500 ms`, `14.4`, `6.84 (chance 1 in 7 million)`."""
    unit = unit.strip()
    if unit == values.EVIDENCE:
        return f"{value:g} ({values.number(value, unit)})"
    return f"{value:g}{unit}" if unit in ("", "%", "x") else f"{value:g} {unit}"


def filled(
    summary: str, endpoint: str, limit: str, window: timedelta, deployment: str = ""
) -> str:
    """A summary as the rule's description: which one it is, the alert itself tells."""
    words = {"endpoint": endpoint, "threshold": limit, "window": plain(window)}
    if deployment:
        words["deployment"] = deployment
    text = PLACEHOLDER.sub(
        lambda m: words.get(m[1], f"{_article(m[1])} {m[1]}"), summary
    )
    begun = PLACEHOLDER.match(summary)
    # A name begins a sentence as it is spelled.
    return text if begun and begun[1] in words else text[:1].upper() + text[1:]


def named(description: str, words: Mapping[str, str]) -> str:
    """A description with what an alert is about: `blue` in place of `a deployment`."""
    for word, name in words.items():
        if name:
            found = rf"\b[Aa]n? {re.escape(word)}\b"
            plainly = name.replace("\\", r"\\")
            description = re.sub(found, plainly, description, count=1)
    return description


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def described(kind: str, body: Mapping[str, Any]) -> dict[str, str]:
    """A resource as lines for people, each with a key by which two are compared."""
    if kind == "actionGroups":
        return _group(body["properties"])
    found = body["properties"]
    actions = found.get("actions") or {}
    criteria = (found.get("criteria") or {}).get("allOf") or []
    custom = {**_tags(body), **_custom(actions)}
    unit = str(custom.get("aml-ops.unit", ""))
    lines = {
        "severity": str(found.get("severity")),
        "enabled": "yes" if found.get("enabled", True) else "no",
        "summary": str(found.get("description") or ""),
        "condition": " and ".join(condition(each, unit) for each in criteria),
        "window": _length(found.get("windowSize")),
        "every": _length(found.get("evaluationFrequency")),
        "failing": failing(criteria),
        "resolve": "auto" if found.get("autoMitigate", True) else "never",
        "notify": ", ".join(told(actions)) or "nobody",
        "of": ", ".join(_last(each) for each in found.get("scopes") or ()),
        "query": "\n".join(each.get("query") or "" for each in criteria),
    }
    for name, text in custom.items():
        lines[name] = str(text)
    return {key: text for key, text in lines.items() if text}


def condition(told: Mapping[str, Any], unit: str = "") -> str:
    """`average Percent > 5%, by DeploymentName`."""
    what = told.get("metricMeasureColumn") or told.get("metricName") or "rows"
    how = str(told.get("timeAggregation") or "").lower()
    if what == "rows":
        how = "number of"
    if told.get("criterionType") == "DynamicThresholdCriterion":
        side = DIRECTIONS.get(str(told.get("operator")), str(told.get("operator")))
        text = f"{how} {what} {side} what is usual ({_sensitivity(told)})"
    else:
        sign = SIGNS.get(str(told.get("operator")), str(told.get("operator")))
        text = f"{how} {what} {sign} {amount(float(told.get('threshold') or 0), unit)}"
    every = told.get("dimensions") or ()
    only = [_filter(each) for each in every if each.get("values") != ["*"]]
    by = [each["name"] for each in every if each.get("values") == ["*"]]
    where = f" where {' and '.join(only)}" if only else ""
    return text + where + (f", by {', '.join(by)}" if by else "")


def _sensitivity(told: Mapping[str, Any]) -> str:
    return f"{str(told.get('alertSensitivity')).lower()} sensitivity"


def _filter(each: Mapping[str, Any]) -> str:
    verb = "is" if each.get("operator") == "Include" else "is not"
    return f"{each.get('name')} {verb} {' or '.join(each.get('values') or ())}"


def failing(criteria: list[Mapping[str, Any]]) -> str:
    found = (criteria[0].get("failingPeriods") or {}) if criteria else {}
    count = int(found.get("minFailingPeriodsToAlert") or 1)
    return f"{count} of {int(found.get('numberOfEvaluationPeriods') or 1)}"


def told(actions: Any) -> list[str]:
    """The names of the action groups."""
    if isinstance(actions, Mapping):
        ids = actions.get("actionGroups") or ()
    else:
        ids = [each.get("actionGroupId", "") for each in actions]
    return [_last(each).removeprefix("aml-ops-") for each in ids]


def _tags(body: Mapping[str, Any]) -> dict[str, Any]:
    """Those that stand in for custom properties."""
    tags = body.get("tags") or {}
    return {
        name: text
        for name, text in tags.items()
        if name.startswith("aml-ops.") and name != "aml-ops.hash"
    }


def _custom(actions: Any) -> Mapping[str, Any]:
    if isinstance(actions, Mapping):
        found: Mapping[str, Any] = actions.get("customProperties") or {}
        return found
    return (actions[0].get("webHookProperties") or {}) if actions else {}


def _group(properties: Mapping[str, Any]) -> dict[str, str]:
    """Whom a group tells; of a webhook no more than where it is, for the rest of its
    address may be a secret.
    """
    found = {
        "short name": str(properties.get("groupShortName")),
        "enabled": "yes" if properties.get("enabled") else "no",
    }
    for each in properties.get("emailReceivers") or ():
        found[f"e-mail {each.get('name')}"] = str(each.get("emailAddress"))
    for each in properties.get("webhookReceivers") or ():
        found[f"webhook {each.get('name')}"] = host(str(each.get("serviceUri")))
    return found


def host(url: str) -> str:
    """`https://hooks.example.com/...`."""
    parts = url.split("/", 3)
    return "/".join(parts[:3]) + ("/..." if len(parts) > 3 and parts[3] else "")


def _last(id_: str) -> str:
    return id_.rstrip("/").rsplit("/", 1)[-1]


def _length(duration: Any) -> str:
    """5m for PT5M, however the service spells it."""
    return plain(seconds(str(duration))) if duration else ""


DIRECTIONS = {
    "GreaterThan": "over",
    "LessThan": "under",
    "GreaterOrLessThan": "over or under",
}
