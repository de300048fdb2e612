"""The probe lane: the sample request, each second, straight to two deployments.

It waits for no telemetry: a deployment that is dead is known within seconds, and one
that answers 200 with garbage is known at all. A probe is no client's request. It has a
user agent of its own, by which the queries of a rollout leave it out.
"""

import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Self

from ops import shapes
from ops.errors import OpsError
from ops.shapes import Shape

USER_AGENT = "aml-ops-probe"  # ops/queries/canary.kql leaves it out
PIN = "azureml-model-deployment"  # Azure: bypasses the traffic rules
SAMPLES = 3  # good answers of which a shape is learned
MOST_WAITING = 32  # probes of one deployment that have no answer yet
GRACE_SECONDS = 1.0  # beyond a deployment's own timeout: its 408 has to arrive


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where probes go, what they carry, and who may ask."""

    uri: str
    payload: bytes
    timeouts: dict[str, float]  # seconds, by deployment
    credential: Callable[[], str]  # asked again when the old one is refused


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How the probes of one deployment ended since the last time it was asked."""

    answered: int = 0  # or given up
    failed: int = 0
    reason: str = ""  # of the latest failure


def learn(target: Target, name: str) -> Shape | None:
    """The shape of a deployment's answers; None where it gives no good one."""
    key = target.credential()
    asked = (ask(target, name, key, None) for _ in range(SAMPLES))
    return shapes.learned([body for said, body in asked if not said])


def check(target: Target, name: str, shape: Shape | None) -> str:
    """Why a deployment's answer is not a good one; "" if it is."""
    return ask(target, name, target.credential(), shape)[0]


def ask(target: Target, name: str, key: str, shape: Shape | None) -> tuple[str, bytes]:
    """Send one probe; return why its answer is not a good one, and the answer."""
    import requests

    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "x-ms-client-request-id": f"{USER_AGENT}-{uuid.uuid4().hex[:20]}",
        PIN: name,
    }
    seconds = target.timeouts[name] + GRACE_SECONDS
    try:
        answer = requests.post(
            target.uri, target.payload, headers=headers, timeout=seconds
        )
    except requests.Timeout:
        return f"no answer within {seconds:g} s", b""
    except requests.RequestException as error:
        return f"no answer: {type(error).__name__}", b""
    if answer.status_code != 200:
        return f"answered {answer.status_code}", answer.content
    return shapes.difference(shape, answer.content), answer.content


class Probes:
    """Asks in a thread of its own, from `with` to its end."""

    def __init__(
        self,
        target: Target,
        names: Iterable[str],
        shape: Shape | None,
        *,
        period_seconds: float = 1.0,
    ) -> None:
        self.failed = Event()  # set at every failure: a reason to look at once
        self._target = target
        self._shape = shape
        self._period = period_seconds
        self._lock = Lock()
        self._tallies = {name: Tally() for name in names}
        self._waiting = dict.fromkeys(self._tallies, 0)
        self._key = ""
        self._stop = Event()

    def __enter__(self) -> Self:
        Thread(target=self._run, name="probes", daemon=True).start()
        return self

    def __exit__(self, *how: object) -> None:
        self._stop.set()

    def take(self) -> dict[str, Tally]:
        """What has ended since the last time, by deployment."""
        with self._lock:
            taken = self._tallies
            self._tallies = {name: Tally() for name in taken}
            self.failed.clear()
            return taken

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            # What can't sign in can't probe: the key in hand lasts through an outage.
            with suppress(OpsError):
                self._key = self._key or self._target.credential()
            for name in self._waiting if self._key else ():
                self._send(name)
            due = max(due + self._period, time.monotonic())
            self._stop.wait(due - time.monotonic())

    def _send(self, name: str) -> None:
        """One probe, in a thread that a dead deployment may hold up."""
        with self._lock:
            if self._waiting[name] >= MOST_WAITING:
                return
            self._waiting[name] += 1
        Thread(target=self._probe, args=(name, self._key), daemon=True).start()

    def _probe(self, name: str, key: str) -> None:
        reason, _ = ask(self._target, name, key, self._shape)
        with self._lock:
            self._waiting[name] -= 1
            if reason == "answered 401":  # the key was replaced: nobody's failure
                self._key = ""
                return
            before = self._tallies[name]
            self._tallies[name] = Tally(
                answered=before.answered + 1,
                failed=before.failed + bool(reason),
                reason=reason or before.reason,
            )
            if reason:
                self.failed.set()
