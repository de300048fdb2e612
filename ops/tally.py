"""What became of the requests of a load: exact counts, and how long answers took."""

import math
from collections import Counter
from dataclasses import dataclass, field

WIDTH = math.log(1.01)  # of a latency bucket: what is read from one is 0.5% off at most
BEHIND_MS = 5.0  # a generator's own lateness below this is the scheduler's
BEHIND_RATIO = 0.1  # of what was measured; more, and the generator measures itself


class Latencies:
    """Milliseconds in buckets, so that a day of them takes no more memory than one."""

    def __init__(self) -> None:
        self.count, self.most = 0, 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, milliseconds: float) -> None:
        self.count += 1
        self.most = max(self.most, milliseconds)
        self._buckets[int(math.log(max(milliseconds, 0.001)) // WIDTH)] += 1

    def percentile(self, percent: float) -> float | None:
        """The latency that so many percent lie at or below; None without any."""
        rank, seen = math.ceil(self.count * percent / 100), 0
        for bucket, count in sorted(self._buckets.items()):
            seen += count
            if seen >= rank:
                return round(min(math.exp((bucket + 0.5) * WIDTH), self.most), 3)
        return None

    def summary(self) -> "Summary":
        return Summary(
            count=self.count,
            p50_ms=self.percentile(50),
            p95_ms=self.percentile(95),
            p99_ms=self.percentile(99),
            max_ms=round(self.most, 3) if self.count else None,
        )


@dataclass(frozen=True, kw_only=True)
class Summary:
    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Answers:
    """All answers of one deployment with one status; "" where none is named."""

    deployment: str
    status: int
    latency: Summary


@dataclass(frozen=True, kw_only=True)
class Report:
    """A load so far, or in the end. A request is sent once, and again at each retry.

    sent = answered + lost + in_flight, and in the end in_flight is 0. Latencies run
    from when a request was due, not from when it could be sent: a service that is slow
    can't hide it by slowing down who asks.
    """

    run: str  # each x-ms-client-request-id begins with it
    elapsed_seconds: float  # to the last answer
    asked_per_second: float
    per_second: float  # requests begun, while there were any to begin
    requests: int  # begun, by the schedule
    unsent: int  # due, and never begun
    succeeded: int  # requests answered with 2xx in the end
    failed: int
    sent: int  # requests and their retries
    answered: int
    in_flight: int
    lost: dict[str, int]  # sent and never answered, by what became of them
    retries: int
    answers: list[Answers]
    latency: Summary  # of requests, from when they were due to their last answer
    lateness: Summary  # how long after it was due the generator began a request
    waited: int  # requests that found as many in flight as there may be
    interrupted: bool
    warnings: list[str]

    @property
    def lost_count(self) -> int:
        return sum(self.lost.values())


@dataclass
class Tally:
    """Counts while a load runs; `report()` is a picture of it."""

    run: str
    asked_per_second: float
    sending_seconds: float = 0.0  # 0: it still begins requests
    requests: int = 0
    unsent: int = 0
    succeeded: int = 0
    failed: int = 0
    sent: int = 0
    answered: int = 0
    retries: int = 0
    waited: int = 0
    interrupted: bool = False
    lost: Counter[str] = field(default_factory=Counter)
    latency: Latencies = field(default_factory=Latencies)
    lateness: Latencies = field(default_factory=Latencies)
    answers: dict[tuple[str, int], Latencies] = field(default_factory=dict)

    def answer(self, deployment: str, status: int, milliseconds: float) -> None:
        self.answered += 1
        key = (deployment, status)
        if key not in self.answers:
            self.answers[key] = Latencies()
        self.answers[key].add(milliseconds)

    def end(self, status: int | None, milliseconds: float) -> None:
        """A request has its last answer, or None: its last try was lost."""
        if status is None:
            self.failed += 1
            return
        self.latency.add(milliseconds)
        if 200 <= status < 300:
            self.succeeded += 1
        else:
            self.failed += 1

    def report(self, elapsed_seconds: float) -> Report:
        latency, lateness = self.latency.summary(), self.lateness.summary()
        sending = self.sending_seconds or elapsed_seconds
        return Report(
            run=self.run,
            elapsed_seconds=round(elapsed_seconds, 3),
            asked_per_second=self.asked_per_second,
            per_second=round(self.requests / sending, 3) if sending else 0.0,
            requests=self.requests,
            unsent=self.unsent,
            succeeded=self.succeeded,
            failed=self.failed,
            sent=self.sent,
            answered=self.answered,
            in_flight=self.sent - self.answered - self.lost.total(),
            lost=dict(self.lost),
            retries=self.retries,
            answers=[
                Answers(deployment=name, status=status, latency=found.summary())
                for (name, status), found in sorted(self.answers.items())
            ],
            latency=latency,
            lateness=lateness,
            waited=self.waited,
            interrupted=self.interrupted,
            warnings=warnings(latency, lateness, self.waited),
        )


def warnings(latency: Summary, lateness: Summary, waited: int) -> list[str]:
    """What keeps the numbers from meaning what they seem to."""
    found = []
    late, took = lateness.p99_ms or 0.0, latency.p99_ms or 0.0
    if late >= BEHIND_MS and late >= BEHIND_RATIO * took:
        found.append(
            f"the generator fell behind its own schedule (p99 {late:.0f} ms, at worst "
            f"{lateness.max_ms:.0f} ms): the latencies are partly its own. Ask for "
            "less, or from a machine with more to spare."
        )
    if waited:
        found.append(
            f"{waited:,} requests were due while as many as may be were in flight, and "
            "waited for a place; their latencies say so."
        )
    return found
