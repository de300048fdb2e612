"""Sends what waits in the outbox: each address in its own order and its own thread.

An address that is slow or dead holds up nobody else. Retries are spaced as Azure spaces
them, and an address that has failed them all is left alone for a quarter of an hour. A
trial goes past all that, once: somebody waits to hear how it went.
Azure: action-groups, "Webhook retry behavior".
"""

import logging
import threading
import time
from datetime import datetime, timedelta

from ops.localcloud import webhooks
from ops.localcloud.outbox import FAILED, SENT, Delivery
from ops.localcloud.state import State

log = logging.getLogger(__name__)

PAUSES = (5.0, 20.0, 5.0, 40.0, 5.0)  # seconds between one attempt and the next
REST = 900.0  # seconds during which an address that failed is not called
HOUR = timedelta(hours=1)
GOODBYE_SECONDS = 2.0
MOST_AT_ONCE = 32  # addresses; others wait until one of them is done
ID = "Idempotency-Key"  # by which a receiver knows what it has been told already


class Notifier:
    """The engine behind action groups and autoscale notifications."""

    def __init__(
        self, state: State, seconds: float = webhooks.SECONDS, pace: float = 1.0
    ) -> None:
        self._state = state
        self._seconds = seconds  # how long a webhook may take
        self._pace = pace  # of the pauses between attempts
        self._lock = threading.Lock()
        self._busy: dict[tuple[str, bool], threading.Thread] = {}
        self._resting: dict[str, float] = {}  # until when, in real time
        self._trimmed: datetime | None = None
        if count := state.outbox.recover():
            log.warning("%d deliveries may have been sent already: again", count)

    def step(self, _real: datetime) -> None:
        """Begin to send what is due at each address where nobody does so yet."""
        now = self._state.clock.now()
        if self._trimmed is None or now - self._trimmed >= HOUR:
            self._trimmed = now
            self._state.outbox.trim(now)
        real = self._state.clock.real()
        for delivery in self._state.outbox.next_of_each(real):
            if delivery.trial or self._resting.get(delivery.address, 0.0) <= real:
                self._begin(delivery)

    def close(self, seconds: float = GOODBYE_SECONDS) -> None:
        """Let what is being sent right now end, so that it need not be sent again."""
        with self._lock:
            threads = list(self._busy.values())
        deadline = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _real(self) -> float:
        return self._state.clock.real()

    def _begin(self, delivery: Delivery) -> None:
        queue = _queue(delivery)
        with self._lock:
            if queue in self._busy or len(self._busy) >= MOST_AT_ONCE:
                return
            thread = threading.Thread(
                target=self._send_all, args=(delivery,), name="webhook", daemon=True
            )
            self._busy[queue] = thread
        thread.start()

    def _send_all(self, first: Delivery) -> None:
        """Send one delivery after the other for as long as they arrive."""
        delivery: Delivery | None = first
        try:
            while delivery is not None and self._send(delivery):
                due = self._state.outbox.next_of_each(self._real())
                mine = (each for each in due if _queue(each) == _queue(first))
                delivery = next(mine, None)
        except Exception:  # the state was closed under it, or is full
            log.exception("deliveries to %s wait", webhooks.host(first.address))
        finally:
            with self._lock:
                self._busy.pop(_queue(first), None)

    def _send(self, delivery: Delivery) -> bool:
        """One attempt; whether the next delivery may follow at once."""
        outbox, host = self._state.outbox, webhooks.host(delivery.address)
        outbox.begin(delivery)
        outcome = webhooks.post(
            delivery.address,
            delivery.body.encode(),
            {"Content-Type": "application/json", ID: delivery.id},
            self._seconds,
        )
        if outcome.sent:
            outbox.end(delivery, SENT, outcome.detail, self._state.clock.now())
            return True
        log.warning("webhook %s at %s: %s", delivery.receiver, host, outcome.detail)
        again = outcome.again and not delivery.trial
        if again and delivery.attempts < len(PAUSES):
            until = self._real() + PAUSES[delivery.attempts] * self._pace
            outbox.put_off(delivery, outcome.detail, until)
            return False
        outbox.end(delivery, FAILED, outcome.detail, self._state.clock.now())
        if again:
            self._resting[delivery.address] = self._real() + REST * self._pace
        return not again


def _queue(delivery: Delivery) -> tuple[str, bool]:
    """What is sent in one order: to an address, but for trials."""
    return delivery.address, delivery.trial
