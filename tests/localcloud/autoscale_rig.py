"""Autoscale settings in Azure's JSON, made short."""

import json
from datetime import datetime

ENDPOINT = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices"
    "/workspaces/w/onlineEndpoints/iris"
)
TARGET = f"{ENDPOINT}/deployments/blue"
CPU, MEMORY = "CpuUtilizationPercentage", "CpuMemoryUtilizationPercentage"
SIGNS = {
    ">": "GreaterThan",
    ">=": "GreaterThanOrEqual",
    "<": "LessThan",
    "<=": "LessThanOrEqual",
}


def rule(when, do, *, metric=CPU, cooldown="PT5M", **trigger):
    """rule("> 70", "+1"), rule("< 30", "-50%"), rule("> 90", "=8")."""
    sign, threshold = when.split()
    up = do[0] == "+" or (do[0] == "=" and ">" in sign)
    kind = "PercentChangeCount" if do.endswith("%") else "ChangeCount"
    return {
        "metricTrigger": {
            "metricName": metric,
            "metricResourceUri": TARGET,
            "timeGrain": "PT1M",
            "statistic": "Average",
            "timeWindow": "PT5M",
            "timeAggregation": "Average",
            "operator": SIGNS[sign],
            "threshold": float(threshold),
            **trigger,
        },
        "scaleAction": {
            "direction": "Increase" if up else "Decrease",
            "type": "ExactCount" if do[0] == "=" else kind,
            "value": do.strip("+-=%"),
            "cooldown": cooldown,
        },
    }


def profile(*rules, name="default", least=1, most=10, default=None, **times):
    counts = {"minimum": least, "maximum": most, "default": default or least}
    return {
        "name": name,
        "capacity": {key: str(value) for key, value in counts.items()},
        "rules": list(rules),
        **times,
    }


def weekly(days, at, zone="UTC"):
    hour, _, minute = at.partition(":")
    schedule = {"days": days, "hours": [int(hour)], "minutes": [int(minute or 0)]}
    return {
        "recurrence": {"frequency": "Week", "schedule": schedule | {"timeZone": zone}}
    }


def back(name, to="default"):
    """The name of the profile that the portal writes to go back to the default."""
    return json.dumps({"name": to, "for": name})


def properties(*profiles, **more):
    return {
        "enabled": True,
        "targetResourceUri": TARGET,
        "profiles": list(profiles),
        **more,
    }


def at(text):
    return datetime.fromisoformat(f"{text}+00:00")
