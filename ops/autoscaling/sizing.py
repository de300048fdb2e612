"""How many instances a rate needs, from what was measured, and the quota behind them.

By Little's law, as capacity.py has it. Azure keeps a fifth more for upgrades
(how-to-manage-quotas), and an instance refuses with 429 what is beyond twice its limit
of requests at a time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from ops import endpoints, flow
from ops.capacity import needed
from ops.clients import Workspace
from ops.endpoints import Deployment
from ops.errors import Refused, UsageError
from ops.fields import seconds
from ops.flow import Flow
from ops.times import duration

RESERVE = 1.2  # of the instances, in quota; Azure: how-to-manage-quotas
LONGEST = timedelta(days=7)
# Azure names the later sizes by their cores; those of D v2 are numbered.
NUMBERED = {
    **dict(zip("12345", (1, 2, 4, 8, 16), strict=True)),
    **dict(zip(("11", "12", "13", "14", "15"), (2, 4, 8, 16, 20), strict=True)),
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked for; what isn't said is measured."""

    since: timedelta
    per_second: float | None = None
    latency_seconds: float | None = None
    busy_ratio: float = 0.7


@dataclass(frozen=True, kw_only=True)
class Size:
    """What one deployment needs, for its share and for all of the traffic."""

    deployment: str
    instances: int
    max_concurrent: int
    percent: int  # of live traffic
    per_second: float  # of the endpoint
    latency_seconds: float
    latency_of: str  # whose it is; "" where it was given
    needed: int  # for its share
    needed_for_all: int
    refuses_above: float  # requests a second that its instances can't take any more
    quota_instances: int  # for all, with the reserve
    quota_cores: int | None  # None: the size's name doesn't tell

    @property
    def short(self) -> bool:
        return self.percent > 0 and self.needed > self.instances


def sizes(workspace: Workspace, endpoint_name: str, asked: Asked) -> list[Size]:
    """Every deployment's size; raise Refused where nothing was measured or said."""
    endpoint = endpoints.get(workspace, endpoint_name)
    recent = flow.recent(workspace, endpoint_name, workspace.now(), asked.since)
    known = asked.per_second is not None and asked.latency_seconds is not None
    if not known and not recent.flows:
        reason = recent.unknown or "no request was recorded"
        raise Refused(
            f"What {endpoint_name} is asked is not known: {reason}.",
            "invoke capacity --rps 50 --latency 80ms",
            "invoke diagnostics.on   # and it is measured",
        )
    rate = recent.per_second if asked.per_second is None else asked.per_second
    return [
        size_of(each, endpoint.traffic.get(name, 0), rate, recent.flows, asked)
        for name, each in sorted(endpoint.deployments.items())
    ]


def size_of(
    live: Deployment, percent: int, rate: float, flows: Mapping[str, Flow], asked: Asked
) -> Size:
    latency, whose = _latency(live.name, flows, asked)
    parts = (latency, live.max_concurrent, asked.busy_ratio)
    for_all = needed(rate, *parts)
    cores = cores_of(live.instance_type)
    quota = ceil(round(RESERVE * for_all, 9))
    at_once = 2 * live.max_concurrent * live.instances
    return Size(
        deployment=live.name,
        instances=live.instances,
        max_concurrent=live.max_concurrent,
        percent=percent,
        per_second=rate,
        latency_seconds=latency,
        latency_of=whose,
        needed=needed(rate * percent / 100, *parts),
        needed_for_all=for_all,
        refuses_above=at_once / latency if latency else float("inf"),
        quota_instances=quota,
        quota_cores=quota * cores if cores else None,
    )


def _latency(name: str, flows: Mapping[str, Flow], asked: Asked) -> tuple[float, str]:
    """Its own, else that of the slowest of the others."""
    if asked.latency_seconds is not None:
        return asked.latency_seconds, ""
    whose = name if name in flows else max(flows, key=lambda each: flows[each].mean_ms)
    return flows[whose].mean_ms / 1000, whose


def cores_of(size: str) -> int | None:
    """The cores of Standard_DS3_v2, Standard_F4s_v2...; None where it can't be told."""
    found = re.fullmatch(r"Standard_([A-Z]+)(\d+)([a-z]*)(_v\d+)?", size)
    if not found:
        return None
    family, number, _, version = found.groups()
    if family in ("D", "DS") and version == "_v2":
        return NUMBERED.get(number)
    return int(number)


def asked(since: str, rps: str | None, latency: str | None, busy: str) -> Asked:
    """What the flags mean; raise UsageError."""
    length = duration(since, "--since")
    if length > LONGEST:
        raise UsageError(f"--since takes up to {LONGEST.days}d, not {since}.")
    percent = int(busy) if busy.isascii() and busy.isdigit() else 0
    if not 1 <= percent <= 100:
        raise UsageError(f"--busy takes a percentage from 1 to 100, not {busy!r}.")
    return Asked(
        since=length,
        per_second=_rate(rps) if rps is not None else None,
        latency_seconds=_seconds(latency) if latency is not None else None,
        busy_ratio=percent / 100,
    )


def _rate(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 1_000_000:
        raise UsageError(f"--rps takes requests a second, such as 50, not {text!r}.")
    return found


def _seconds(text: str) -> float:
    try:
        return float(seconds(text))
    except ValueError:
        raise UsageError(
            f"--latency takes a time such as 80ms, not {text!r}."
        ) from None
