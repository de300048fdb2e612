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
from itertools import count
from threading import Event, Lock, Thread
from typing import Self

from ops.errors import OpsError
from ops.rollouts import shapes
from ops.rollouts.arrivals import Probe
from ops.rollouts.shapes import Shape

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


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back for one probe; a status of 0 is no answer at all."""

    status: int
    body: bytes = b""
    wrong: str = ""  # why it is not a good one


def learn(target: Target, name: str) -> Shape | None:
    """The shape of a deployment's answers; None where it gives no good one."""
    key = target.credential()
    answers = [ask(target, name, key, None, new_id()) for _ in range(SAMPLES)]
    return shapes.learned([each.body for each in answers if not each.wrong])


def check(target: Target, name: str, shape: Shape | None) -> str:
    """Why a deployment's answer is not a good one; "" if it is."""
    return ask(target, name, target.credential(), shape, new_id()).wrong


def ask(target: Target, name: str, key: str, shape: Shape | None, id: str) -> Answer:
    """Send one probe to a deployment, and judge what it answers."""
    import requests

    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "x-ms-client-request-id": id,
        PIN: name,
    }
    seconds = target.timeouts[name] + GRACE_SECONDS
    try:
        found = requests.post(
            target.uri, target.payload, headers=headers, timeout=seconds
        )
    except requests.Timeout:
        return Answer(status=0, wrong=f"no answer within {seconds:g} s")
    except requests.RequestException as error:
        return Answer(status=0, wrong=f"no answer: {type(error).__name__}")
    code, body = found.status_code, found.content
    wrong = f"answered {code}" if code != 200 else shapes.difference(shape, body)
    return Answer(status=code, body=body, wrong=wrong)


def new_id() -> str:
    """At most 40 letters, digits, hyphens (Azure: how-to-monitor-online-endpoints)."""
    return f"{USER_AGENT}-{uuid.uuid4().hex[:8]}"


class Probes:
    """Asks in a thread of its own, from `with` to its end."""

    def __init__(
        self,
        target: Target,
        names: Iterable[str],
        shape: Shape | None,
        failed: Event,
        *,
        period_seconds: float = 1.0,
    ) -> None:
        self.failed = failed  # set at every failure: a reason to look at once
        self.run = new_id()  # what the client request ids of all probes begin with
        self._target = target
        self._shape = shape
        self._period = period_seconds
        self._lock = Lock()
        self._tallies = {name: Tally() for name in names}
        self._waiting = dict.fromkeys(self._tallies, 0)
        self._answered: list[Probe] = []
        self._numbers = count()
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
            return taken

    def answered(self) -> list[Probe]:
        """The probes answered since the last time: each of them has a row."""
        with self._lock:
            taken, self._answered = self._answered, []
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
        id = f"{self.run}-{next(self._numbers)}"
        answer = ask(self._target, name, key, self._shape, id)
        with self._lock:
            self._waiting[name] -= 1
            if answer.status:
                self._answered.append(Probe(id=id, answered=time.monotonic()))
            if answer.status == 401:  # the key was replaced: nobody's failure
                self._key = ""
                return
            before = self._tallies[name]
            self._tallies[name] = Tally(
                answered=before.answered + 1,
                failed=before.failed + bool(answer.wrong),
                reason=answer.wrong or before.reason,
            )
            if answer.wrong:
                self.failed.set()
