"""What a service's refusal means: its cause in one line, and what to do about it."""

import re
from typing import Any

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
ADDRESS = re.compile(r"host='([^']+)', port=(\d+)")
REASON = re.compile(r"\[Errno -?\d+\] ([^'\")]+)")

# Azure: how-to-troubleshoot-online-endpoints, "Common deployment errors", and the
# codes that Azure Resource Manager itself answers.
REMEDIES: dict[str, tuple[str, ...]] = {
    "ImageBuildFailure": (
        "invoke logs --container storage-initializer",
        "invoke validate --run   # after mending conda.yaml",
    ),
    "ResourceNotReady": (
        "invoke logs   # the scoring process's own words",
        "invoke validate --run",
    ),
    "OutOfQuota": (
        "ask for quota of this instance_type (an upgrade needs 20 % more)",
        "another instance_type in the deployment file",
    ),
    "BadArgument": ("invoke validate",),
    "ResourceNotFound": ("invoke status",),
    "WorkspaceManagedNetworkNotReady": (
        "az ml workspace provision-network --name <workspace>",
    ),
    "OperationCanceled": ("invoke status   # somebody started another operation",),
    "SecretsInjectionError": (
        "check that the endpoint's identity may read the referenced secrets",
    ),
    "LogStoreUnavailable": ("invoke cloud.repair   # begins a new one, keeps the old",),
    "InsufficientStorage": ("df -h   # localcloud's disk is full",),
    "InternalServerError": ("the same verb again in a minute",),
    "AuthorizationFailed": ("ask for the role AzureML Data Scientist or higher",),
    "InvalidAuthenticationToken": ("az login",),
    "DrillsAreOff": ("invoke cloud.drills --on",),
    "TooManyRequests": ("the same verb again in a minute",),
}


def cause(error: Any) -> str:
    """The cause in the service's own words: `code: message`, then its details."""
    body = getattr(error, "error", None)
    if body is None or not getattr(body, "message", None):
        return plain(str(getattr(error, "message", "") or error))
    lines = [f"{body.code}: {plain(body.message)}"]
    for detail in getattr(body, "details", None) or []:
        text = plain(getattr(detail, "message", "") or "")
        if text and text not in lines[0]:
            lines.append(f"  {getattr(detail, 'code', '')}: {text}")
    return "\n".join(lines)


def code(error: Any) -> str:
    """The innermost code that we know, else the outermost: it names the cause."""
    codes = _codes(getattr(error, "error", None))
    if blob := getattr(error, "error_code", None):  # as blob storage's errors have it
        codes.append(str(getattr(blob, "value", blob)))
    return next((known for known in codes if known in REMEDIES), (codes or [""])[-1])


def innermost(error: Any) -> dict[str, Any]:
    """The last of the nested errors of an answer, as it came; {} without one."""
    try:
        found = error.response.json()["error"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
    while isinstance(found, dict) and isinstance(found.get("innererror"), dict):
        found = found["innererror"]
    return found if isinstance(found, dict) else {}


def remedies(error: Any) -> tuple[str, ...]:
    return REMEDIES.get(code(error), ())


def plain(text: str) -> str:
    """A message without terminal colours and the SDK's trailing help links."""
    text = ANSI.sub("", text).strip()
    kept = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(kept)


def silence(text: str) -> str:
    """Why no answer came: the address and the system's words, out of urllib3's many."""
    address, reason = ADDRESS.search(text), REASON.search(text)
    if not address or not reason:
        return plain(text)
    return f"{address[1]}:{address[2]}: {reason[1]}"


def _codes(body: Any) -> list[str]:
    if body is None:
        return []
    inner = [
        code for part in getattr(body, "details", None) or [] for code in _codes(part)
    ]
    own = getattr(body, "code", None)
    return inner + ([own] if own else [])
