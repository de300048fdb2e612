"""One writer at a time for an endpoint, whatever machine each sits at.

The lock is a blob lease in the workspace's own storage, renewed by a thread and never
infinite: who dies or is cut off loses it in LEASE_SECONDS. Each taking has a number
higher than any before it, the fence. A holder says in the lock that it is about to
write and under which number (`announce`); the number travels in the endpoint's tags.
So a write of one who had lost the lock without knowing it is seen by the next holder.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote
from uuid import uuid4

from ops import journal, storage
from ops.clock import RealTime
from ops.errors import Busy, Conflict, OpsError, ServiceError, Unreachable
from ops.settings import who
from ops.storage import Container, Reply

if TYPE_CHECKING:
    from ops.clients import Workspace

LEASE_SECONDS = 15  # the shortest that Azure gives: 15 to 60, or without an end
RENEW_SECONDS = 5.0
PATIENCE_SECONDS = 5.0  # most verbs hold it for less than that
ASK_SECONDS = 0.25
META = "x-ms-meta-"
LOST = 409, 412  # not ours any more


@dataclass(frozen=True, kw_only=True)
class Note:
    """What stands in the lock: who took it last, and which write was announced last."""

    fence: int = 0
    verb: str = ""
    who: str = ""
    since: str = ""
    wrote: int = 0  # the fence of the last write that was announced
    upon: int = 0  # the fence that the endpoint's tags showed before it


NOBODY = Note()


class Held:
    """The lock while it is held."""

    def __init__(
        self,
        lock: "_Lock | None",
        note: Note,
        *,
        before: Note = NOBODY,
        without: str = "",
    ) -> None:
        self._lock = lock
        self.note = note
        self.before = before  # as the last holder left it
        self.without = without  # why there is no lock

    @property
    def fence(self) -> int:
        return self.note.fence

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Keep it all the while."""
        if self._lock is None:
            yield
            return
        with self._lock.renewed():
            yield

    def require(self) -> None:
        """Raise Conflict unless the lock is still ours; it lasts anew from now on."""
        if self._lock:
            self._lock.renew()

    def announce(self, upon: int) -> int:
        """Say that a write comes, upon tags with this fence; return the write's own.

        Raise Conflict where the lock is lost. Two writes of one holder have two fences.
        """
        used = self.note.wrote == self.note.fence
        fence = max(self.note.fence + used, upon + 1)
        self.note = replace(self.note, fence=fence, wrote=fence, upon=upon)
        self._say()
        return fence

    def retract(self) -> None:
        """Say that the announced write was refused."""
        self.note = replace(self.note, wrote=self.note.upon)
        self._say()

    def forget(self) -> None:
        """Say that there is nothing written any more: the endpoint is deleted."""
        self.note = replace(self.note, wrote=0, upon=0)
        self._say()

    def _say(self) -> None:
        if self._lock:
            self._lock.write(self.note)


@contextmanager
def hold(
    workspace: "Workspace", endpoint: str, verb: str, *, needed: bool = True
) -> Iterator[Held]:
    """Keep other changes off an endpoint; raise Busy with who has it.

    `needed=False` goes on where storage can't be reached, as a rollback must: only
    this machine's lock is held then.
    """
    with journal.lock(verb, workspace.stage.name, endpoint, PATIENCE_SECONDS):
        lock = _Lock(workspace.container, workspace.real_time, endpoint)
        with lock.given_back():
            try:
                held = _taken(workspace, lock, verb)
            except (Unreachable, ServiceError) as error:
                if needed:
                    raise _no_lock(endpoint, error) from None
                held = Held(None, Note(), without=error.problem.splitlines()[0])
            with held.renewed():
                yield held


class _Lock:
    """The blob of one endpoint, and the lease on it."""

    def __init__(
        self, container: Container, real_time: RealTime, endpoint: str
    ) -> None:
        self._container = container
        self._real_time = real_time
        self._name = f"aml-ops/{endpoint}.lock"
        self.endpoint = endpoint
        self._id = str(uuid4())
        self._lost = ""
        self._asked = False

    def take(self) -> bool:
        """Take the lease; False while another has it."""
        self._asked = True
        reply = self._lease("acquire")
        if reply.status == 404:
            headers = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}
            self._container.send("PUT", self._name, headers=headers)
            reply = self._lease("acquire")  # refused if another was faster
        if reply.status == 409:
            self._asked = False
            return False
        storage.require(reply, self._name)
        return True

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """Give it back at the end, also if a Ctrl-C comes while it is being taken."""
        try:
            yield
        finally:
            if self._asked:
                with suppress(OpsError):  # else it ends by itself
                    self._lease("release")

    def read(self) -> Note:
        reply = self._container.send("HEAD", self._name)
        storage.require(reply, self._name)
        return _note(reply.headers)

    def write(self, note: Note) -> None:
        """Leave a note in the lock; raise Conflict where the lease is lost."""
        headers = {**_meta(note), "x-ms-lease-id": self._id}
        query = {"comp": "metadata"}
        self._check(
            self._container.send("PUT", self._name, query=query, headers=headers)
        )

    def renew(self) -> None:
        self._check(self._lease("renew"))

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew it all the while."""
        with self._real_time.every(RENEW_SECONDS, self._goes_on):
            yield

    def _goes_on(self) -> bool:
        """Renew it; False where it is lost."""
        try:
            self.renew()
        except Conflict:
            return False  # told to the holder by the next require() or announce()
        except OpsError:
            pass  # the next may get through before the lease ends
        return True

    def _lease(self, action: str) -> Reply:
        own = "x-ms-proposed-lease-id" if action == "acquire" else "x-ms-lease-id"
        headers = {"x-ms-lease-action": action, own: self._id}
        if action == "acquire":
            headers["x-ms-lease-duration"] = str(LEASE_SECONDS)
        query = {"comp": "lease"}
        return self._container.send("PUT", self._name, query=query, headers=headers)

    def _check(self, reply: Reply) -> None:
        if reply.status in LOST:
            self._lost = reply.code
        if self._lost:
            raise Conflict(
                f"The lock of {self.endpoint} was lost meanwhile ({self._lost}): "
                f"this process was held up for longer than {LEASE_SECONDS} s. "
                "Nothing is written any more.",
                "invoke history   # what others did meanwhile",
                "invoke status",
            )
        storage.require(reply, self._name)


def _taken(workspace: "Workspace", lock: _Lock, verb: str) -> Held:
    """Take the lock, waiting a little for one who will soon be done."""
    real_time = workspace.real_time
    deadline = real_time.seconds() + PATIENCE_SECONDS
    while not lock.take():
        if real_time.seconds() > deadline:
            raise _busy(lock.endpoint, lock.read())
        real_time.pause(ASK_SECONDS)
    before = lock.read()
    since = workspace.now().isoformat(timespec="seconds")
    note = replace(before, fence=before.fence + 1, verb=verb, who=who(), since=since)
    lock.write(note)
    return Held(lock, note, before=before)


def _busy(endpoint: str, note: Note) -> Busy:
    return Busy(
        f"{endpoint} is being changed: {note.verb} by {note.who or 'somebody'}, since "
        f"{_clock(note.since)} UTC. The lock is renewed while that runs; if it is "
        f"dead, the lock is free in {LEASE_SECONDS} s at the latest.",
        "invoke history   # and again when it is done",
    )


def _no_lock(endpoint: str, error: OpsError) -> Unreachable:
    return Unreachable(
        f"The lock of {endpoint} can't be taken, so nothing was begun: {error.problem}",
        *error.remedies,
        "invoke rollback   # goes without the lock if it must",
    )


def _clock(since: str) -> str:
    try:
        return f"{datetime.fromisoformat(since).astimezone(UTC):%H:%M:%S}"
    except ValueError:
        return "an unknown time"


def _meta(note: Note) -> dict[str, str]:
    """As metadata: header values are ASCII, and nothing may end one."""
    return {f"{META}{k}": quote(str(v), safe=" @:+-") for k, v in vars(note).items()}


def _note(headers: Mapping[str, str]) -> Note:
    texts = {
        name.removeprefix(META): unquote(value)
        for name, value in headers.items()
        if name.startswith(META)
    }

    def number(name: str) -> int:
        return int(text) if (text := texts.get(name, "")).isdecimal() else 0

    return Note(
        fence=number("fence"),
        verb=texts.get("verb", ""),
        who=texts.get("who", ""),
        since=texts.get("since", ""),
        wrote=number("wrote"),
        upon=number("upon"),
    )
