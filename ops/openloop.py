"""Requests by a schedule that does not wait for answers, as a service's callers do.

A closed loop (ask, wait, ask) sends less while the service is slow, and so never meets
what its callers meet. Here each request has a time when it is due, and what it takes
is measured from then.
"""

import asyncio
import random
import signal
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ops import connections
from ops.errors import OpsError
from ops.tally import Report, Tally

MOST_IN_FLIGHT = 1000
LOOK_SECONDS = 1.0  # between two pictures of a load that runs
GRACE_SECONDS = 1.0  # past the end, for requests that were due before it
RENEW_SECONDS = 600  # tokens of an endpoint live for longer than two of these
CLIENT_ID = "x-ms-client-request-id"
DEPLOYMENT = "azureml-model-deployment"
CUT_OFF = "cut off by Ctrl-C"
# What a client may well try again: overload, a model's error, a platform's.
AGAIN = frozenset((408, 424, 429, 500, 502, 503, 504))
FIRST_PAUSE_SECONDS = 0.1  # before a retry, doubled with each
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be sent, where, how fast and for how long."""

    uri: str
    bodies: list[bytes]
    rate: float  # requests a second
    seconds: float
    timeout_seconds: float
    deployment: str = ""  # pinned, past the traffic rules
    steady: bool = False  # evenly spaced; else as independent callers come (Poisson)
    retries: int = 0
    seed: int | None = None
    renewed: bool = False  # the credential is a token that expires
    proxied: bool = False  # by the environment's HTTPS_PROXY


def arrivals(plan: Plan) -> Iterator[float]:
    """When each request is due, in seconds from the start; the same for a seed."""
    draws = random.Random(plan.seed)
    at = 0.0 if plan.steady else draws.expovariate(plan.rate)
    number = 0
    while at < plan.seconds:
        yield at
        number += 1
        at = number / plan.rate if plan.steady else at + draws.expovariate(plan.rate)


def drive(plan: Plan, bearer: Callable[[], str]) -> Iterator[Report]:
    """Send it all; yield a picture every second, and last how it ended.

    Ctrl-C ends the sending and waits for what is in flight; a second one doesn't.
    `bearer` fetches the credential.
    """
    connections.allow(MOST_IN_FLIGHT + 256)
    load = _Load(plan, bearer)
    with asyncio.Runner() as runner:
        runner.run(load.begin())
        runner.get_loop().add_signal_handler(signal.SIGINT, load.stop)
        try:
            while not runner.run(load.ended(LOOK_SECONDS)):
                yield load.report()
        finally:
            runner.get_loop().remove_signal_handler(signal.SIGINT)
    yield load.report()


class _Load:
    """One load on its event loop."""

    def __init__(self, plan: Plan, bearer: Callable[[], str]) -> None:
        self._plan = plan
        self._bearer = bearer
        self._token = bearer()
        self._tally = Tally(
            run=f"load-{uuid.uuid4().hex[:12]}", asked_per_second=plan.rate
        )
        self._places = asyncio.Semaphore(MOST_IN_FLIGHT)
        self._live: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Be ready to send, then start the clock."""
        self._session = connections.session(proxied=self._plan.proxied)
        self._clock = asyncio.get_running_loop().time
        self._start = self._now = self._blocked_until = self._clock()
        self._renew_at = self._start + RENEW_SECONDS
        started = asyncio.Event()
        self._whole = asyncio.create_task(self._run(started))
        await started.wait()

    async def ended(self, seconds: float) -> bool:
        """Whether it is done; wait so long for it."""
        done, _ = await asyncio.wait({self._whole}, timeout=seconds)
        self._now = self._clock()
        if done:
            self._whole.result()  # a bug of ours shows
        return bool(done)

    def stop(self) -> None:
        tasks = self._live if self._tally.interrupted else {self._pacing}
        self._tally.interrupted = True
        for each in tasks:
            each.cancel()

    def report(self) -> Report:
        return self._tally.report(self._now - self._start)

    async def _run(self, started: asyncio.Event) -> None:
        async with self._session, asyncio.TaskGroup() as self._group:
            self._pacing = self._group.create_task(self._pace())
            started.set()

    async def _pace(self) -> None:
        """Begin every request when it is due, whatever became of those before."""
        due_times = arrivals(self._plan)
        try:
            for number, at in enumerate(due_times):
                due = self._start + at
                await asyncio.sleep(due - self._clock())
                if not await self._place(due):
                    self._tally.unsent = 1 + sum(1 for _ in due_times)
                    break
                self._begin(self._request(number, due))
                self._renew()
            await asyncio.sleep(self._start + self._plan.seconds - self._clock())
        finally:
            self._tally.sending_seconds = self._clock() - self._start

    async def _place(self, due: float) -> bool:
        """A place among those in flight; False where the load is over before."""
        last = self._start + self._plan.seconds + GRACE_SECONDS
        if self._places.locked():
            try:
                async with asyncio.timeout_at(last):
                    await self._places.acquire()
            except TimeoutError:
                return False
            self._blocked_until = self._clock()
        elif self._clock() > last:
            return False
        else:
            await self._places.acquire()
        if due < self._blocked_until:  # not the generator's own lateness
            self._tally.waited += 1
        else:
            self._tally.lateness.add((self._clock() - due) * 1000)
        return True

    def _begin(self, request: Coroutine[None, None, None]) -> None:
        task = self._group.create_task(request)
        self._live.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._live.discard(task)
        self._places.release()

    async def _request(self, number: int, due: float) -> None:
        """One request with its retries, which all carry the same id."""
        self._tally.requests += 1
        began, status, pause = due, None, FIRST_PAUSE_SECONDS
        try:
            for retry in range(self._plan.retries + 1):
                self._tally.retries += bool(retry)
                status = await self._send(number, began)
                if status is not None and status not in AGAIN:
                    break
                if retry < self._plan.retries:
                    await asyncio.sleep(pause)
                    began, pause = self._clock(), min(pause * 2, LONGEST_PAUSE_SECONDS)
        finally:
            self._tally.end(status, (self._clock() - due) * 1000)

    async def _send(self, number: int, due: float) -> int | None:
        """Send it once; return the status, or None when there was no answer."""
        import aiohttp

        bodies, lost = self._plan.bodies, CUT_OFF
        self._tally.sent += 1
        try:
            async with asyncio.timeout(self._plan.timeout_seconds):
                async with self._session.post(
                    self._plan.uri,
                    data=bodies[number % len(bodies)],
                    headers=self._headers(number),
                    allow_redirects=False,
                ) as answer:
                    await answer.read()
            lost = ""
        except TimeoutError:
            lost = f"no answer in {self._plan.timeout_seconds:g} s"
        except aiohttp.ClientConnectorError as error:
            lost = f"no connection: {connections.why(error)}"
        except (aiohttp.ClientError, OSError) as error:
            lost = f"broken off: {type(error).__name__}"
        finally:
            if lost:
                self._tally.lost[lost] += 1
        if lost:
            return None
        name = answer.headers.get(DEPLOYMENT, "")
        self._tally.answer(name, answer.status, (self._clock() - due) * 1000)
        return int(answer.status)

    def _renew(self) -> None:
        """Fetch another token beside the load, when this one has served for a while."""
        if self._plan.renewed and self._clock() > self._renew_at:
            self._renew_at += RENEW_SECONDS
            self._group.create_task(self._fetch())

    async def _fetch(self) -> None:
        with suppress(OpsError):  # the old one may do; if not, its 401 will tell
            self._token = await asyncio.to_thread(self._bearer)

    def _headers(self, number: int) -> dict[str, str]:
        pin = {DEPLOYMENT: self._plan.deployment} if self._plan.deployment else {}
        return {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            CLIENT_ID: f"{self._tally.run}-{number}",
            **pin,
        }
