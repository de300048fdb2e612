"""Which log lines an address asks for, and the address of those behind a chart."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from ops import times
from ops.boards import tables
from ops.boards.model import Panel
from ops.errors import UsageError
from ops.logs import Asked
from ops.measures import Window
from ops.page import view
from ops.sieve import Sieve
from ops.times import Span

DEPLOYMENT = "DeploymentName"
MOST = 300  # lines of a page
KINDS = {
    "failures": ("console", "request", "event"),
    "requests": ("request",),
    "slow": ("request",),
    "all": ("console", "request", "event"),
}
TITLES = {
    "failures": "what failed, and warnings",
    "requests": "requests",
    "slow": "slow requests",
    "all": "everything",
}
STATUS = re.compile("[1-5][0-9]{2}")
LATELY = timedelta(days=7)  # how far back a request is looked for


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which lines: of one request, or of a kind in some time."""

    since: datetime
    until: datetime
    deployment: str = ""
    kind: str = "all"
    slower_than_ms: int = 0
    status: str = ""  # of requests: only those that were answered so
    request: str = ""
    back: str = ""  # the query of the view that one has come from

    @property
    def address(self) -> str:
        given = {
            "kind": self.kind,
            "from": view.stamp(self.since),
            "to": view.stamp(self.until),
            "deployment": self.deployment,
            "slower": str(self.slower_than_ms or ""),
            "status": self.status,
            "back": self.back,
        }
        if self.request:
            given = {"request": self.request, "back": self.back}
        return f"/logs?{urlencode({k: v for k, v in given.items() if v})}"

    @property
    def asked(self) -> Asked:
        least = "warning" if self.kind == "failures" else ""
        slower = timedelta(milliseconds=self.slower_than_ms)
        status = int(self.status or 0)
        return Asked(
            kinds=KINDS[self.kind],
            sieve=Sieve(
                deployment=self.deployment,
                level=least,
                status=(status, status),
                slower_than=slower if self.kind == "slow" else None,
            ),
            span=Span(start=self.since, end=self.until),
            open=False,
            lines=MOST,
            request_id=self.request,
        )


def parse(search: str, now: datetime) -> Wanted:
    """The lines of an address; raise UsageError for what can't be meant."""
    given = {name: found[0] for name, found in parse_qs(search[1:]).items()}
    back = given.get("back", "")
    if id := given.get("request"):
        until = now + timedelta(days=1)  # clocks differ
        return Wanted(request=id, since=now - LATELY, until=until, back=back)
    until = times.moment(given["to"], "to", now) if "to" in given else now
    hour = until - timedelta(hours=1)
    since = times.moment(given["from"], "from", now) if "from" in given else hour
    kind, slower = given.get("kind", "all"), given.get("slower", "0")
    status = given.get("status", "")
    if kind not in KINDS:
        raise UsageError(f"kind is one of {', '.join(KINDS)}, not {kind!r}.")
    if since >= until or not slower.isdecimal():
        raise UsageError("from lies before to, and slower is in whole milliseconds.")
    if status and not (STATUS.fullmatch(status) and kind == "requests"):
        raise UsageError("status is one such as 424, and of kind=requests.")
    return Wanted(
        since=since,
        until=until,
        deployment=given.get("deployment", ""),
        kind=kind,
        slower_than_ms=min(int(slower), 10**7),
        status=status,
        back=back,
    )


def behind(
    panel: Panel,
    at: datetime,
    value: float | None,
    by: str,
    grain: timedelta,
    back: str,
) -> str:
    """The address of the lines behind a point of a chart, of the line `by`."""
    slow = panel.unit == "ms"
    failing = panel.unit in ("percent", "times")
    found = Wanted(
        since=at,
        until=at + grain,
        deployment=by if panel.by == DEPLOYMENT else "",
        kind="slow" if slow else "failures" if failing else "all",
        slower_than_ms=max(int(value or 0) - 1, 0) if slow else 0,
        back=back,
    )
    return found.address


def beneath(panel: Panel, record: Mapping[str, Any], window: Window, back: str) -> str:
    """The address of the lines behind a bar; "" where it is not made of requests."""
    if panel.source != "logs":
        return ""
    status, least = str(record.get("Status", "")), int(record.get("FromMs") or 0)
    slow = panel.axis == ("FromMs", "ToMs")
    if not slow and not (panel.axis == ("Status",) and STATUS.fullmatch(status)):
        return ""
    found = Wanted(
        since=window.since,
        until=tables.ended(window),
        deployment=str(record.get(DEPLOYMENT, "")),
        kind="slow" if slow and least else "requests",
        slower_than_ms=least,
        status="" if slow else status,
        back=back,
    )
    return found.address
