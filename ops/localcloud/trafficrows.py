"""Rows of AmlOnlineEndpointTrafficLog out of the gateway's access log."""

import json
import logging
from datetime import datetime
from typing import Any

from ops.localcloud.flows import TRAFFIC
from ops.localcloud.kql import TABLES
from ops.localcloud.kql.tables import SYSTEM
from ops.localcloud.logstore import naive

log = logging.getLogger(__name__)

# The columns of a traffic row that the gateway fills, by type.
OWN = TABLES[TRAFFIC].keys() - {*SYSTEM} | {"_ResourceId", "_SubscriptionId"}
TEXTS = [name for name in OWN if TABLES[TRAFFIC][name] == "string"]
NUMBERS = [name for name in OWN if TABLES[TRAFFIC][name] == "int"]
EMPTY = {"TimeGenerated": None, **dict.fromkeys(TEXTS, ""), **dict.fromkeys(NUMBERS)}


def request(line: bytes) -> dict[str, Any] | None:
    """A row of the access log with every column it may have; None of a torn line."""
    try:
        told = json.loads(line)
        row: dict[str, Any] = {name: told.get(name, EMPTY[name]) for name in EMPTY}
        plain = line.isascii() and b"\\u" not in line
        for name in TEXTS:
            if not plain or type(row[name]) is not str:
                row[name] = readable(row[name])
        for name in NUMBERS:
            if type(row[name]) is not int or abs(row[name]) >= 1 << 31:
                row[name] = None
        row["TimeGenerated"] = naive(datetime.fromisoformat(told["TimeGenerated"]))
        row["_ResourceId"] = row["_ResourceId"].lower()
    except (ValueError, TypeError, AttributeError, KeyError):
        if line.strip():
            log.warning("the access log has a line that is no row: %r", line[:200])
        return None
    return row


def readable(value: object) -> str:
    """Text that the store takes for sure: one bad row must not stop the others."""
    text = "" if value is None else str(value)
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def fact(row: dict[str, Any]) -> dict[str, Any]:
    """What metrics are computed from, of a request."""
    sizes = (row["RequestPayloadSize"], row["ResponsePayloadSize"])
    return {
        "At": row["TimeGenerated"],
        "Resource": row["_ResourceId"],
        "Deployment": row["DeploymentName"],
        "Status": row["ResponseCode"],
        "ModelStatus": row["ModelStatusCode"],
        "DurationMs": row["TotalDurationMs"],
        "Bytes": sum(size or 0 for size in sizes),
    }
