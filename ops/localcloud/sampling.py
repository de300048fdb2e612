"""Measures what instances really use: CPU, memory, disk, and that they are there."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from ops.localcloud.instances import identity
from ops.localcloud.logstore import Batch, LogStore, naive
from ops.localcloud.records import Instance
from ops.localcloud.router import read_json
from ops.localcloud.state import State


@dataclass(frozen=True, kw_only=True)
class Used:
    """What an instance's processes have used, since they started and right now."""

    cpu_seconds: dict[tuple[int, float], float]  # by process
    memory_bytes: int


class Sampler:
    """Takes a sample of every instance and of the gateway at each step."""

    def __init__(self, state: State, store: LogStore, directory: Path) -> None:
        self._state = state
        self._store = store
        self._directory = directory
        self._used: dict[str, dict[tuple[int, float], float]] = {}
        self._clients: set[tuple[str, int]] | None = None
        self._last: datetime | None = None

    def step(self, now: datetime) -> None:
        seconds = (now - self._last).total_seconds() if self._last else 0.0
        at = self._state.clock.shown(now)
        instances = self._state.instances()
        disk = shutil.disk_usage(self._directory)
        rows = []
        before, self._used = self._used, {}
        for instance in instances:
            if instance.state == "Stopped" or instance.pid is None:
                continue
            facts = [("DeploymentCapacity", 1.0, {"State": instance.state})]
            share = 100 * disk.used / (disk.used + disk.free)
            facts.append(("DiskUtilization", share, {"disk": "root"}))
            facts += self._measured(instance, before.get(instance.id), seconds)
            rows += [
                self._row(at, instance.deployment, name, value, instance.id, more)
                for name, value, more in facts
            ]
        rows += self._connections(at, seconds)
        self._last = now
        batch = Batch()
        batch.add("samples", rows)
        if rows:
            self._store.append(batch)

    def _measured(
        self,
        instance: Instance,
        before: dict[tuple[int, float], float] | None,
        seconds: float,
    ) -> Iterator[tuple[str, float, dict[str, str]]]:
        used = use(instance)
        if used is None:
            return
        self._used[instance.id] = used.cpu_seconds
        share = 100 * used.memory_bytes / psutil.virtual_memory().total
        yield "CpuMemoryUtilizationPercentage", min(share, 100.0), {}
        if before is not None and seconds > 0:
            yield "CpuUtilizationPercentage", cpu(before, used, seconds), {}

    def _row(
        self,
        at: datetime,
        resource: str,
        metric: str,
        value: float,
        instance: str = "",
        more: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        dimensions = ({"instanceId": instance} if instance else {}) | (more or {})
        return {
            "At": naive(at),
            "Resource": resource,
            "Metric": metric,
            "Dimensions": json.dumps(dimensions),
            "Value": value,
        }

    def _connections(self, at: datetime, seconds: float) -> list[dict[str, Any]]:
        """The gateway's connections: it is one for all endpoints."""
        before, self._clients = self._clients, clients(self._directory)
        endpoints = self._state.of_type("onlineendpoints")
        if self._clients is None:
            return []
        facts = [("ConnectionsActive", float(len(self._clients)))]
        if before is not None and seconds > 0:
            new = len(self._clients - before) / seconds
            facts.append(("NewConnectionsPerSecond", new))
        return [
            self._row(at, endpoint.id, name, value)
            for endpoint in endpoints
            for name, value in facts
        ]


def use(instance: Instance) -> Used | None:
    """What the instance's process and those it has started use; None of a dead one."""
    known = identity(instance)
    try:
        if known is None:
            return None
        master = psutil.Process(known.pid)
        if master.create_time() != known.created:
            return None
        family = [master, *master.children(recursive=True)]
    except psutil.Error:
        return None
    seconds, memory = {}, 0
    for process in family:
        try:
            with process.oneshot():
                times = process.cpu_times()
                memory += process.memory_info().rss
                key = (process.pid, process.create_time())
                seconds[key] = times.user + times.system
        except psutil.Error:
            continue  # it has ended meanwhile
    return Used(cpu_seconds=seconds, memory_bytes=memory)


def cpu(before: dict[tuple[int, float], float], used: Used, seconds: float) -> float:
    """The percentage of one core: each instance has one worker, which is a process."""
    spent = sum(
        total - before.get(process, 0.0) for process, total in used.cpu_seconds.items()
    )
    return min(max(100 * spent / seconds, 0.0), 100.0)


def clients(directory: Path) -> set[tuple[str, int]] | None:
    """Who is connected to the gateway; None when it does not run."""
    facts = read_json(directory / "gateway" / "gateway.json")
    if facts is None:
        return None
    try:
        connections = psutil.Process(facts["pid"]).net_connections("tcp4")
    except psutil.Error:
        return None
    return {
        (one.raddr.ip, one.raddr.port)
        for one in connections
        if one.status == psutil.CONN_ESTABLISHED
        and one.laddr.port == facts["port"]
        and one.raddr
    }
