"""What is to be sent to receivers, and what has become of it: the notifier's table.

A delivery is written in the same transaction as what it tells of. Its id says of what
it tells and whom, so that nothing is queued twice; the same goes with every attempt.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from sqlite3 import Row

from ops.localcloud.database import Database
from ops.localcloud.records import moment, text

KEPT = timedelta(days=30)
MOST_ENDED = 20_000  # of which it is remembered what has become of them
MOST_WAITING = 500  # for one address; what comes then is not queued, and says so
# Waiting for its time; Sending, or so it was when localcloud went; the others are ends.
WAITING, SENDING, SENT, FAILED, NOT_SENT = (
    *("Waiting", "Sending", "Sent", "Failed", "NotSent"),
)

TEST = "Test"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One message to one receiver."""

    about: str  # the id of an alert, of a test, of a scale action
    event: str  # Fired, Resolved, TEST, Scale
    kind: str  # Webhook, Email, ... as action groups call it
    receiver: str  # its name
    address: str = ""  # a URL is a secret: never log it
    body: str = ""
    state: str = WAITING
    detail: str = ""  # why it has not been sent, or what was answered
    attempts: int = 0
    created: datetime
    ended: datetime | None = None

    @property
    def trial(self) -> bool:
        """Whether somebody waits to hear what becomes of it, and not for its news."""
        return self.event == TEST

    @property
    def id(self) -> str:
        of_what = (self.about, self.event, self.kind, self.receiver, self.address)
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(of_what)))


class Outbox:
    """The table of deliveries. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """Queue deliveries; what is queued or was sent already is left as it is."""
        for each in deliveries:
            kept = each
            if each.state == WAITING and self._waiting(each.address) >= MOST_WAITING:
                detail = f"{MOST_WAITING} deliveries wait there already"
                kept = replace(each, state=FAILED, ended=each.created, detail=detail)
            self._db.write(
                "INSERT OR IGNORE INTO deliveries VALUES "
                "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
                *(each.id, each.about, each.event, each.kind, each.receiver),
                *(each.address, each.body, kept.state, kept.detail, each.attempts),
                *(text(each.created), kept.ended and text(kept.ended)),
            )

    def of(self, about: str) -> list[Delivery]:
        """All that is told of one thing, in the order in which it was queued."""
        sql = "SELECT * FROM deliveries WHERE about = ? ORDER BY rowid"
        return [_to_delivery(row) for row in self._db.all(sql, about)]

    def next_of_each(self, real: float) -> list[Delivery]:
        """The first that waits at each address, and the first trial, if it is due."""
        rows = self._db.all(
            "SELECT * FROM deliveries WHERE rowid IN "
            "(SELECT min(rowid) FROM deliveries WHERE state = ? "
            "GROUP BY address, event = ?) AND due <= ? ORDER BY rowid",
            *(WAITING, TEST, real),
        )
        return [_to_delivery(row) for row in rows]

    def begin(self, delivery: Delivery) -> None:
        """It is being sent: an attempt more."""
        sql = "UPDATE deliveries SET state = ?, attempts = attempts + 1 WHERE id = ?"
        self._db.write(sql, SENDING, delivery.id)

    def end(self, delivery: Delivery, state: str, detail: str, at: datetime) -> None:
        sql = (
            "UPDATE deliveries SET state = ?, detail = ?, ended = ?, body = '' "
            "WHERE id = ?"
        )
        self._db.write(sql, state, detail, text(at), delivery.id)

    def put_off(self, delivery: Delivery, detail: str, until: float) -> None:
        """Try again at a moment of real time."""
        sql = "UPDATE deliveries SET state = ?, detail = ?, due = ? WHERE id = ?"
        self._db.write(sql, WAITING, detail, until, delivery.id)

    def recover(self) -> int:
        """What was being sent when localcloud went is sent again, by the same id."""
        sql = "UPDATE deliveries SET state = ? WHERE state = ?"
        return self._db.write(sql, WAITING, SENDING)

    def trim(self, now: datetime) -> None:
        """Let go of what has ended 30 days ago, and of the oldest of too many."""
        sql = "DELETE FROM deliveries WHERE ended < ?"
        self._db.write(sql, text(now - KEPT))
        sql = (
            "DELETE FROM deliveries WHERE rowid IN (SELECT rowid FROM deliveries "
            "WHERE ended IS NOT NULL ORDER BY rowid DESC LIMIT -1 OFFSET ?)"
        )
        self._db.write(sql, MOST_ENDED)

    def _waiting(self, address: str) -> int:
        sql = "SELECT count(*) FROM deliveries WHERE address = ? AND state = ?"
        return int(self._db.all(sql, address, WAITING)[0][0])


def _to_delivery(row: Row) -> Delivery:
    names = ("about", "event", "kind", "receiver", "address", "body", "state", "detail")
    created = datetime.fromisoformat(row["created"])
    facts = {name: row[name] for name in (*names, "attempts")}
    return Delivery(**facts, created=created, ended=moment(row["ended"]))
