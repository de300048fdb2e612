"""What Application Insights would be told: requests, traces and exceptions.

The inference server sends them itself where it has a key; here they are made from the
access log and the console, for deployments with appInsightsEnabled. Names follow the
server's own (azureml_inference_server_http, appinsights_client.py).
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.localcloud.console import JOINTS, TRACEBACK

Row = dict[str, Any]
LEVEL = re.compile(r"\S+ \S+ ([DIWEC]) \[\d+\] |\[?\S+ \S+.{0,12}\b(DEBUG|INFO)\b")
WORDS = re.compile(r"\b(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)\b")
SEVERITY = {"D": 0, "I": 1, "W": 2, "E": 3, "C": 4, "F": 4}
RAISED = re.compile(r"([A-Za-z_][\w.]*?(?:Error|Exception|Interrupt|Exit|\w+))(?:: |$)")
FRAME = re.compile(r' {2}File "([^"]+)", line \d+, in (\S+)')
BUCKETS = (
    *((250, "<250ms"), (500, "250ms-500ms"), (1000, "500ms-1sec")),
    *((3000, "1sec-3sec"), (7000, "3sec-7sec"), (15000, "7sec-15sec")),
    *((30000, "15sec-30sec"), (60000, "30sec-1min"), (120000, "1min-2min")),
)


@dataclass(frozen=True, kw_only=True)
class Role:
    """Whose telemetry it is."""

    endpoint: str  # its id, lower case
    deployment: str  # the name
    instance: str = ""

    def columns(self) -> Row:
        service = self.endpoint.rsplit("/", 1)[1]
        return {
            "AppRoleName": f"{service}/{self.deployment}",
            "AppRoleInstance": self.instance,
            "ClientType": "PC",
            "ItemCount": 1,
            "SDKVersion": "py:localcloud",
            "_ResourceId": self.endpoint,
            "_SubscriptionId": self.endpoint.split("/")[2],
        }


def request(row: Row) -> Row | None:
    """The AppRequests row of a request that reached an instance; None of others."""
    status = row["ModelStatusCode"]
    if status is None or row["OperationName"] == "mirror":
        return None
    role = Role(endpoint=row["_ResourceId"], deployment=row["DeploymentName"])
    milliseconds = row["TotalDurationMs"] or 0
    properties = {
        "Request Id": row["XRequestId"],
        "Client Request Id": row["XMSClientRequestId"],
        "Service Name": row["EndpointName"],
        "Workspace Name": row["AzureMLWorkspaceName"],
        "Deployment": row["DeploymentName"],
    }
    return {
        "TimeGenerated": row["TimeGenerated"],
        "Id": row["XRequestId"],
        "OperationId": row["XRequestId"],
        "OperationName": f"{row['Method']} {row['Path']}",
        "Name": f"{row['Method']} {row['Path']}",
        "Url": row["Path"],
        "ResultCode": str(status),
        "Success": status < 400,
        "DurationMs": float(milliseconds),
        "PerformanceBucket": bucket(milliseconds),
        "Properties": json.dumps(properties),
        **role.columns(),
    }


def bucket(milliseconds: float) -> str:
    """How Application Insights sorts durations."""
    return next((text for most, text in BUCKETS if milliseconds < most), ">=2min")


def traces(role: Role, texts: Sequence[str], times: Sequence[datetime]) -> list[Row]:
    """An AppTraces row a line, with the severity the line itself gives."""
    columns = {**role.columns(), "Properties": "{}"}
    return [
        {
            "TimeGenerated": at,
            "Message": text,
            "SeverityLevel": severity(text),
            **columns,
        }
        for text, at in zip(texts, times, strict=True)
        if text.strip()
    ]


def severity(text: str) -> int:
    """0 verbose, 1 information, 2 warning, 3 error, 4 critical."""
    head = text[:120]
    if found := re.match(r"\S+ \S+ ([DIWECF]) \[\d+\] ", head):
        return SEVERITY[found.group(1)]
    if found := WORDS.search(head):
        return SEVERITY[found.group(1)[0]]
    return 3 if TRACEBACK in head else 1


def exceptions(
    role: Role, texts: Sequence[str], times: Sequence[datetime]
) -> list[Row]:
    """An AppExceptions row for each traceback among the lines."""
    return [
        _exception(role, block, times[first])
        for first, block in tracebacks(texts)
        if len(block) > 1
    ]


def tracebacks(texts: Sequence[str]) -> Iterable[tuple[int, list[str]]]:
    """Each traceback and the number of its first line.

    It ends with the line that names the exception: the first that isn't indented.
    """
    first, block = 0, list[str]()
    for number, text in enumerate(texts):
        if TRACEBACK in text:
            first, block = number, [TRACEBACK]
        elif block:
            block.append(text)
            if text and not text.startswith(" ") and text not in JOINTS:
                yield first, block
                block = []


def _exception(role: Role, block: list[str], at: datetime) -> Row:
    raised, _, said = block[-1].partition(": ")
    frames = [found.groups() for line in block if (found := FRAME.match(line))]
    file, method = frames[-1] if frames else ("", "")
    details = [
        {
            "message": said,
            "type": raised,
            "rawStack": "\n".join(block),
            "severityLevel": "Error",
        }
    ]
    return {
        "TimeGenerated": at,
        "ProblemId": f"{raised} at {method}" if method else raised,
        "ExceptionType": raised,
        "Message": said,
        "Method": method,
        "Assembly": file,
        "SeverityLevel": 3,
        "Details": json.dumps(details),
        "OuterType": raised,
        "OuterMessage": said,
        "OuterMethod": method,
        "InnermostType": raised,
        "InnermostMessage": said,
        "InnermostMethod": method,
        "Properties": "{}",
        **role.columns(),
    }


def requests(rows: Iterable[Row], told: Callable[[str, str], bool]) -> list[Row]:
    """AppRequests of those deployments that tell (endpoint id, name) of themselves."""
    return [
        made
        for row in rows
        if told(row["_ResourceId"], row["DeploymentName"]) and (made := request(row))
    ]
