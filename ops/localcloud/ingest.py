"""Brings what instances, builders, gateway and engines write into the log store."""

import logging
import os
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ops.localcloud import telemetry
from ops.localcloud.flows import CONSOLE, EVENTS, TRAFFIC, Flow, flows
from ops.localcloud.holes import STEP, free
from ops.localcloud.lines import message, opened, read_lines, times
from ops.localcloud.logstore import Batch, LogStore, Position, naive
from ops.localcloud.records import parent_of
from ops.localcloud.retiring import ended
from ops.localcloud.segments import read_traffic
from ops.localcloud.sources import (
    Source,
    inodes,
    of_builder,
    of_ended,
    of_instance,
    start,
)
from ops.localcloud.state import State
from ops.localcloud.trafficrows import fact, request

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds that one step may take
BATCH_ROWS = 4000
OLDEST = timedelta(days=1)  # how far back a line's own time is believed
# A line that wasn't there at the last look was written since, whatever it says itself:
# the writer's clock may be wrong. How long a line may lie in the writer's hands.
HELD = timedelta(seconds=5)


class Ingest:
    """Steps through all sources again and again; its memory is the store's."""

    def __init__(self, state: State, store: LogStore, directory: Path) -> None:
        self._state = state
        self._store = store
        self._directory = directory
        self._flows: dict[str, Flow] = {}
        self._told: dict[str, bool] = {}  # deployment id -> appInsightsEnabled
        self._unread: dict[str, Position] = {}  # of sources of which nothing flows
        self._seen: dict[Path, Position] = {}  # where files ended as a step began
        self._heard: dict[str, datetime] = {}  # when a source was read to its end
        self._freed: dict[str, int] = {}  # bytes at the beginning of a console log
        self._batch = Batch()

    def step(self, now: datetime) -> None:
        """Take in all that was written since the last step, for PATIENCE at most."""
        deadline = time.monotonic() + PATIENCE
        self._batch = Batch()
        workspace = self._state.of_type("workspaces")[0].id
        gone = [of_ended(one, workspace) for one in ended(self._directory)]
        living = self._living()
        # Before it is known what flows: what is written after a setting is not passed.
        self._seen = {
            source.path: at for source in gone + living if (at := end(source))
        }
        self._know()
        while self._events() and time.monotonic() < deadline:
            self._store_if_large()
        while self._traffic() and time.monotonic() < deadline:
            self._store_if_large()
        for source in gone:
            self._read(source, set(), deadline)
            self._store_batch()  # before the file goes, and before the next one's
            self._remove(source)
        waiting = inodes(gone)
        for source in living:
            self._read(source, waiting.get(source.key, set()), deadline)
        self._store_batch()
        for source in living:
            self._free(source)

    def _read(self, source: Source, older: set[int], deadline: float) -> None:
        while self._console(source, older) and time.monotonic() < deadline:
            self._store_if_large()

    def _know(self) -> None:
        """What flows now. Of an endpoint that is gone, its last lines still do."""
        found = flows(self._state.of_type("diagnosticsettings"))
        there = {endpoint.id for endpoint in self._state.of_type("onlineendpoints")}
        gone = {id_: flow for id_, flow in self._flows.items() if id_ not in there}
        self._flows = gone | found
        for deployment in self._state.of_type("deployments"):
            told = bool(deployment.properties.get("appInsightsEnabled"))
            self._told[deployment.id] = told

    def _living(self) -> list[Source]:
        instances = self._state.instances()
        deployments = self._state.of_type("deployments")
        return [
            of_instance(self._directory, instance, self._state.clock)
            for instance in instances
        ] + [of_builder(self._directory, deployment) for deployment in deployments]

    def _position(self, source: str) -> Position | None:
        if source in self._batch.positions:
            return self._batch.positions[source]
        return self._store.positions().get(source) or self._unread.get(source)

    def _store_if_large(self) -> None:
        if self._batch.size >= BATCH_ROWS:
            self._store_batch()

    def _store_batch(self) -> None:
        if self._batch.size or self._batch.positions:
            self._store.append(self._batch)
        self._batch = Batch()

    # Each of these reads on in its source, and tells whether there may be more.

    def _events(self) -> bool:
        position = self._position("events") or Position()
        events = self._state.events_after(position.offset, BATCH_ROWS)
        if events:
            rows = [row for event in events if (row := self._event(event))]
            self._batch.add(EVENTS, rows)
            self._batch.positions["events"] = Position(offset=events[-1]["number"])
        return len(events) == BATCH_ROWS

    def _event(self, event: dict[str, Any]) -> dict[str, Any] | None:
        deployment = event["resource"]
        endpoint, at = parent_of(deployment), datetime.fromisoformat(event["at"])
        since = self._flows.get(endpoint, {}).get(EVENTS)
        if since is None or at < since:
            return None
        return {
            "TimeGenerated": naive(at),
            "DeploymentName": deployment.rsplit("/", 1)[1],
            "InstanceId": event["instance"],
            "Name": event["name"],
            "Message": event["message"],
            **place(endpoint),
        }

    def _traffic(self) -> bool:
        position = self._position("traffic") or Position()
        file = self._directory / "gateway" / "traffic.jsonl"
        traffic = read_traffic(file, position)
        rows = [row for line in traffic.lines if (row := request(line))]
        self._batch.add("requests", [fact(row) for row in rows])
        self._batch.add(TRAFFIC, [row for row in rows if self._flowing(row)])
        self._batch.add("AppRequests", telemetry.requests(rows, self._insights))
        if traffic.position != position:
            self._batch.positions["traffic"] = traffic.position
        return bool(traffic.lines)

    def _flowing(self, row: dict[str, Any]) -> bool:
        since = naive(self._flows.get(row["_ResourceId"], {}).get(TRAFFIC))
        return since is not None and bool(row["TimeGenerated"] >= since)

    def _insights(self, endpoint: str, deployment: str) -> bool:
        return self._told.get(f"{endpoint}/deployments/{deployment}", False)

    def _console(self, source: Source, older: set[int]) -> bool:
        flow = self._flows.get(parent_of(source.deployment), {})
        since = flow.get(CONSOLE)
        insights = self._told.get(source.deployment, False)
        with opened(source.path) as stream:
            if stream is None:
                self._unread.setdefault(source.key, Position())  # all of it is to come
                return False
            file = os.fstat(stream.fileno())
            if since is None and not insights:
                self._pass(source)
                return False
            known = self._position(source.key)
            position = start(source, file, known, since, older)
            if position is None:
                return False
            if known == position and at_end(position, file):
                self._heard[source.key] = self._state.clock.now()
                return False
            now = self._state.clock.now()
            reading = read_lines(stream, position.offset, ended=source.ended)
        earliest = self._earliest(source, since or now - OLDEST, fresh=known is None)
        stamp = self._add_lines(
            source,
            reading.lines,
            position.stamp,
            earliest,
            flows=since is not None,
            insights=insights,
        )
        if reading.offset >= file.st_size:
            self._heard[source.key] = now
        following = Position(
            segment=reading.inode, offset=reading.offset, stamp=stamp or position.stamp
        )
        if following != self._store.positions().get(source.key):
            self._batch.positions[source.key] = following
        return bool(reading.lines)

    def _earliest(self, source: Source, since: datetime, *, fresh: bool) -> datetime:
        """Before when none of a source's next lines can have been written."""
        heard = self._heard.get(source.key) or (source.begun if fresh else None)
        return max(since, heard - HELD) if heard else since

    def _pass(self, source: Source) -> None:
        """Note that nothing before a file's end, as it was seen, shall ever flow."""
        if source.key in self._store.positions():
            self._batch.positions[source.key] = None
        if source.path in self._seen:
            self._unread[source.key] = self._seen[source.path]

    def _add_lines(
        self,
        source: Source,
        lines: list[bytes],
        last: datetime | None,
        earliest: datetime,
        *,
        flows: bool,
        insights: bool,
    ) -> datetime | None:
        """Add rows of lines to the batch; return the time of the last."""
        if not lines:
            return None
        clock = self._state.clock
        texts = [message(line) for line in lines]
        stamps = times(texts, last, earliest, clock.now(), shown=clock.shown)
        endpoint = parent_of(source.deployment)
        moments = [naive(stamp) for stamp in stamps]
        name = source.deployment.rsplit("/", 1)[1]
        if flows:
            about = {
                "DeploymentName": name,
                "InstanceId": source.instance,
                "ContainerName": source.container,
                "ContainerImageName": self._image(source),
                **place(endpoint),
            }
            rows = [
                {"TimeGenerated": moment, "Message": text, **about}
                for moment, text in zip(moments, texts, strict=True)
            ]
            self._batch.add(CONSOLE, rows)
        if insights and source.instance:
            role = telemetry.Role(
                endpoint=endpoint, deployment=name, instance=source.instance
            )
            whens = [moment for moment in moments if moment]
            self._batch.add("AppTraces", telemetry.traces(role, texts, whens))
            self._batch.add("AppExceptions", telemetry.exceptions(role, texts, whens))
        return stamps[-1]

    def _image(self, source: Source) -> str:
        """The image that the deployment's environment names."""
        deployment = self._state.resource(source.deployment)
        named = deployment and deployment.properties.get("environmentId")
        environment = self._state.resource(named) if named else None
        return str(environment.properties.get("image") or "") if environment else ""

    def _free(self, source: Source) -> None:
        """Give back the disk under what is stored of a console log."""
        known = self._position(source.key)
        if known and known.offset > STEP and source.instance:
            with suppress(FileNotFoundError):
                before = self._freed.get(source.key, 0)
                self._freed[source.key] = free(source.path, known.offset, before)

    def _remove(self, source: Source) -> None:
        """Remove a log that nobody writes to any more, once all of it is stored."""
        if not source.path.is_file():
            return
        file = source.path.stat()
        known = self._position(source.key)
        if known and known.segment == file.st_ino and at_end(known, file):
            source.path.unlink()
            self._freed.pop(source.key, None)
            self._heard.pop(source.key, None)
            if source.key in self._store.positions():
                self._store.append(Batch(positions={source.key: None}))
            # A builder's next log begins anew, and an instance has no next one.
            self._unread.pop(source.key, None)
            if not source.instance:
                self._unread[source.key] = Position(stamp=known.stamp)


def end(source: Source) -> Position | None:
    """The present end of a source's file; None where there is no file."""
    try:
        file = source.path.stat()
    except FileNotFoundError:
        return None
    return Position(segment=file.st_ino, offset=file.st_size)


def at_end(position: Position, file: os.stat_result) -> bool:
    return position.offset >= file.st_size


def place(endpoint: str) -> dict[str, str]:
    """The columns that say which endpoint a row is of, by its id."""
    return {"_ResourceId": endpoint, "_SubscriptionId": endpoint.split("/")[2]}
