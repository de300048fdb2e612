"""Autoscale settings in words: as they are shown, and as two are compared."""

import json
from collections.abc import Mapping
from typing import Any

from ops.autoscaling import zones
from ops.autoscaling.deployed import moment
from ops.autoscaling.rules import OPERATORS
from ops.autoscaling.sources import seconds

SIGNS = {name: sign for sign, name in OPERATORS.items()}


def described(body: Mapping[str, Any]) -> dict[str, str]:
    """A resource as lines for people, each with a key by which two are compared."""
    properties = body["properties"]
    profiles = properties["profiles"]
    base: dict[str, Any] = next((p for p in profiles if not when(p)), {})
    found = {"enabled": "yes" if properties.get("enabled") else "no"}
    for each in profiles:
        found |= _profile(each, base)
    for each in properties.get("notifications") or ():
        emails = (each.get("email") or {}).get("customEmails") or []
        hooks = [
            hook["serviceUri"].split("?")[0] for hook in each.get("webhooks") or ()
        ]
        found["told"] = ", ".join([*emails, *hooks])
    for name, text in (body.get("tags") or {}).items():
        found[f"tag {name}"] = text
    return {key: text for key, text in found.items() if text}


def _profile(told: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, str]:
    """When, how many and by what rules; what is as in the default is not told again."""
    name, capacity = shown(told["name"]), told["capacity"]
    found = {name: when(told) or "at all other times"}
    if told is base or capacity != base.get("capacity"):
        counts = f"{capacity['minimum']} to {capacity['maximum']}"
        text = f"{counts}, {capacity['default']} without metrics"
        found[f"{name}, instances"] = text
    if told is base or told.get("rules") != base.get("rules"):
        rules = told.get("rules") or ()
        found |= {f"{name}, rule {n}": rule(each) for n, each in enumerate(rules, 1)}
        if not rules:
            found[f"{name}, rules"] = "none"
    return found


def shown(name: str) -> str:
    """A profile's name; that which goes back to the default says so in JSON."""
    if not name.startswith("{"):
        return name
    try:
        told = json.loads(name)
        return f"back to {told['name']} after {told['for']}"
    except (ValueError, KeyError, TypeError):
        return name


def when(profile: Mapping[str, Any]) -> str:
    """`Monday to Friday from 07:00 Europe/Berlin`; "" for a default profile."""
    if fixed := profile.get("fixedDate"):
        start, end = moment(fixed, "start"), moment(fixed, "end")
        return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    if recurrence := profile.get("recurrence"):
        schedule = recurrence["schedule"]
        days = ", ".join(day[:3] for day in schedule["days"])
        hour, minute = schedule["hours"][0], schedule["minutes"][0]
        return f"{days} from {hour}:{minute:02} {zones.iana(schedule['timeZone'])}"
    return ""


def rule(told: Mapping[str, Any]) -> str:
    """`CpuUtilizationPercentage > 60 (5m average): +1, then 5m pause`."""
    trigger, action = told["metricTrigger"], told["scaleAction"]
    sign = SIGNS[trigger["operator"]]
    each = " per instance" if trigger.get("dividePerInstance") else ""
    only = "".join(map(_dimension, trigger.get("dimensions") or ()))
    over = f"{short(trigger['timeWindow'])} {trigger['timeAggregation'].lower()}"
    if trigger["statistic"] != "Average":
        over += f" of {trigger['statistic'].lower()}"
    fires = f"{trigger['metricName']}{each}{only} {sign} {trigger['threshold']:g}"
    return f"{fires} ({over}): {change(action)}, then {short(action['cooldown'])} pause"


def _dimension(told: Mapping[str, Any]) -> str:
    verb = "is" if told["Operator"] == "Equals" else "is not"
    return f" where {told['DimensionName']} {verb} {' or '.join(told['Values'])}"


def change(action: Mapping[str, Any]) -> str:
    sign = {"Increase": "+", "Decrease": "-"}.get(action["direction"], "nothing ")
    match action["type"]:
        case "PercentChangeCount":
            return f"{sign}{action.get('value', '1')}%"
        case "ExactCount":
            return f"exactly {action.get('value', '1')}"
        case _:
            return f"{sign}{action.get('value', '1')}"


def short(duration: str) -> str:
    """5m for PT5M."""
    total = int(seconds(duration).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if total % length == 0 and total:
            return f"{total // length}{unit}"
    return f"{total}s"
