"""A deployment's settings: checked as Azure checks them, completed by its defaults."""

import re
from typing import Any

DURATION = re.compile(
    r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?(?<![PT])"
)
MOST_SECONDS = 180.0  # Azure: how-to-manage-quotas, "Max request time-out at endpoint"
REQUESTS = {
    "maxConcurrentRequestsPerInstance": 1,
    "maxQueueWait": "PT0S",
    "requestTimeout": "PT5S",
}
PROBE = {
    "failureThreshold": 30,
    "successThreshold": 1,
    "timeout": "PT2S",
    "period": "PT10S",
    "initialDelay": "PT10S",
}
TEXTS = (
    "model",
    "modelMountPath",
    "environmentId",
    "description",
    "instanceType",
    "egressPublicNetworkAccess",
)


def completed(sent: Any) -> tuple[dict[str, Any], list[str]]:
    """The properties that Azure would keep and show, and all that it would refuse."""
    if not isinstance(sent, dict):
        return {"codeConfiguration": None, "model": None, "environmentId": None}, [
            "properties must be an object."
        ]
    problems = _wrong_types(sent) + _wrong_kind(sent)
    requests, more = _settings("requestSettings", sent.get("requestSettings"), REQUESTS)
    problems += more + _timeout_problems(requests)
    kept = {
        **{name: _text(sent, name) for name in TEXTS},
        "endpointComputeType": "Managed",
        "instanceType": _text(sent, "instanceType") or "Standard_F4s_v2",
        "egressPublicNetworkAccess": _text(sent, "egressPublicNetworkAccess")
        or "Enabled",
        "codeConfiguration": _mapping(sent, "codeConfiguration") or None,
        "environmentVariables": _mapping(sent, "environmentVariables"),
        "properties": _mapping(sent, "properties"),
        "appInsightsEnabled": sent.get("appInsightsEnabled") is True,
        "dataCollector": sent.get("dataCollector"),
        "scaleSettings": {"scaleType": "Default"},
        "requestSettings": requests,
    }
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if name == "startupProbe" and not sent.get(name):
            continue
        kept[name], more = _settings(name, sent.get(name), PROBE)
        problems += more
    return kept, problems


def seconds(duration: Any) -> float | None:
    """How long an ISO 8601 duration such as PT1M30S is; None for anything else."""
    match = DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if match is None:
        return None
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def _wrong_types(sent: dict[str, Any]) -> list[str]:
    problems = [
        f"{name} must be a string."
        for name in TEXTS
        if not isinstance(sent.get(name), str | None)
    ]
    for name in ("codeConfiguration", "environmentVariables", "properties"):
        value = sent.get(name)
        if not isinstance(value, dict | None):
            problems.append(f"{name} must be an object.")
        elif not all(isinstance(each, str | None) for each in (value or {}).values()):
            problems.append(f"{name} must hold strings only.")
    for name in _mapping(sent, "environmentVariables"):
        if not name or any(mark in name for mark in "=\0"):
            problems.append(f"environmentVariables: {name!r} is no variable's name.")
    code = sent.get("codeConfiguration")
    if isinstance(code, dict) and code and not code.get("scoringScript"):
        problems.append("codeConfiguration.scoringScript is required.")
    return problems


def _wrong_kind(sent: dict[str, Any]) -> list[str]:
    problems = []
    if (kind := sent.get("endpointComputeType")) != "Managed":
        problems.append(f"endpointComputeType must be Managed here, not {kind!r}.")
    scale = _mapping(sent, "scaleSettings").get("scaleType", "Default")
    if scale != "Default":
        problems.append(
            f"scaleSettings.scaleType {scale!r} is for Kubernetes; a managed "
            "deployment is scaled by an autoscale setting of Azure Monitor."
        )
    return problems


def _settings(
    name: str, sent: Any, defaults: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Numbers and durations of one group, completed; and those that can't be."""
    if not isinstance(sent, dict | None):
        return dict(defaults), [f"{name} must be an object."]
    given = {key: value for key, value in (sent or {}).items() if value is not None}
    kept = {**defaults, **{key: given[key] for key in defaults if key in given}}
    problems = []
    for key, value in kept.items():
        if isinstance(defaults[key], str):
            if seconds(value) is None:
                problems.append(f"{name}.{key} {value!r} is not an ISO 8601 duration.")
        elif type(value) is not int or value < 1:
            problems.append(f"{name}.{key} must be a whole number of at least 1.")
    return kept, problems


def _timeout_problems(requests: dict[str, Any]) -> list[str]:
    timeout = seconds(requests["requestTimeout"])
    if timeout is not None and not 0 < timeout <= MOST_SECONDS:
        return [f"requestSettings.requestTimeout must be 1 ms to {MOST_SECONDS:.0f} s."]
    return []


def _text(sent: dict[str, Any], name: str) -> str | None:
    value = sent.get(name)
    return value if isinstance(value, str) and value else None


def _mapping(sent: dict[str, Any], name: str) -> dict[str, Any]:
    value = sent.get(name)
    return value if isinstance(value, dict) else {}
