"""Asks instances how they are, without anybody waiting for the answer."""

import http.client
import queue
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ops.localcloud import sockets
from ops.localcloud.recipe import Probe
from ops.localcloud.records import Instance


@dataclass(frozen=True, kw_only=True)
class Streak:
    """How one probe of one process has gone of late."""

    due: datetime
    asked: bool = False  # an answer is on its way
    successes: int = 0  # in a row
    failures: int = 0  # in a row
    message: str = ""  # of the last failure

    def passes(self, probe: Probe) -> bool:
        return self.successes >= probe.success_threshold

    def fails(self, probe: Probe) -> bool:
        return self.failures >= probe.failure_threshold

    def is_news(self, probe: Probe) -> bool:
        """Whether it has begun to fail, or has failed for another minute."""
        a_minute = max(1, round(60 / max(probe.period, probe.timeout)))
        return self.failures % a_minute == 1 % a_minute


@dataclass(frozen=True, kw_only=True)
class Health:
    """The streaks of one process by kind: "startup", "readiness", "liveness"."""

    streaks: Mapping[str, Streak] = field(default_factory=dict)

    def streak(self, kind: str) -> Streak | None:
        return self.streaks.get(kind)


def counted(streak: Streak, problem: str | None) -> Streak:
    """The streak after one more answer: `problem` is None when it was a good one."""
    if problem is None:
        return replace(streak, asked=False, successes=streak.successes + 1, failures=0)
    return replace(
        streak,
        asked=False,
        successes=0,
        failures=streak.failures + 1,
        message=problem,
    )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one question."""

    instance: str
    port: int
    kind: str
    problem: str | None


def ask(port: int, timeout: float) -> str | None:
    """GET / of an instance: None when it is well, else what is wrong."""
    connection = sockets.Connection(port, timeout)
    try:
        connection.request("GET", "/")
        status = connection.getresponse().status
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if 200 <= status < 400 else f"HTTP probe failed with status {status}"


class Prober:
    """Keeps the streaks of all instances; asks in threads, counts in collect()."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="probe")
        self._streaks: dict[tuple[str, int], dict[str, Streak]] = {}

    def collect(self) -> list[Answer]:
        """Count the answers that have come since; return them in order."""
        answers = []
        while not self._answers.empty():
            answer = self._answers.get()
            streaks = self._streaks.get((answer.instance, answer.port), {})
            if answer.kind in streaks:
                streaks[answer.kind] = counted(streaks[answer.kind], answer.problem)
                answers.append(answer)
        return answers

    def health(self, instance: Instance) -> Health:
        streaks = self._streaks.get((instance.id, instance.port or 0), {})
        return Health(streaks=dict(streaks))

    def ask(
        self, instance: Instance, probes: Mapping[str, Probe], now: datetime
    ) -> None:
        """Send out the questions that are due. While startup fails, only that one."""
        if instance.port is None or instance.started is None:
            return
        streaks = self._streaks.setdefault((instance.id, instance.port), {})
        startup = probes.get("startup")
        starting = startup is not None and not (
            "startup" in streaks and streaks["startup"].passes(startup)
        )
        for kind, probe in probes.items():
            if (kind == "startup") != starting:
                continue
            first = instance.started + timedelta(seconds=probe.initial_delay)
            streak = streaks.get(kind) or Streak(due=first)
            if now >= streak.due and not streak.asked:
                due = now + timedelta(seconds=probe.period)
                streak = replace(streak, due=due, asked=True)
                self._threads.submit(
                    self._question, instance.id, instance.port, kind, probe.timeout
                )
            streaks[kind] = streak

    def _question(self, instance: str, port: int, kind: str, timeout: float) -> None:
        problem = ask(port, timeout)
        self._answers.put(
            Answer(instance=instance, port=port, kind=kind, problem=problem)
        )
        self._ring()

    def forget(self, keep: set[tuple[str, int]]) -> None:
        """Drop the streaks of processes that are no more."""
        for gone in self._streaks.keys() - keep:
            del self._streaks[gone]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
