"""What is wrong with an endpoint: read everything once, then let the rules speak."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from ops import endpoints, journal, platform, readings
from ops.alerting import fired
from ops.clients import Workspace
from ops.diagnosis import rules
from ops.diagnosis.facts import Facts, Finding
from ops.endpoints import Endpoint
from ops.errors import OpsError, Unhealthy
from ops.measures import Window, window

TAIL_LINES = 500
CHANGES = 50
READERS = 6  # a slow service is asked several things at a time

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The findings, the worst first, and what could not be looked at."""

    endpoint: str
    since: datetime
    until: datetime
    findings: list[Finding]
    unread: list[str]

    @property
    def serious(self) -> int:
        return sum(each.severity == "serious" for each in self.findings)


def diagnose(
    workspace: Workspace, name: str, window: Window, *, flags: str = ""
) -> Diagnosis:
    """Find what is wrong; raise NotFound where there is no such endpoint."""
    facts = gather(workspace, endpoints.get(workspace, name), window, flags=flags)
    return Diagnosis(
        endpoint=name,
        since=window.since,
        until=window.until,
        findings=rules.findings(facts),
        unread=facts.unread,
    )


def span(since: str, now: datetime) -> Window:
    """From `since` ago until `now`; raise UsageError."""
    return window(since, "1m", now)


def require_healthy(diagnosis: Diagnosis) -> None:
    """Raise Unhealthy (exit status 3) where a finding is serious, or not all is known.

    What can't be looked at may be what is wrong.
    """
    if count := diagnosis.serious:
        found = "1 serious finding" if count == 1 else f"{count} serious findings"
        raise Unhealthy(f"{diagnosis.endpoint}: {found}.")
    if unread := len(diagnosis.unread):
        sources = "1 source" if unread == 1 else f"{unread} sources"
        raise Unhealthy(
            f"{diagnosis.endpoint}: {sources} could not be looked at, so it is not "
            "known whether it is healthy."
        )


def gather(
    workspace: Workspace, endpoint: Endpoint, window: Window, *, flags: str = ""
) -> Facts:
    """Read all there is; what can't be read is named in `unread`, and the rest goes on.

    Without diagnostics the counts come from Azure Monitor's metrics, and events are not
    to be had.
    """
    reader = Reader(workspace, endpoint)
    facts = Facts(
        endpoint=endpoint,
        window=window,
        flags=flags,
        history=journal.entries(workspace.stage.name, endpoint.name, CHANGES),
    )
    flowing = reader.read(
        "diagnostic settings", lambda: readings.flowing(workspace, endpoint.name)
    )
    facts = replace(facts, diagnostics=None if flowing is None else bool(flowing))
    with ThreadPoolExecutor(READERS) as pool:
        asked = {
            field: pool.submit(reader.read, what, read)
            for field, what, read in _questions(reader, window, flowing or set())
        }
        found = {field: future.result() for field, future in asked.items()}
    known = {field: value for field, value in found.items() if value is not None}
    return replace(facts, **known, unread=reader.unread)


class Reader:
    """Reads one thing after another, and remembers what could not be read."""

    def __init__(self, workspace: Workspace, endpoint: Endpoint) -> None:
        self.workspace = workspace
        self.endpoint = endpoint
        self.unread: list[str] = []

    def read(self, what: str, question: Callable[[], T]) -> T | None:
        try:
            return question()
        except OpsError as error:
            self.unread.append(f"{what}: {error.problem.splitlines()[0]}")
            return None

    def tails(self, container: str) -> dict[str, list[str]]:
        asked = {"containerType": container, "tail": TAIL_LINES}
        found = {}
        for name in self.endpoint.deployments:
            path = f"{endpoints.path(self.endpoint.name, name)}/getLogs"
            content = self.workspace.post(path, asked).get("content") or ""
            found[name] = content.splitlines()
        return found


def _questions(
    reader: Reader, window: Window, flowing: set[str]
) -> list[tuple[str, str, Callable[[], Any]]]:
    """Which field of the facts, what it is called, and how to read it."""
    workspace, endpoint, name = reader.workspace, reader.endpoint, reader.endpoint.name
    questions: list[tuple[str, str, Callable[[], Any]]] = [
        ("consoles", "console logs", lambda: reader.tails("InferenceServer")),
        ("builds", "build logs", lambda: reader.tails("StorageInitializer")),
        ("usage", "metrics", lambda: readings.usage(workspace, endpoint, window)),
        ("alerts", "alerts", lambda: fired.fired(workspace, name)),
    ]
    if readings.REQUESTS in flowing:
        questions += [
            (
                "outcomes",
                "requests",
                lambda: readings.outcomes(workspace, name, window),
            ),
            (
                "latencies",
                "latency",
                lambda: readings.latencies(workspace, name, window),
            ),
            ("points", "series", lambda: readings.series(workspace, name, window)),
        ]
    else:
        questions += [
            (
                "outcomes",
                "requests",
                lambda: platform.outcomes(workspace, name, window),
            ),
            ("points", "series", lambda: platform.points(workspace, name, window)),
        ]
    if readings.EVENTS in flowing:
        questions.append(
            ("events", "events", lambda: readings.events(workspace, name, window))
        )
    return questions
